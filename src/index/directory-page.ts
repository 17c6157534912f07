/**
 * A page of a segment's directory: streams in the order of their hashes, their names in the same page, so that one page answers whether
 * a stream is there and where its events are. Pure; any thread.
 *
 *   u16 number of streams │ entries of 42 bytes … │ (free) │ … names, from the end of the page on
 */
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import { PAYLOAD_BYTES, readU32, readU48 } from './page.js';
import type { HashedName } from './stream-hash.js';

/** Positions and lengths are counted in units of this: what records are aligned to. */
export const POSITION_UNIT = 8;
/** Events between two places from which reading can begin: a skip is 12 bytes, and reading over 63 events takes under a microsecond. */
export const BLOCK_EVENTS = 64;
export const SKIP_BYTES = 12;

const COUNT_BYTES = 2;
const ENTRY_BYTES = 42;
const AT = {
  high: 0,
  low: 4,
  data: 8,
  eventBytes: 14,
  first: 20,
  count: 26,
  last: 32,
  name: 38,
  nameBytes: 40,
} as const;

/** Where a stream's events are. */
export interface StreamPlace {
  /** Address of its events; its skips follow. */
  readonly data: number;
  readonly eventBytes: number;
  /** Revision of its first event here, how many there are, and where the last begins. */
  readonly first: Revision;
  readonly count: number;
  readonly last: Position;
}

/** A stream in a directory, read from its page. */
export class DirectoryEntry implements StreamPlace {
  high = 0;
  low = 0;
  data = 0;
  eventBytes = 0;
  first: Revision = 0;
  count = 0;
  last: Position = 0;
  /** Where in the page's payload its name is. */
  name = 0;
  nameBytes = 0;

  /** Of the page whose payload begins at `bytes[page]`. */
  read(bytes: Bytes, page: number, index: number): void {
    const at = page + COUNT_BYTES + index * ENTRY_BYTES;
    this.high = readU32(bytes, at + AT.high);
    this.low = readU32(bytes, at + AT.low);
    this.data = readU48(bytes, at + AT.data);
    this.eventBytes = readU48(bytes, at + AT.eventBytes);
    this.first = readU48(bytes, at + AT.first);
    this.count = readU48(bytes, at + AT.count);
    this.last = readU48(bytes, at + AT.last) * POSITION_UNIT;
    this.name = readU16(bytes, at + AT.name);
    this.nameBytes = readU16(bytes, at + AT.nameBytes);
  }

  get skipsAt(): number {
    return this.data + this.eventBytes;
  }
}

/** How many streams the page has. */
export function entriesIn(bytes: Bytes, page: number): number {
  return readU16(bytes, page);
}

/** Whether entry `index` of the page comes before all streams with the hash of `name`. */
export function isBelow(bytes: Bytes, page: number, index: number, { high, low }: HashedName): boolean {
  const at = page + COUNT_BYTES + index * ENTRY_BYTES;
  const entryHigh = readU32(bytes, at + AT.high);
  return entryHigh === high ? readU32(bytes, at + AT.low) < low : entryHigh < high;
}

/** Fills the payload of one page. */
export class DirectoryPageBuilder {
  #count = 0;
  #namesAt = PAYLOAD_BYTES;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  hasRoom(nameBytes: number): boolean {
    return COUNT_BYTES + (this.#count + 1) * ENTRY_BYTES + nameBytes <= this.#namesAt;
  }

  /** Begins the page at `bytes[page]`, with zeros. */
  begin(bytes: Bytes, page: number): void {
    bytes.fill(0, page, page + PAYLOAD_BYTES);
    this.#count = 0;
    this.#namesAt = PAYLOAD_BYTES;
  }

  /** Adds a stream to the page at `bytes[page]`, which has room. */
  add(bytes: Bytes, page: number, name: HashedName, place: StreamPlace): void {
    this.#namesAt -= name.length;
    bytes.set(name.bytes.subarray(name.at, name.at + name.length), page + this.#namesAt);
    const at = page + COUNT_BYTES + this.#count++ * ENTRY_BYTES;
    writeUint(bytes, at + AT.high, name.high, 4);
    writeUint(bytes, at + AT.low, name.low, 4);
    writeUint(bytes, at + AT.data, place.data, 6);
    writeUint(bytes, at + AT.eventBytes, place.eventBytes, 6);
    writeUint(bytes, at + AT.first, place.first, 6);
    writeUint(bytes, at + AT.count, place.count, 6);
    writeUint(bytes, at + AT.last, place.last / POSITION_UNIT, 6);
    writeUint(bytes, at + AT.name, this.#namesAt, 2);
    writeUint(bytes, at + AT.nameBytes, name.length, 2);
    writeUint(bytes, page, this.#count, 2);
  }
}

function readU16(bytes: Bytes, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function writeUint(bytes: Bytes, at: number, value: number, byteCount: number): void {
  for (let i = 0, rest = value; i < byteCount; i++, rest = Math.floor(rest / 256)) bytes[at + i] = rest % 256;
}
