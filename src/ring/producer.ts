/**
 * The writing end of the log ring: claims space for records, seals what was framed, and publishes it. Main thread only.
 *
 *     indexed/durable ≤ published ≤ sealed ≤ framed ≤ free end
 *
 * What is published never changes. A record is contiguous: one that runs over the ring's end goes on in the apron, and
 * what stands there is copied to the ring's start. The ring keeps what it held until it is overwritten, so that recent
 * records can be read from it.
 */

import { assert } from '../base/assert.js';
import { alignDown } from '../base/bytes.js';
import type { Bytes, ChainState, RecordKernel } from '../base/ports.js';
import { earlier, FIRST_POSITION, later, type Position } from '../base/units.js';
import { Cursor } from './cursor.js';
import { Doorbell } from './doorbell.js';
import { BLOCK_BYTES, CONTROL, type RingDescriptor, RingMemory } from './layout.js';
import { PendingCopies } from './pending-copies.js';

/**
 * The part of the ring that events leave free. A leader whose log is not committed any more, because its followers are gone, gives up, is perhaps elected
 * again, and must write the Epoch record of a new reign before anything can be committed; so must a follower whose ring is full of what
 * that leader wrote. An eighth of the smallest ring is room for 2,000 such reigns in a row.
 */
const REIGNS_PER_RING = 1 / 8;

export class RingProducer {
  readonly memory: RingMemory;
  /** For the larger parts of a record: copied together, before it is sealed. */
  readonly copies: PendingCopies;
  readonly #kernel: RecordKernel;
  readonly #published: Cursor;
  readonly #durable: Cursor;
  readonly #indexed: Cursor;
  readonly #writerBell: Doorbell;
  readonly #ringBytes: number;
  /** The end of what was sealed, and what the next record is chained to. */
  readonly #sealed: ChainState;
  /** Where the ring starts. */
  readonly #start: Position = FIRST_POSITION;
  #framed: Position = FIRST_POSITION;
  /** Where in the ring `framed` and `sealed` are: kept up, because remainders of large numbers are slow. */
  #framedAt: number;
  #sealedAt: number;
  /** No byte at or beyond this position may be claimed; moves as the slowest reader moves. */
  #freeEnd: number = FIRST_POSITION;
  #recordsInChunk: number;
  #publishedLength: number;
  /** The furthest that anything was framed, and maybe truncated since: what it overwrote is not in the ring any more. */
  #highest: number = FIRST_POSITION;

