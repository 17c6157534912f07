/**
 * One file of the simulated disk: its bytes as a reader sees them, and what a crash may take back. Pure. The undo list holds, for each
 * write since the last sync, the sectors as they were before it, all in one array that is used again: a write costs one more
 * copy, and a sync empties the list.
 */
import { alignDown, alignUp, bytesEqual } from '../../base/bytes.js';
import type { Bytes } from '../../base/ports.js';

/** What direct I/O is aligned to. */
export const BLOCK_BYTES = 4096;
/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** Some sectors of the file as they were before a write: `before[at, at+length)`, of the file's `offset`. */
interface Undo {
  readonly offset: number;
  readonly at: number;
  readonly length: number;
}

export class SimulatedFile {
  /** Longer than the file where it has grown. Behind `#length` all is zeros. */
  #bytes = new Uint8Array(0);
  #length = 0;
  #durableLength = 0;
  #undo: Undo[] = [];
  #before = new Uint8Array(0);
  #beforeLength = 0;

  get length(): number {
    return this.#length;
  }

  clone(): SimulatedFile {
    const copy = new SimulatedFile();
    copy.#bytes = this.#bytes.slice();
    copy.#length = this.#length;
    copy.#durableLength = this.#durableLength;
    copy.#undo = [...this.#undo];
    copy.#before = this.#before.slice();
    copy.#beforeLength = this.#beforeLength;
    return copy;
  }

  /** A view of all. */
  content(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  read(target: Bytes, at: number, length: number, offset: number): number {
    const end = Math.min(offset + length, this.#length);
    if (end <= offset) return 0;
    target.set(this.#bytes.subarray(offset, end), at);
    return end - offset;
  }

  write(source: Bytes, at: number, length: number, offset: number): void {
    if (length === 0) return;
    this.extend(offset + length);
    this.#remember(alignDown(offset, SECTOR_BYTES), alignUp(offset + length, SECTOR_BYTES));
    this.#bytes.set(source.subarray(at, at + length), offset);
  }

  /** Makes the file at least so long, with zeros. */
  extend(length: number): void {
    if (length <= this.#length) return;
    this.#bytes = grown(this.#bytes, length);
    this.#length = length;
  }

  flipBit(offset: number, bit: number): void {
    this.#bytes[offset]! ^= 1 << bit;
  }

  /** Whether [from, to) would be there after a crash, whatever it takes back. */
  isDurable(from: number, to: number): boolean {
    if (to > this.#durableLength) return false;
    return this.#undo.every(({ offset, at, length }) => {
      const begin = Math.max(from, offset);
      const shared = Math.min(to, offset + length) - begin;
      return shared <= 0 || bytesEqual(this.#before, at + begin - offset, this.#bytes, begin, shared);
    });
  }

  sync(): void {
    if (this.#undo.length > 0) this.#undo = [];
    this.#beforeLength = 0;
    this.#durableLength = this.#length;
  }

  /**
   * Each sector that was written since the last sync becomes what one of those writes made of it, or what it was before. What is
   * left is durable. `isKept` is asked for each sector of each write, the last write first.
   */
  crash(isKept: () => boolean): void {
    if (this.#undo.length > 0) this.#takeBack(isKept);
    if (this.#length !== this.#durableLength && !isKept()) {
      this.#bytes.fill(0, this.#durableLength);
      this.#length = this.#durableLength;
    }
    this.sync();
  }

  #takeBack(isKept: () => boolean): void {
    const settled = new Uint8Array(this.#bytes.length / SECTOR_BYTES);
    for (const { offset, at, length } of this.#undo.toReversed()) {
      for (let done = 0; done < length; done += SECTOR_BYTES) {
        const sector = (offset + done) / SECTOR_BYTES;
        if (settled[sector] === 1) continue;
        const from = at + done;
        if (isKept()) settled[sector] = 1;
        else this.#bytes.set(this.#before.subarray(from, from + SECTOR_BYTES), offset + done);
      }
    }
  }

  #remember(from: number, to: number): void {
    const at = this.#beforeLength;
    const length = to - from;
    this.#before = grown(this.#before, at + length);
    this.#before.set(this.#bytes.subarray(from, to), at);
    this.#beforeLength = at + length;
    this.#undo.push({ offset: from, at, length });
  }
}

/** `bytes`, or a copy with room for `length`: whole sectors, exactly so much at first, and twice as much from then on. */
function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const longer = new Uint8Array(alignUp(Math.max(length, bytes.length * 2), SECTOR_BYTES));
  longer.set(bytes);
  return longer;
}
