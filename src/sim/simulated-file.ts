/**
 * One file of the simulated disk: its bytes as a reader sees them, and what a crash may take back. Pure. The undo list holds, for each
 * write since the last sync, the sectors as they were before it; a write costs one more copy, and a sync empties the list.
 */
import { alignDown, alignUp } from '../base/bytes.js';
import type { Bytes } from '../base/ports.js';

/** What direct I/O is aligned to. */
export const BLOCK_BYTES = 4096;
/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

interface Undo {
  /** A multiple of the sector. */
  readonly offset: number;
  /** Whole sectors. */
  readonly before: Uint8Array;
}

export class SimulatedFile {
  /** Longer than the file where it has grown. Behind `#length` all is zeros. */
  #bytes = new Uint8Array(0);
  #length = 0;
  #durableLength = 0;
  #undo: Undo[] = [];

  get length(): number {
    return this.#length;
  }

  clone(): SimulatedFile {
    const copy = new SimulatedFile();
    copy.#bytes = this.#bytes.slice();
    copy.#length = this.#length;
    copy.#durableLength = this.#durableLength;
    copy.#undo = [...this.#undo];
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
    const from = alignDown(offset, SECTOR_BYTES);
    const to = alignUp(offset + length, SECTOR_BYTES);
    this.#undo.push({ offset: from, before: this.#bytes.slice(from, to) });
    this.#bytes.set(source.subarray(at, at + length), offset);
  }

  /** Makes the file at least so long, with zeros. */
  extend(length: number): void {
    if (length <= this.#length) return;
    if (length > this.#bytes.length) {
      const isFirst = this.#bytes.length === 0;
      const capacity = alignUp(isFirst ? length : Math.max(length, this.#bytes.length * 2), SECTOR_BYTES);
      const longer = new Uint8Array(capacity);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#length = length;
  }

  flipBit(offset: number, bit: number): void {
    this.#bytes[offset]! ^= 1 << bit;
  }

  sync(): void {
    this.#undo = [];
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
    for (const { offset, before } of this.#undo.toReversed()) {
      for (let at = 0; at < before.length; at += SECTOR_BYTES) {
        const sector = (offset + at) / SECTOR_BYTES;
        if (settled[sector] === 1) continue;
        if (isKept()) settled[sector] = 1;
        else this.#bytes.set(before.subarray(at, at + SECTOR_BYTES), offset + at);
      }
    }
  }
}