  /**
   * `start`: the recovered end of the log, all of it durable, what is before the ring's start committed; `recordsInChunk`: how many
   * records its chunk holds already.
   */
  constructor(descriptor: RingDescriptor, kernel: RecordKernel, start: ChainState, recordsInChunk: number) {
    const tailBytes = start.position - descriptor.start;
    assert(tailBytes >= 0 && tailBytes < descriptor.ringBytes, 'the ring was made for this log end');
    this.memory = new RingMemory(descriptor);
    this.copies = new PendingCopies(kernel, this.memory.bytes);
    this.#kernel = kernel;
    const { control } = this.memory;
    this.#published = new Cursor(control, CONTROL.published, descriptor.start);
    this.#durable = new Cursor(control, CONTROL.durable, descriptor.start);
    this.#indexed = new Cursor(control, CONTROL.indexed, descriptor.start);
    const committed = new Cursor(control, CONTROL.committed, descriptor.start);
    for (const cursor of [this.#published, this.#durable]) cursor.store(start.position);
    for (const cursor of [this.#indexed, committed]) cursor.store(descriptor.start);
    this.#writerBell = new Doorbell(control, CONTROL.writerBell);
    this.#ringBytes = descriptor.ringBytes;
    this.#sealed = { ...start };
    this.#start = descriptor.start;
    this.#framed = start.position;
    this.#framedAt = this.memory.offsetOf(start.position);
    this.#sealedAt = this.#framedAt;
    this.#freeEnd = this.#reclaimed() + this.#ringBytes;
    this.#recordsInChunk = recordsInChunk;
    this.#publishedLength = start.previousLength;
    this.#highest = start.position;
  }

  /** The first position whose bytes are in the ring. */
  get floor(): number {
    return later(this.#start, later(this.#highest, this.#framed) - this.#ringBytes);
  }

  /** The end of what is published: what the next record continues. A copy. */
  get end(): Readonly<ChainState> {
    assert(this.#framed === this.#published.position, 'all that is framed is published');
    return { ...this.#sealed };
  }

  /** Where the next record will stand. */
  get framed(): number {
    return this.#framed;
  }

  get published(): number {
    return this.#published.position;
  }

  /** Whether all that is published is on the disk: the writer has nothing to do. */
  get isAllDurable(): boolean {
    return this.#durable.load() === this.#published.position;
  }

  /** Length field of the last published record, from which a read backwards starts; 0 if there is none. */
  get lastLength(): number {
    return this.#publishedLength;
  }

  /** Whether `bytes` can be claimed now: false means that the writer or the indexer is a whole ring behind. */
  hasRoom(bytes: number): boolean {
    if (this.#framed + bytes <= this.#freeEnd) return true;
    this.#freeEnd = this.#reclaimed() + this.#ringBytes;
    return this.#framed + bytes <= this.#freeEnd;
  }

  /** The same for events: they leave room for what begins the next reigns, without which nothing here could ever be committed. */
  hasRoomForEvents(bytes: number): boolean {
    return this.hasRoom(bytes + this.#ringBytes * REIGNS_PER_RING);
  }

  /**
   * Takes the next `bytes` (a record's occupied length; room was checked) and returns their offset in `memory.bytes`.
   * The caller fills in the record's header and body before the next claim or publish.
   */
  claim(bytes: number): number {
    assert(this.#framed + bytes <= this.#freeEnd, 'room was checked before the claim');
    const at = this.#framedAt;
    // Having come round the ring's end: what lies before it is complete now, and is sealed and mirrored in one piece.
    if (at < this.#sealedAt) this.#seal();
    this.#framed += bytes;
    this.#framedAt = at + bytes < this.#ringBytes ? at + bytes : at + bytes - this.#ringBytes;
    this.#recordsInChunk++;
    return at;
  }

  /**
   * How many bytes of events, if any, can be framed in one piece where the next record will stand, in front of the ring's end and of
   * what is still in use: for whoever writes records by itself and then calls `advance`.
   */
  stretch(): number {
    if (this.#framedAt < this.#sealedAt) this.#seal();
    const toRingEnd = this.#ringBytes - this.#framedAt;
    if (this.hasRoomForEvents(toRingEnd)) return toRingEnd;
    return Math.max(0, this.#freeEnd - this.#framed - this.#ringBytes * REIGNS_PER_RING);
  }

  /** Where in `memory.bytes` the next record will stand. */
  get framedAt(): number {
    return this.#framedAt;
  }

  /** `records` were framed into the stretch: less than all of it. */
  advance(bytes: number, records: number): void {
    this.#framed += bytes;
    this.#framedAt += bytes;
    this.#recordsInChunk += records;
    assert(
      this.#framedAt < this.#ringBytes && this.#framed <= this.#freeEnd,
      'a run stays inside its stretch',
    );
  }

  /** Notes that what was framed so far fills a chunk, so that the writer can seal its file. */
  endChunk(chunkNumber: number): void {
    this.#seal();
    const { chunkEnds } = this.memory;
    const at = this.memory.chunkEndAt(chunkNumber);
    chunkEnds[at] = this.#sealed.chain;
    chunkEnds[at + 1] = this.#sealed.previousLength;
    chunkEnds[at + 2] = this.#sealed.epoch;
    chunkEnds[at + 3] = this.#recordsInChunk;
    this.#recordsInChunk = 0;
  }

  /** Seals everything framed and hands it to the other threads. Once per turn of the event loop. */
  publish(): void {
    if (this.#framed === this.#published.position) return;
    this.#seal();
    this.#publishSealed();
  }

  /**
   * Takes records as they are: whole, sealed, continuing the log, none beyond the chunk that it ends in; and publishes them. Room was
   * checked. `end`: the state behind them.
   */
  take(bytes: Bytes, records: number, end: Readonly<ChainState>): void {
    const { length } = bytes;
    assert(this.#framed === this.#published.position, 'nothing of this node itself is on its way');
    assert(end.position === this.#framed + length, 'records are taken where the log ends');
    assert(this.#framed + length <= this.#freeEnd, 'room was checked before');
    const at = this.#framedAt;
    const first = Math.min(length, this.#ringBytes - at);
    this.copies.add(bytes, 0, first, at);
    if (first < length) {
      this.copies.add(bytes, first, length - first, 0);
      // The record that runs over the ring's end, whichever it is, is contiguous in the apron.
      const apron = Math.min(length - first, this.memory.descriptor.apronBytes);
      this.copies.add(bytes, first, apron, this.#ringBytes);
    }
    this.copies.flush();
    this.#framed = end.position;
    this.#framedAt = at + length < this.#ringBytes ? at + length : at + length - this.#ringBytes;
    this.#sealedAt = this.#framedAt;
    this.#recordsInChunk += records;
    Object.assign(this.#sealed, end);
    const { chunkBytes } = this.memory.descriptor;
    if (end.position % chunkBytes === 0) this.endChunk(end.position / chunkBytes - 1);
    this.#publishSealed();
  }

  /** The log was cut: it ends with `end` again. The writer must have done so, and wait for this. */
  rewind(end: Readonly<ChainState>, recordsInChunk: number): void {
    assert(end.position >= this.memory.descriptor.start, 'what is committed is never cut');
    this.#highest = later(this.#highest, this.#framed);
    this.#framed = end.position;
    this.#framedAt = this.memory.offsetOf(end.position);
    this.#sealedAt = this.#framedAt;
    this.#recordsInChunk = recordsInChunk;
    Object.assign(this.#sealed, end);
    this.#durable.load();
    this.#freeEnd = this.#reclaimed() + this.#ringBytes;
    this.#published.store(end.position);
    this.#publishedLength = end.previousLength;
  }

  #publishSealed(): void {
    this.#published.store(this.#framed);
    this.#publishedLength = this.#sealed.previousLength;
    this.#writerBell.ring();
  }

  /** Seals up to `framed`, in one native pass per stretch that is contiguous in memory. */
  #seal(): void {
    const from = this.#sealed.position;
    const length = this.#framed - from;
    if (length === 0) return;
    this.copies.flush();
    const at = this.#sealedAt;
    this.#kernel.seal(this.memory.bytes, at, length, this.#sealed);
    this.#sealedAt = this.#framedAt;
    const overrun = at + length - this.#ringBytes;
    if (overrun > 0) this.memory.bytes.copyWithin(0, this.#ringBytes, this.#ringBytes + overrun);
  }

  /** The writer rewrites the block that the durable position stands in, so that whole block stays. */
  #reclaimed(): number {
    return alignDown(earlier(this.#durable.load(), this.#indexed.load()), BLOCK_BYTES);
  }
}
