/** NDJSON (JSON Lines): a row a line, blank lines left out. Pure; see row-splitter.ts for what always holds. */
import { BYTE, isSpace } from './json-bytes.js';
import type { RowSplitter } from './row-splitter.js';

export class LineSplitter implements RowSplitter {
  readonly hasHeader = false;
  readonly fault = undefined;
  #isLineOpen = false;

  scan(bytes: Buffer, from: number, end: number, ranges: number[]): number {
    const scanned = bytes.subarray(0, end);
    let start = this.#isLineOpen ? 0 : from;
    for (let at = from; ; at = start) {
      const lineFeed = scanned.indexOf(BYTE.lineFeed, at);
      if (lineFeed === -1) break;
      addTrimmed(bytes, start, lineFeed, ranges);
      start = lineFeed + 1;
    }
    this.#isLineOpen = start < end;
    return start;
  }

  finish(bytes: Buffer, end: number, ranges: number[]): void {
    if (this.#isLineOpen) addTrimmed(bytes, 0, end, ranges);
  }
}

function addTrimmed(bytes: Buffer, from: number, to: number, ranges: number[]): void {
  let start = from;
  let end = to;
  while (start < end && isSpace(bytes[start]!)) start++;
  while (start < end && isSpace(bytes[end - 1]!)) end--;
  if (start < end) ranges.push(start, end);
}
