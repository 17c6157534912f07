/**
 * The data of a scavenged chunk's file, as in docs/formats.md: the records that are left, one behind the other, and in the place of those that were
 * removed runs of eight bytes each. Here is what a run looks like, the map that finds a position's item, and how the log's bytes are made of
 * items again, with a Removed record for each that was removed. Pure; any thread.
 *
 *   log     │ a │ b │ c │ d │ e │ f │ …          a, b, f are left
 *   file    │ a │ b │ run: c d e │ f │ … zeros │ map │ footer
 */
import { assert } from '../base/assert.js';
import { readU64, writeU64 } from '../base/bytes.js';
import type { Bytes, ChainState, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  occupiedBytes,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH_MAX,
  RECORD_TYPE,
  RECORD_VERSION,
  REMOVED,
  REMOVED_FLAGS,
} from './record.js';

/** One entry of the map for so many bytes of the log: what is read besides what is wanted. Four bytes for them are nothing. */
export const MAP_BLOCK_BYTES = 16_384;
/** Most records of a run: it has to be read as a whole. */
export const RUN_RECORDS_MAX = 1024;
/** Items are at multiples of 8, and the map counts in those. */
export const ITEM_UNIT = 8;

/** An entry of a run: length (26 bits), type (3 bits), two bits that say where transactions begin and end; then the record's `crc`. */
const ENTRY_BYTES = 8;
const LENGTH_MASK = 0x03ff_ffff;
const TYPE_SHIFT = 26;
const TYPE_MASK = 7;
const FLAGS_SHIFT = 29;
/** Header and `originalCrc` of a Removed record; zeros follow. */
const REMOVED_HEAD_BYTES = 48;
/** What is read of the file at a time, unless more is wanted at once. */
const WINDOW_BYTES = 256 * 1024;
const ZEROS = new Uint8Array(64 * 1024);

/** A record that was removed. `flags`: as a Prepare has them, as far as they say where its transaction begins and ends. */
export interface RemovedRecord {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly crc: number;
}

/** What a run begins with: where, when, and what its first record goes on from. */
export interface RunHead extends ChainState {
  readonly timestampUs: number;
}

/** Bytes that a run of so many records takes in the file. */
export function runBytes(count: number): number {
  return occupiedBytes(RECORD_HEADER_BYTES + count * ENTRY_BYTES);
}

/** Writes the run as an item at `target[at]`, where zeros are, and seals it. */
export function encodeRun(
  kernel: RecordKernel,
  target: { readonly bytes: Bytes; readonly at: number },
  head: RunHead,
  records: readonly RemovedRecord[],
): void {
  const { bytes, at } = target;
  assert(records.length > 0 && records.length <= RUN_RECORDS_MAX, 'a run has one record or some');
  const occupied = runBytes(records.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, occupied);
  for (const [i, { length, type, flags, crc }] of records.entries()) {
    const entry = RECORD.body + i * ENTRY_BYTES;
    const kept = (flags & REMOVED_FLAGS.kept) << FLAGS_SHIFT;
    view.setUint32(entry, length | (type << TYPE_SHIFT) | kept, true);
    view.setUint32(entry + 4, crc, true);
  }
  writeHeader(view, 0, head, RECORD_HEADER_BYTES + records.length * ENTRY_BYTES);
  kernel.seal(bytes, at, occupied, { ...head });
}

/** Where in the packed data each stretch of the log is. */
export class PackedMap {
  /** The chunk's positions. */
  readonly start: Position;
  readonly end: Position;
  readonly packedBytes: number;
  readonly #entries: Uint32Array;

  /** `entries`: for each stretch of {@link MAP_BLOCK_BYTES}, the item in which it begins, in units of 8 bytes. */
  constructor(start: Position, chunkSize: number, packedBytes: number, entries: Uint32Array) {
    assert(entries.length === mapEntries(chunkSize), 'the map is of the whole chunk');
    this.start = start;
    this.end = start + chunkSize;
    this.packedBytes = packedBytes;
    this.#entries = entries;
  }

