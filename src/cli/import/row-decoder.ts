/** What the formats have in common once rows are split: a row becomes an event's data, and its fields can be asked for. Pure. */
import type { RowPlace } from './bad-input.js';
import type { RowBlock } from './row-blocks.js';

/** A row as an event will carry it. */
export interface DecodedRow extends RowPlace {
  /** As it stands in the input. */
  readonly bytes: Buffer;
  /** JSON, UTF-8; of a row with a fault, nothing. */
  readonly data: Uint8Array;
  /** What {@link FieldReader} looks into. */
  readonly value: unknown;
  /** Why the row can't be used. */
  readonly fault?: string;
}

/** The field that a path names, or undefined if the row has none. */
export type FieldReader = (row: DecodedRow) => unknown;

export interface RowDecoder {
  /** The rows of a block. Throws `CairnError` `bad-input` if it is not the rows but their frame that can't be used. */
  decode(block: RowBlock): DecodedRow[];
  /** How to find the field at `path`. Throws `CairnError` at its first use if no row can have it. */
  fieldReader(path: string): FieldReader;
  /** Bytes that say what the rows mean, such as a header line; known once the first rows were decoded. */
  readonly header: Buffer;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);
