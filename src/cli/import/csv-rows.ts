/**
 * Rows of CSV or TSV: each becomes a JSON object by the names in the header, its values strings, or numbers and booleans where
 * that is asked for. csv-parse reads the records that have quotes; one without is cut at its delimiters, which says the same
 * in a fraction of the time. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { type CsvError, type Options, parse } from 'csv-parse/sync';
import { CairnError } from '../../base/errors.js';
import { badRow } from './bad-input.js';
import { BYTE } from './json-bytes.js';
import type { RowBlock } from './row-blocks.js';
import { type DecodedRow, type FieldReader, NO_BYTES, type RowDecoder } from './row-decoder.js';

/** A record's fields, or why it has none. */
type Fields =
  | { readonly kind: 'fields'; readonly fields: string[] }
  | { readonly kind: 'fault'; readonly reason: string };

interface Range {
  readonly start: number;
  readonly end: number;
}

export class CsvRows implements RowDecoder {
  header = NO_BYTES;
  #columns: string[] = [];
  /** Of each column what stands before its value in an object: `{"a":`, `,"b":`, … */
  #prefixes: string[] = [];
  readonly #delimiter: string;
  readonly #isTyped: boolean;
  readonly #options: Options;

  constructor(delimiter: string, isTyped: boolean) {
    this.#delimiter = delimiter;
    this.#isTyped = isTyped;
    this.#options = { delimiter, record_delimiter: ['\r\n', '\n'], relax_column_count: true };
  }

  decode({ bytes, ranges, offset, rowsBefore }: RowBlock): DecodedRow[] {
    const all: Range[] = [];
    for (let i = 0; i < ranges.length; i += 2) all.push({ start: ranges[i]!, end: ranges[i + 1]! });
    const isFirst = rowsBefore < 0;
    if (isFirst) this.#takeHeader(bytes, all.shift()!, offset);
    const firstNumber = isFirst ? 1 : rowsBefore + 1;
    return this.#fieldsOf(bytes, all).map((fields, i) => {
      const { start, end } = all[i]!;
      return this.#row(
        { number: firstNumber + i, offset: offset + start, bytes: bytes.subarray(start, end) },
        fields,
      );
    });
  }

  /** The name of a column; dots in it have no meaning. */
  fieldReader(path: string): FieldReader {
    let column = -1;
    return ({ value }) => {
      if (column === -1) column = this.#columns.indexOf(path);
      if (column !== -1) return (value as string[])[column];
      throw new CairnError(
        'bad-input',
        `there is no column "${path}"; the columns are: ${this.#columns.join(', ')}`,
      );
    };
  }

  #takeHeader(bytes: Buffer, range: Range, offset: number): void {
    const place = { number: 0, offset: offset + range.start };
    const [header] = this.#fieldsOf(bytes, [range]);
    if (header?.kind !== 'fields') throw badRow(place, `the header is not valid: ${header?.reason}`);
    const twice = header.fields.find((name, i) => header.fields.indexOf(name) !== i);
    if (twice !== undefined) throw badRow(place, `the header has the column "${twice}" twice`);
    this.#columns = header.fields;
    this.#prefixes = header.fields.map((name, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    this.header = bytes.subarray(range.start, range.end);
  }

  #row(place: Pick<DecodedRow, 'number' | 'offset' | 'bytes'>, fields: Fields): DecodedRow {
    const { number, offset, bytes } = place;
    const fault = fields.kind === 'fault' ? fields.reason : this.#countFault(fields.fields.length);
    if (fields.kind === 'fault' || fault !== undefined) {
      return { number, offset, bytes, data: NO_BYTES, value: undefined, fault };
    }
    return { number, offset, bytes, data: Buffer.from(this.#object(fields.fields)), value: fields.fields };
  }

  #countFault(count: number): string | undefined {
    const expected = this.#columns.length;
    return count === expected ? undefined : `it has ${count} fields, but the header has ${expected}`;
  }

  #object(fields: string[]): string {
    let text = '';
    for (let i = 0; i < fields.length; i++) text += this.#prefixes[i]! + jsonOf(fields[i]!, this.#isTyped);
    return `${text}}`;
  }

  /** The fields of each record, those with quotes read together as long as they stand one behind the other. */
  #fieldsOf(bytes: Buffer, ranges: readonly Range[]): Fields[] {
    const all: Fields[] = [];
    for (let i = 0; i < ranges.length; ) {
      let next = i;
      while (next < ranges.length && isQuoted(bytes, ranges[next]!)) next++;
      if (next > i) all.push(...this.#parseQuoted(bytes, ranges.slice(i, next)));
      else all.push(this.#cut(bytes, ranges[next++]!));
      i = next;
    }
    return all;
  }

  #cut(bytes: Buffer, { start, end }: Range): Fields {
    const record = bytes.subarray(start, end);
    if (!isUtf8(record)) return { kind: 'fault', reason: 'not valid UTF-8' };
    return { kind: 'fields', fields: record.toString().split(this.#delimiter) };
  }

  /** All at once, or, if one of them has a fault, each alone. */
  #parseQuoted(bytes: Buffer, ranges: readonly Range[]): Fields[] {
    const run = bytes.subarray(ranges[0]!.start, ranges.at(-1)!.end);
    const records = isUtf8(run) ? this.#parse(run) : 'not valid UTF-8';
    if (typeof records !== 'string' && records.length === ranges.length) {
      return records.map((fields) => ({ kind: 'fields', fields }));
    }
    if (ranges.length > 1) return ranges.flatMap((range) => this.#parseQuoted(bytes, [range]));
    return [
      {
        kind: 'fault',
        reason: typeof records === 'string' ? records : 'its quotes do not fit its line breaks',
      },
    ];
  }

  /** The records in `run`, or what csv-parse has against them. */
  #parse(run: Buffer): string[][] | string {
    try {
      return parse(run, { ...this.#options, skip_empty_lines: true });
    } catch (error) {
      return (error as CsvError).message;
    }
  }
}

function isQuoted(bytes: Buffer, { start, end }: Range): boolean {
  return bytes.subarray(start, end).includes(BYTE.quote);
}

/** Numbers as JSON has them: `007` and `1.` are none, and neither is what a double would round. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function jsonOf(text: string, isTyped: boolean): string {
  if (isTyped && (text === 'true' || text === 'false' || isNumber(text))) return text;
  return JSON.stringify(text);
}

function isNumber(text: string): boolean {
  if (!NUMBER.test(text)) return false;
  const value = Number(text);
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}
