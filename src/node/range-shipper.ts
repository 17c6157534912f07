/**
 * Sends ranges of the log to followers, as the core asks for them: from the ring where it has them, else from the chunk files. Main
 * thread. One range for each follower is under way at a time, which is all that a slow one can cost.
 */
import { readU64 } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { Effect, Input } from '../cluster/effects.js';
import { occupiedBytes, RECORD, RECORD_HEADER_BYTES, RECORD_OCCUPIED_MIN } from '../log/record.js';
import type { LogStore } from './log-store.js';
import type { PeerTransport } from './peer-transport.js';

export type Ship = Extract<Effect, { kind: 'ship' }>;
type Shipped = Extract<Input, { kind: 'shipped' }>;

/** The log that is shipped. */
export type ShippedLog = Pick<LogStore, 'producer' | 'reader' | 'chunkSize' | 'durable'>;

/** When to try again if there was no connection, or the range could not be read. */
const RETRY_MS = 100;

export class RangeShipper {
  readonly #store: ShippedLog;
  readonly #transport: PeerTransport;
  readonly #shipped: (shipped: Shipped) => void;

  constructor(store: ShippedLog, transport: PeerTransport, shipped: (shipped: Shipped) => void) {
    this.#store = store;
    this.#transport = transport;
    this.#shipped = shipped;
  }

  ship(ship: Ship): void {
    const { producer } = this.#store;
    const { position } = ship.range;
    // A leader of old may have cut its log meanwhile: nobody waits for this any more.
    const limit = Math.min(ship.limit, producer.published);
    if (position >= limit) this.#tellLater(ship, position);
    else if (position >= producer.floor) this.#shipFromRing(ship, limit);
    // What is not durable yet may lie behind the end of what the files have.
    else void this.#shipFromFiles(ship, Math.min(limit, this.#store.durable));
  }

  #shipFromRing(ship: Ship, limit: Position): void {
    const { memory } = this.#store.producer;
    const { position } = ship.range;
    const at = memory.offsetOf(position);
    // A record may go on into the apron; those behind it are for the next range.
    const wanted = Math.min(limit - position, memory.descriptor.ringBytes - at);
    const { bytes } = memory;
    const length = wholeRecords(bytes, at, wanted, position);
    // A follower that wants what is no record is not the leader's bug.
    if (length === undefined) this.#tellLater(ship, position);
    else this.#send(ship, bytes.subarray(at, at + length));
  }

  async #shipFromFiles(ship: Ship, limit: Position): Promise<void> {
    const { position } = ship.range;
    try {
      const bytes = await this.#read(position, limit - position);
      if (bytes === undefined) this.#tellLater(ship, position);
      else this.#send(ship, bytes);
    } catch {
      // The disk has it, or another node does; what is wrong with it the reader has noted for whoever reads it.
      this.#tellLater(ship, position);
    }
  }

  /** Whole records, at least one, even if that is larger; undefined if there is none, or not all of it yet. */
  async #read(position: Position, wanted: number): Promise<Uint8Array | undefined> {
    const { reader, durable, chunkSize } = this.#store;
    const chunkRest = chunkSize - (position % chunkSize);
    const buffer = new Uint8Array(Math.min(wanted, chunkRest));
    await reader.readRaw(position, buffer);
    const length = wholeRecords(buffer, 0, buffer.length, position);
    if (length === undefined || position + length > durable) return undefined;
    if (length <= buffer.length) return buffer.subarray(0, length);
    const large = new Uint8Array(length);
    await reader.readRaw(position, large);
    return large;
  }

  #send(ship: Ship, bytes: Bytes): void {
    const { to, range } = ship;
    const end = range.position + bytes.length;
    const sent = () => this.#shipped({ kind: 'shipped', to: range.to, attempt: range.attempt, end });
    if (!this.#transport.ship(to, { ...range, bytes }, sent)) this.#tellLater(ship, range.position);
  }

  #tellLater({ range: { to, attempt } }: Ship, end: Position): void {
    setTimeout(() => this.#shipped({ kind: 'shipped', to, attempt, end }), RETRY_MS).unref();
  }
}

/**
 * How many bytes of `bytes[at, at+length)`, which begin with a record at `position`, are whole records; if the first one is longer than
 * that, its length. Undefined if there is no record.
 */
function wholeRecords(bytes: Bytes, at: number, length: number, position: Position): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let record = 0;
  while (length - record >= RECORD_HEADER_BYTES) {
    const occupied = occupiedBytes(view.getUint32(at + record + RECORD.length, true));
    const isRecord = readU64(view, at + record + RECORD.position) === position + record;
    if (!isRecord || occupied < RECORD_OCCUPIED_MIN) break;
    if (record + occupied > length) return record === 0 ? occupied : record;
    record += occupied;
  }
  return record === 0 ? undefined : record;
}
