/** The formats that can be imported: how a file's name tells which one it is, and what splits and decodes its rows. Pure. */
import { extname } from 'node:path';
import { CairnError } from '../../base/errors.js';
import { CsvRows } from './csv-rows.js';
import { CsvSplitter } from './csv-splitter.js';
import { BYTE } from './json-bytes.js';
import { JsonRows } from './json-rows.js';
import { JsonSplitter } from './json-splitter.js';
import { LineSplitter } from './line-splitter.js';
import type { RowDecoder } from './row-decoder.js';
import type { RowSplitter } from './row-splitter.js';

export const FORMATS = ['ndjson', 'json', 'csv', 'tsv'] as const;
export type Format = (typeof FORMATS)[number];

const FORMAT_OF_EXTENSION: Readonly<Record<string, Format>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.geojson': 'json',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
};

/** By the file's extension. Throws `CairnError` `invalid-configuration` if it tells nothing. */
export function formatOf(path: string): Format {
  const format = FORMAT_OF_EXTENSION[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  throw new CairnError('invalid-configuration', `say with --format what ${path} is: ${FORMATS.join(', ')}`, {
    path,
  });
}

/** What splits an input into rows, and what makes events of them. */
export interface RowParser {
  readonly splitter: RowSplitter;
  readonly decoder: RowDecoder;
}

/** `rowsPath`: where a JSON document has its rows. `isTyped`: numbers and booleans in CSV and TSV become such. */
export function rowParser(format: Format, rowsPath: readonly string[], isTyped: boolean): RowParser {
  switch (format) {
    case 'ndjson':
      return { splitter: new LineSplitter(), decoder: new JsonRows() };
    case 'json':
      return { splitter: new JsonSplitter(rowsPath), decoder: new JsonRows() };
    case 'csv':
      return { splitter: new CsvSplitter(BYTE.comma), decoder: new CsvRows(',', isTyped) };
    case 'tsv':
      return { splitter: new CsvSplitter(BYTE.tab), decoder: new CsvRows('\t', isTyped) };
  }
}
