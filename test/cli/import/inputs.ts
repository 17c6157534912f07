/** Inputs in memory for tests of the import: bytes in pieces of given sizes. */

import { StreamInput } from '../../../src/cli/import/input.js';
import { type RowBlock, readRowBlocks } from '../../../src/cli/import/row-blocks.js';
import type { RowSplitter } from '../../../src/cli/import/row-splitter.js';

/** `bytes` in pieces of the sizes `cuts`, over and over. */
export async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = cuts.length === 0 ? bytes.length : cuts[i % cuts.length]!;
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

export function inputOf(text: string | Uint8Array, cuts: readonly number[] = []): StreamInput {
  return new StreamInput(inPieces(typeof text === 'string' ? Buffer.from(text) : text, cuts));
}

/** A row as the splitter found it. */
export interface SplitRow {
  readonly text: string;
  readonly offset: number;
}

/** All rows, and the message of the failure that ended them, if there was one. */
export async function split(
  splitter: RowSplitter,
  input: StreamInput,
  limits: { rowBytesMax?: number; blockBytes?: number } = {},
): Promise<{ rows: SplitRow[]; failure: string | undefined }> {
  const rows: SplitRow[] = [];
  const { rowBytesMax = 1 << 20, blockBytes } = limits;
  try {
    for await (const block of readRowBlocks(input, splitter, { rowBytesMax, blockBytes }))
      rows.push(...rowsOf(block));
    return { rows, failure: undefined };
  } catch (error) {
    return { rows, failure: (error as Error).message };
  }
}

function rowsOf({ bytes, ranges, offset }: RowBlock): SplitRow[] {
  const rows: SplitRow[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    rows.push({ text: bytes.toString('utf8', ranges[i], ranges[i + 1]), offset: offset + ranges[i]! });
  }
  return rows;
}