  /** The offset of an item that begins at or before `position`, and is the last of those that the map knows. */
  itemBefore(position: Position): number {
    return this.#entries[Math.floor((position - this.start) / MAP_BLOCK_BYTES)]! * ITEM_UNIT;
  }

  /** The first item behind `offset` that the map knows, and a position in it; undefined if there is none. */
  itemBehind(
    offset: number,
    position: Position,
  ): { readonly offset: number; readonly position: Position } | undefined {
    const from = Math.floor((position - this.start) / MAP_BLOCK_BYTES);
    for (let block = from; block < this.#entries.length; block++) {
      const other = this.#entries[block]! * ITEM_UNIT;
      if (other > offset) return { offset: other, position: this.start + block * MAP_BLOCK_BYTES };
    }
    return undefined;
  }
}

/** How many entries the map of a chunk has. */
export function mapEntries(chunkSize: number): number {
  return Math.ceil(chunkSize / MAP_BLOCK_BYTES);
}

/** A piece of the packed data that is to be read. */
export interface WantedBytes {
  readonly offset: number;
  readonly length: number;
}

/** Where the log's bytes go. */
export interface Unpacked {
  readonly from: Position;
  readonly to: Position;
  readonly target: Bytes;
  /** Where in `target` the byte of `from` belongs. */
  readonly at: number;
}

/**
 * Fills the target with the log's bytes: asks for pieces of the packed data, is given them, and goes on. What can't be made out is left as
 * zeros, which no record begins with: whoever checks records finds the damage where it is.
 */
export function* unpack(
  kernel: RecordKernel,
  map: PackedMap,
  wanted: Unpacked,
): Generator<WantedBytes, void, Bytes> {
  const { from, to, target, at } = wanted;
  target.fill(0, at, at + to - from);
  const window = new Window(map.packedBytes, to - from);
  let offset = map.itemBefore(from);
  // Where the item begins; of one that the map names only a position in it is known.
  let begin: Position | undefined;
  let inside = from;
  while ((begin ?? from) < to && offset < map.packedBytes) {
    const item = yield* readItem(kernel, map, window, offset);
    const isInPlace =
      item !== undefined && (begin === undefined ? item.begin <= inside : item.begin === begin);
    if (!isInPlace) {
      const next = map.itemBehind(offset, inside);
      if (next === undefined) return;
      offset = next.offset;
      begin = undefined;
      inside = next.position;
      continue;
    }
    if (item.isRun) showRun(kernel, window.viewAt(offset, item.occupied), wanted);
    else yield* showRecord(window, offset, item, wanted);
    offset += item.occupied;
    begin = item.end;
    inside = item.end;
  }
}

interface Item {
  /** Its positions. */
  readonly begin: Position;
  readonly end: Position;
  /** Its bytes in the file. */
  readonly occupied: number;
  readonly isRun: boolean;
}

/** The item that begins there, if that can be one. A record that is left is not checked: who reads it does that. */
function* readItem(
  kernel: RecordKernel,
  map: PackedMap,
  window: Window,
  offset: number,
): Generator<WantedBytes, Item | undefined, Bytes> {
  const left = map.packedBytes - offset;
  if (left < RECORD_HEADER_BYTES) return undefined;
  yield* window.require(offset, RECORD_HEADER_BYTES);
  const view = window.viewAt(offset, RECORD_HEADER_BYTES);
  const begin = readU64(view, RECORD.position);
  const length = view.getUint32(RECORD.length, true);
  const occupied = occupiedBytes(length);
  const isSane =
    view.getUint8(RECORD.version) === RECORD_VERSION &&
    length >= RECORD_HEADER_BYTES &&
    length <= RECORD_LENGTH_MAX &&
    occupied <= left &&
    begin >= map.start &&
    begin < map.end;
  if (!isSane) return undefined;
  if (view.getUint8(RECORD.type) !== RECORD_TYPE.removed)
    return { begin, end: begin + occupied, occupied, isRun: false };
  yield* window.require(offset, occupied);
  const end = runEnd(kernel, window.viewAt(offset, occupied));
  return end === undefined ? undefined : { begin, end, occupied, isRun: true };
}

