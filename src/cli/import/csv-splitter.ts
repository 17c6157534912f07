/**
 * CSV and TSV (RFC 4180): a row a record, blank lines left out; a line break between quotes does not end a record. A quote counts
 * only where a field starts, as csv-parse has it, which reads the records afterwards and complains about stray quotes.
 * Pure; see row-splitter.ts for what always holds.
 */
import { BYTE } from './json-bytes.js';
import type { RowSplitter, SplitFault } from './row-splitter.js';

/** Where in a record the splitter is. `quoteSeen`: a quote between quotes, which ends the field unless another follows. */
const STATE = { fieldStart: 0, plain: 1, quoted: 2, quoteSeen: 3 } as const;
type State = (typeof STATE)[keyof typeof STATE];

export class CsvSplitter implements RowSplitter {
  readonly hasHeader = true;
  fault: SplitFault | undefined;
  #state: State = STATE.fieldStart;
  #isRecordOpen = false;

  constructor(private readonly delimiter: number) {}

  scan(bytes: Buffer, from: number, end: number, ranges: number[]): number {
    let start = this.#isRecordOpen ? 0 : from;
    let state = this.#state;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (state === STATE.quoted) {
        if (byte === BYTE.quote) state = STATE.quoteSeen;
      } else if (byte === BYTE.lineFeed) {
        addRecord(bytes, start, at, ranges);
        start = at + 1;
        state = STATE.fieldStart;
      } else if (byte === this.delimiter) {
        state = STATE.fieldStart;
      } else if (byte === BYTE.quote && state !== STATE.plain) {
        state = STATE.quoted;
      } else {
        state = STATE.plain;
      }
    }
    this.#state = state;
    this.#isRecordOpen = start < end;
    return start;
  }

  finish(bytes: Buffer, end: number, ranges: number[]): void {
    if (!this.#isRecordOpen) return;
    if (this.#state === STATE.quoted) {
      this.fault = { at: 0, reason: 'a quote is opened in this row and never closed' };
    } else {
      addRecord(bytes, 0, end, ranges);
    }
  }
}

function addRecord(bytes: Buffer, start: number, lineEnd: number, ranges: number[]): void {
  const end = lineEnd > start && bytes[lineEnd - 1] === BYTE.carriageReturn ? lineEnd - 1 : lineEnd;
  if (start < end) ranges.push(start, end);
}
