/**
 * Sends ranges of the log to followers, as the core asks for them: from the ring where it has them, else from the chunk files. Main
 * thread. One range for each follower is under way at a time, which is all that a slow one can cost.
 */
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { type Bytes, newSurvey } from '../base/ports.js';
import { earlier, type Position } from '../base/units.js';
import type { Effect, Input } from '../cluster/effects.js';
import { occupiedBytes, RECORD } from '../log/record.js';
import { type ColdLog, ColdRanges } from './cold-ranges.js';
import type { LogStore } from './log-store.js';
import type { PeerTransport } from './peer-transport.js';

export type Ship = Extract<Effect, { kind: 'ship' }>;
type Shipped = Extract<Input, { kind: 'shipped' }>;

/** What of a node's log is to be shipped. */
export type ShippedLog = Pick<LogStore, 'producer' | 'durable' | 'kernel'> & ColdLog;

/** When to try again if there was no connection, or the range could not be read. */
const RETRY_MS = 100;
const TWO_TO_32 = 0x1_0000_0000;

export class RangeShipper {
  readonly #store: ShippedLog;
  readonly #cold: ColdRanges;
  readonly #transport: PeerTransport;
  readonly #shipped: (shipped: Shipped) => void;
  readonly #survey = newSurvey();

  constructor(store: ShippedLog, transport: PeerTransport, shipped: (shipped: Shipped) => void) {
    this.#store = store;
    this.#cold = new ColdRanges(store);
    this.#transport = transport;
    this.#shipped = shipped;
  }

  ship(ship: Ship): void {
    const { producer } = this.#store;
    const { position } = ship.range;
    // A leader of old may have cut its log meanwhile: nobody waits for this any more.
    const limit = earlier(earlier(ship.limit, producer.published), position + this.#mostBytes);
    if (position >= limit) this.#tellLater(ship, position);
    else if (position >= producer.floor) this.#shipFromRing(ship, limit);
    // What is not durable yet may lie behind the end of what the files have.
    else void this.#shipFromFiles(ship, earlier(limit, this.#store.durable));
  }

  /**
   * A follower has a range in its ring as a whole, beside a transaction that goes on behind it and takes a quarter at most: in a ring that is no larger than
   * a range there would never be room. Its ring is taken to be as large as this node's.
   */
  get #mostBytes(): number {
    return this.#store.producer.memory.descriptor.ringBytes >> 2;
  }

  #shipFromRing(ship: Ship, limit: Position): void {
    const { memory } = this.#store.producer;
    const { position } = ship.range;
    const at = memory.offsetOf(position);
    // A record may go on into the apron; those behind it are for the next range.
    const wanted = Math.min(limit - position, memory.descriptor.ringBytes - at);
    const { bytes, words } = memory;
    const [low, high] = [words[(at + RECORD.position) >> 2]!, words[(at + RECORD.position + 4) >> 2]!];
    // A follower that wants what is no record is not the leader's bug.
    if (low + high * TWO_TO_32 !== position) {
      this.#tellLater(ship, position);
      return;
    }
    this.#store.kernel.survey(bytes, at, wanted, this.#survey);
    // The first record whatever its length: it may begin just before the ring's end, and go on in the apron.
    const first = occupiedBytes(words[(at + RECORD.length) >> 2]!);
    this.#send(ship, bytes.subarray(at, at + Math.max(first, this.#survey.bytes)));
  }

  async #shipFromFiles(ship: Ship, limit: Position): Promise<void> {
    const { to, range } = ship;
    try {
      const cold = await this.#cold.read(to, range.position, limit - range.position);
      this.#send(ship, cold.bytes);
      this.#cold.give(cold);
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      // The reader has told of it, so that it is mended if another member has it; until then that follower waits.
      this.#tellLater(ship, range.position);
    }
  }

  #send(ship: Ship, bytes: Bytes): void {
    const { to, range } = ship;
    assert(bytes.length > 0, 'a range has a record');
    const end = range.position + bytes.length;
    const sent = () => this.#shipped({ kind: 'shipped', to: range.to, attempt: range.attempt, end });
    if (!this.#transport.ship(to, { ...range, bytes }, sent)) this.#tellLater(ship, range.position);
  }

  #tellLater({ range: { to, attempt } }: Ship, end: Position): void {
    setTimeout(() => this.#shipped({ kind: 'shipped', to, attempt, end }), RETRY_MS).unref();
  }
}