/** Puts a record that is left where it belongs, as far as that is in the target. */
function* showRecord(
  window: Window,
  offset: number,
  { begin, end }: Item,
  { from, to, target, at }: Unpacked,
): Generator<WantedBytes, void, Bytes> {
  const last = Math.min(end, to);
  for (let next = Math.max(begin, from); next < last; ) {
    const part = Math.min(last - next, WINDOW_BYTES);
    const source = offset + next - begin;
    yield* window.require(source, part);
    target.set(window.bytes.subarray(window.at(source), window.at(source) + part), at + next - from);
    next += part;
  }
}

/** What of the packed data was read last. */
class Window {
  bytes: Bytes = new Uint8Array(0);
  #offset = 0;
  readonly #end: number;
  readonly #usual: number;

  constructor(end: number, wanted: number) {
    this.#end = end;
    this.#usual = Math.min(WINDOW_BYTES, wanted + MAP_BLOCK_BYTES);
  }

  viewAt(offset: number, length: number): DataView<ArrayBuffer> {
    const { buffer, byteOffset } = this.bytes;
    return new DataView(buffer as ArrayBuffer, byteOffset + this.at(offset), length);
  }

  /** Where in `bytes` the byte at `offset` is. */
  at(offset: number): number {
    return offset - this.#offset;
  }

