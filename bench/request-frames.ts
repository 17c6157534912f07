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
/** Where a frame holds its request id. */
const REQUEST_ID_AT = 8;

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
 * Append frames one behind the other in memory, as they come in a message: any expected revision, `eventsPerRequest`
 * events of `eventBytes` bytes of data, the streams in turn. Used round and round: a frame must be done with when its turn
 * comes again.
 */
export class RequestFrames {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** All frames are of one length. */
  readonly frameBytes: number;
  /** How many there are. */
  readonly count: number;
  readonly #idsAt: number;
  readonly #eventStride: number;
  readonly #events: number;

  /** `streams`: names of equal length. There are at least `least` frames, and so many that each stream gets its share. */
  constructor(streams: readonly string[], shape: EventShape, least: number) {
    const frames = streams.map((stream) => encodeAppend(stream, shape));
    this.count = Math.ceil(least / streams.length) * streams.length;
    this.frameBytes = frames[0]!.length;
    this.bytes = new Uint8Array(this.frameBytes * this.count);
    this.view = new DataView(this.bytes.buffer);
    for (let frame = 0; frame < this.count; frame++) {
      this.bytes.set(frames[frame % streams.length]!, frame * this.frameBytes);
    }
    this.#idsAt = APPEND_PREFIX_BYTES + streams[0]!.length;
    this.#eventStride = EVENT_PREFIX_BYTES + EVENT_TYPE.length + shape.eventBytes;
    this.#events = shape.eventsPerRequest;
  }

  /** Makes frame number `frame` a new request: gives it a request id, and each of its events a fresh id. */
  stamp(frame: number, requestId: number, ids: EventIds): void {
    const start = frame * this.frameBytes;
    this.view.setUint32(start + REQUEST_ID_AT, requestId, true);
    let at = start + this.#idsAt;
    for (let left = this.#events; left > 0; left--) {
      ids.stamp(this.view, at);
      at += this.#eventStride;
    }
  }
}

function encodeAppend(stream: string, shape: EventShape): Uint8Array {
  const data = benchData(shape.eventBytes);
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, 0, 1);
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
