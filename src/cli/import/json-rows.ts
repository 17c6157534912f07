/**
 * Rows that are JSON: their bytes become the event's data as they are, so that no number loses a digit; they are parsed to be
 * sure that they are JSON, and to look into. Pure.
 */
import { isUtf8 } from 'node:buffer';
import type { RowBlock } from './row-blocks.js';
import { type DecodedRow, type FieldReader, NO_BYTES, type RowDecoder } from './row-decoder.js';

export class JsonRows implements RowDecoder {
  readonly header = NO_BYTES;

  decode({ bytes, ranges, offset, rowsBefore }: RowBlock): DecodedRow[] {
    const isAllUtf8 = isUtf8(bytes.subarray(ranges[0], ranges.at(-1)));
    const rows: DecodedRow[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const data = bytes.subarray(ranges[i], ranges[i + 1]);
      const place = { number: rowsBefore + i / 2 + 1, offset: offset + ranges[i]!, bytes: data };
      rows.push(isAllUtf8 || isUtf8(data) ? parseRow(data, place) : faulty(place, 'not valid UTF-8'));
    }
    return rows;
  }

  /** A name, or names with dots between them that lead from object to object. A name that has dots itself comes first. */
  fieldReader(path: string): FieldReader {
    const names = path.split('.');
    return ({ value }) => {
      const whole = propertyOf(value, path);
      return whole !== undefined || names.length === 1 ? whole : names.reduce(propertyOf, value);
    };
  }
}

type Place = Pick<DecodedRow, 'number' | 'offset' | 'bytes'>;

function parseRow(data: Buffer, { number, offset, bytes }: Place): DecodedRow {
  try {
    return { number, offset, bytes, data, value: JSON.parse(data.toString()) as unknown };
  } catch (error) {
    return faulty({ number, offset, bytes }, `not valid JSON: ${(error as Error).message}`);
  }
}

function faulty(place: Place, fault: string): DecodedRow {
  return { ...place, data: NO_BYTES, value: undefined, fault };
}

function propertyOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