  /** Makes sure of these bytes, which the file has. */
  *require(offset: number, length: number): Generator<WantedBytes, void, Bytes> {
    const isThere = offset >= this.#offset && offset + length <= this.#offset + this.bytes.length;
    if (isThere) return;
    const wanted = Math.max(length, Math.min(this.#usual, this.#end - offset));
    this.bytes = yield { offset, length: wanted };
    assert(this.bytes.length === wanted, 'what was asked for is given');
    this.#offset = offset;
  }
}

/** Where in the log a run ends; undefined if it is not as it was written. */
function runEnd(kernel: RecordKernel, run: DataView<ArrayBuffer>): Position | undefined {
  const bytes = new Uint8Array(run.buffer, run.byteOffset, run.byteLength);
  const headerCrc = kernel.crc32c(bytes, RECORD.length, RECORD_HEADER_BYTES - RECORD.length, 0);
  if (headerCrc !== run.getUint32(RECORD.crc, true)) return undefined;
  const bodyCrc = kernel.crc32c(bytes, RECORD.body, bytes.length - RECORD.body, 0);
  if (bodyCrc !== run.getUint32(RECORD.bodyCrc, true)) return undefined;
  const length = run.getUint32(RECORD.length, true);
  let end = readU64(run, RECORD.position);
  for (let entry = RECORD.body; entry + ENTRY_BYTES <= length; entry += ENTRY_BYTES)
    end += occupiedBytes(run.getUint32(entry, true) & LENGTH_MASK);
  return end;
}

/** Puts the Removed records of a run where they belong, as far as that is in the target. */
function showRun(kernel: RecordKernel, run: DataView, { from, to, target, at }: Unpacked): void {
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  const length = run.getUint32(RECORD.length, true);
  const timestampUs = readU64(run, RECORD.timestamp);
  const state = stateAt(run);
  // Those that are in the target as a whole are sealed there, at once.
  let wholeFrom: ChainState | undefined;
  let wholeBytes = 0;
  for (let entry = RECORD.body; entry + ENTRY_BYTES <= length && state.position < to; entry += ENTRY_BYTES) {
    const { position } = state;
    const word = run.getUint32(entry, true);
    const crc = run.getUint32(entry + 4, true);
    const occupied = occupiedBytes(word & LENGTH_MASK);
    if (position >= from && position + occupied <= to) {
      wholeFrom ??= { ...state };
      wholeBytes += occupied;
      writeRemoved(view, at + position - from, { position, timestampUs, epoch: state.epoch, word, crc });
    } else if (position + REMOVED_HEAD_BYTES > from) {
      const head = removedHead(kernel, state, { position, timestampUs, epoch: state.epoch, word, crc });
      const [first, last] = [Math.max(position, from), Math.min(position + REMOVED_HEAD_BYTES, to)];
      target.set(head.subarray(first - position, last - position), at + first - from);
    }
    state.position += occupied;
    state.chain = crc;
    state.previousLength = word & LENGTH_MASK;
  }
  if (wholeFrom !== undefined) kernel.seal(target, at + wholeFrom.position - from, wholeBytes, wholeFrom);
}

/** What the run's first record goes on from. */
function stateAt(run: DataView): ChainState {
  return {
    position: readU64(run, RECORD.position),
    chain: run.getUint32(RECORD.chain, true),
    previousLength: run.getUint32(RECORD.previousLength, true),
    epoch: run.getUint32(RECORD.epoch, true),
  };
}

/** A Removed record: where, when, and the entry that it has in its run. */
interface RemovedEntry {
  readonly position: Position;
  readonly timestampUs: number;
  readonly epoch: number;
  readonly word: number;
  readonly crc: number;
}

/** All but what sealing fills in, where zeros are. */
function writeRemoved(
  view: DataView,
  at: number,
  { position, timestampUs, epoch, word, crc }: RemovedEntry,
): void {
  const originalType = (word >>> TYPE_SHIFT) & TYPE_MASK;
  const flags = (originalType << REMOVED_FLAGS.originalTypeShift) | (word >>> FLAGS_SHIFT);
  writeHeader(view, at, { position, timestampUs, epoch }, word & LENGTH_MASK);
  view.setUint16(at + RECORD.flags, flags, true);
  view.setUint32(at + REMOVED.originalCrc, crc, true);
}

type HeaderFields = Pick<RunHead, 'position' | 'timestampUs' | 'epoch'>;

function writeHeader(
  view: DataView,
  at: number,
  { position, timestampUs, epoch }: HeaderFields,
  length: number,
): void {
  view.setUint32(at + RECORD.length, length, true);
  writeU64(view, at + RECORD.position, position);
  writeU64(view, at + RECORD.timestamp, timestampUs);
  view.setUint32(at + RECORD.epoch, epoch, true);
  view.setUint8(at + RECORD.type, RECORD_TYPE.removed);
  view.setUint8(at + RECORD.version, RECORD_VERSION);
}

/** The head of a Removed record, sealed as if all its zeros followed. */
function removedHead(
  kernel: RecordKernel,
  { chain, previousLength }: ChainState,
  entry: RemovedEntry,
): Bytes {
  const head = new Uint8Array(REMOVED_HEAD_BYTES);
  const view = new DataView(head.buffer);
  writeRemoved(view, 0, entry);
  let bodyCrc = kernel.crc32c(head, RECORD.body, REMOVED_HEAD_BYTES - RECORD.body, 0);
  const zeros = occupiedBytes(entry.word & LENGTH_MASK) - REMOVED_HEAD_BYTES;
  for (let left = zeros; left > 0; left -= ZEROS.length)
    bodyCrc = kernel.crc32c(ZEROS, 0, Math.min(left, ZEROS.length), bodyCrc);
  view.setUint32(RECORD.chain, chain, true);
  view.setUint32(RECORD.previousLength, previousLength, true);
  view.setUint32(RECORD.bodyCrc, bodyCrc, true);
  const headerBytes = RECORD_HEADER_BYTES - RECORD.length;
  view.setUint32(RECORD.crc, kernel.crc32c(head, RECORD.length, headerBytes, 0), true);
  return head;
}
