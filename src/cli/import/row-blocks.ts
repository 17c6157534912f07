/**
 * Reads an input block by block and says where its rows are. Main thread. What always holds: bytes that were handed out
 * never change, so that rows can be views of them; and memory does not grow with the input, only with its longest row.
 */
import { brokenInput } from './bad-input.js';
import type { Input } from './input.js';
import type { RowSplitter } from './row-splitter.js';

/** Rows that lie in the same memory. */
export interface RowBlock {
  readonly bytes: Buffer;
  /** Of each row the indices in `bytes` of its first byte and behind its last: `start, end, start, end, …`. */
  readonly ranges: readonly number[];
  /** Offset in the input of `bytes[0]`. */
  readonly offset: number;
  /** How many rows stood before these; −1 if the first of these is a header. */
  readonly rowsBefore: number;
}

/** How an input is cut up. */
export interface BlockLimits {
  /** Most bytes of one row. */
  readonly rowBytesMax: number;
  /** Bytes of a block, unless a row is longer. Tests choose small ones. */
  readonly blockBytes?: number | undefined;
}

/** 256 KiB: a few milliseconds of parsing, between which answers are taken in; and a good size for reading a file. */
const BLOCK_BYTES = 256 * 1024;
/** With less than this share of a block free, a new one is begun. */
const FREE_SHARE_MIN = 1 / 16;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * All rows of `input`, in order. Throws `CairnError` `bad-input` (details: `row`, `offset`) where the input can't be split any
 * further, after all rows before that place were handed out.
 */
export async function* readRowBlocks(
  input: Input,
  splitter: RowSplitter,
  limits: BlockLimits,
): AsyncGenerator<RowBlock, void, void> {
  const { rowBytesMax, blockBytes = BLOCK_BYTES } = limits;
  let bytes = Buffer.allocUnsafeSlow(Math.max(blockBytes, BYTE_ORDER_MARK.length));
  let end = await readStart(input, bytes);
  let isLast = end === 0;
  let offset = startsWithMark(bytes, end) ? BYTE_ORDER_MARK.length : 0;
  bytes = bytes.subarray(offset);
  end -= offset;
  let kept = 0;
  let rowsBefore = splitter.hasHeader ? -1 : 0;
  for (;;) {
    const ranges: number[] = [];
    if (isLast) splitter.finish(bytes, end, ranges);
    const keptFrom = isLast ? end : splitter.scan(bytes, kept, end, ranges);
    if (ranges.length > 0) yield { bytes, ranges, offset, rowsBefore };
    rowsBefore += ranges.length / 2;
    if (splitter.fault !== undefined) {
      throw brokenInput(rowsBefore, offset + splitter.fault.at, splitter.fault.reason);
    }
    if (isLast) return;
    kept = end - keptFrom;
    offset += keptFrom;
    if (kept > rowBytesMax) {
      throw brokenInput(
        rowsBefore,
        offset,
        `a row starts here that has not ended after ${rowBytesMax} bytes`,
      );
    }
    bytes = withRoom(bytes.subarray(keptFrom), kept, blockBytes);
    const count = await input.read(bytes, kept, bytes.length - kept);
    isLast = count === 0;
    end = kept + count;
  }
}

/** Reads until a byte order mark would be seen. */
async function readStart(input: Input, bytes: Buffer): Promise<number> {
  let end = 0;
  while (end < BYTE_ORDER_MARK.length) {
    const count = await input.read(bytes, end, bytes.length - end);
    if (count === 0) break;
    end += count;
  }
  return end;
}

function startsWithMark(bytes: Buffer, end: number): boolean {
  return end >= BYTE_ORDER_MARK.length && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
}

/** `rest` if there is room behind its first `kept` bytes, otherwise a new block that starts with them. */
function withRoom(rest: Buffer<ArrayBuffer>, kept: number, blockBytes: number): Buffer<ArrayBuffer> {
  if (rest.length - kept >= Math.max(1, blockBytes * FREE_SHARE_MIN)) return rest;
  // Doubled, so that a long row is copied a few times only.
  const block = Buffer.allocUnsafeSlow(Math.max(blockBytes, 2 * kept));
  rest.copy(block, 0, 0, kept);
  return block;
}
