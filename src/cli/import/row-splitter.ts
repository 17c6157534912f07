/**
 * What the splitters of the formats have in common: bytes go in, in pieces of any size, and the byte ranges of rows come out.
 * Pure. What always holds: the ranges do not depend on how the bytes were cut into pieces.
 */

/** Why the input can't be split any further, and where: an index into the buffer scanned last. */
export interface SplitFault {
  readonly at: number;
  readonly reason: string;
}

export interface RowSplitter {
  /** Whether the first row is none, but says what the others mean. It gets the number 0. */
  readonly hasHeader: boolean;
  /** Set once nothing behind it can be understood; the rows found before it stand. */
  readonly fault: SplitFault | undefined;
  /**
   * Looks at `bytes[from, end)` and adds `start, end` of every row that ends there to `ranges`. Returns the index of the
   * first byte that must be kept: that of an unfinished row, or `end`. The caller moves what is kept to the start of
   * the buffer that it scans next: an unfinished row always starts at 0 then.
   */
  scan(bytes: Buffer, from: number, end: number, ranges: number[]): number;
  /** The input is over; `bytes[0, end)` is what was kept. May add a last row, or find a fault. */
  finish(bytes: Buffer, end: number, ranges: number[]): void;
}
