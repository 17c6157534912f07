/**
 * Ready-made Append frames, of which only the event ids change from use to use. Benchmark of the store, not of the encoder:
 * stamping an id costs a few nanoseconds, and yet every event has its own, so that the store's search for
 * duplicates has its whole work to do.
 */
import { randomInt } from 'node:crypto';
import { FrameWriter } from '../src/wire/frame-writer.js';
import { APPEND_PREFIX_BYTES, EVENT_PREFIX_BYTES, EXPECTED_REVISION, OPCODE } from '../src/wire/frames.js';

/** The type of every event that a benchmark writes. */
export const EVENT_TYPE = 'measured';

const EMPTY_ID = new Uint8Array(16);

/** What all frames of a run have in common. */
export interface EventShape {
  readonly eventBytes: number;
  readonly eventsPerRequest: number;
}

/**
 * Event ids that never repeat and that lie scattered, as random UUIDs do: a plain counter would walk through a hash
 * table in order and spare the store the cache misses of real life.
 */
export class EventIds {
  #next = 0;

  /** `salt`: 32 random bits that tell this source's ids from those of other runs. */
  constructor(private readonly salt: number) {}

  /** Writes the next id, 16 bytes, at `at`. */
  stamp(view: DataView, at: number): void {
    const number = this.#next++;
    const low = number >>> 0;
    view.setUint32(at, scatter(low ^ this.salt), true);
    view.setUint32(at + 4, scatter(low + 0x9e3779b9), true);
    view.setUint32(at + 8, this.salt, true);
    view.setUint32(at + 12, (number / 0x1_0000_0000) >>> 0, true);
  }
}

/** A bijection of the 32-bit integers that scatters neighbours: the finalizer of MurmurHash3 (Austin Appleby, public domain). */
function scatter(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Append frames for `slots` requests in flight, one behind the other in memory, as they come in a message: any expected
 * revision, `eventsPerRequest` events of `eventBytes` bytes of data. A slot's frame is not touched until it is stamped
 * again. There are at least as many frames as streams, and slots go through theirs in turn, so that each stream gets its share.
 */
export class RequestFrames {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** All frames are of one length. */
  readonly frameBytes: number;
  readonly #slots: number;
  readonly #framesPerSlot: number;
  readonly #idsAt: number;
  readonly #eventStride: number;
  readonly #events: number;
  #turn = 0;

  /** `streams`: names of equal length. */
  constructor(streams: readonly string[], shape: EventShape, slots: number) {
    const first = encodeAppend(streams[0]!, shape, 0);
    this.#slots = slots;
    this.#framesPerSlot = Math.ceil(streams.length / slots);
    this.frameBytes = first.length;
    this.bytes = new Uint8Array(this.frameBytes * slots * this.#framesPerSlot);
    this.view = new DataView(this.bytes.buffer);
    for (let frame = 0; frame < slots * this.#framesPerSlot; frame++) {
      const stream = streams[frame % streams.length]!;
      this.bytes.set(encodeAppend(stream, shape, frame % slots), frame * this.frameBytes);
    }
    this.#idsAt = APPEND_PREFIX_BYTES + streams[0]!.length;
    this.#eventStride = EVENT_PREFIX_BYTES + EVENT_TYPE.length + shape.eventBytes;
    this.#events = shape.eventsPerRequest;
  }

  /** Picks a frame of `slot` and gives each of its events a fresh id; returns where the frame starts. */
  stamp(slot: number, ids: EventIds): number {
    const frame = slot + this.#slots * this.#turn;
    if (++this.#turn === this.#framesPerSlot) this.#turn = 0;
    let at = frame * this.frameBytes + this.#idsAt;
    for (let left = this.#events; left > 0; left--) {
      ids.stamp(this.view, at);
      at += this.#eventStride;
    }
    return frame * this.frameBytes;
  }
}

function encodeAppend(stream: string, shape: EventShape, requestId: number): Uint8Array {
  const data = benchData(shape.eventBytes);
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, 0, requestId);
  writer.i64(EXPECTED_REVISION.any);
  writer.u16(stream.length);
  writer.u16(shape.eventsPerRequest);
  writer.utf8(stream);
  for (let i = 0; i < shape.eventsPerRequest; i++) {
    writer.bytes(EMPTY_ID);
    writer.u16(EVENT_TYPE.length);
    writer.u16(0);
    writer.u32(0);
    writer.u32(data.length);
    writer.utf8(EVENT_TYPE);
    writer.bytes(data);
  }
  writer.end();
  return writer.take();
}

/** A number that tells one run's ids and streams from another's. */
export function randomSalt(): number {
  return randomInt(2 ** 32);
}

/** The name of a run's stream number `index`; the same length for all, so that all records are of one size. */
export function streamName(run: number, index: number): string {
  return `bench-${run.toString(36).padStart(7, '0')}-${index.toString(36).padStart(4, '0')}`;
}

/** Data of `length` bytes that look like anything: not zeros, not text, the same in every run. */
export function benchData(length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = scatter(i) & 0xff;
  return data;
}
