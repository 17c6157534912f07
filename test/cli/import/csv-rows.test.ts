import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvRows } from '../../../src/cli/import/csv-rows.js';
import { CsvSplitter } from '../../../src/cli/import/csv-splitter.js';
import { readRowBlocks } from '../../../src/cli/import/row-blocks.js';
import type { DecodedRow } from '../../../src/cli/import/row-decoder.js';
import { inputOf } from './inputs.js';

interface Reading {
  readonly delimiter?: ',' | '\t';
  readonly isTyped?: boolean;
  readonly cuts?: readonly number[];
  readonly blockBytes?: number;
}

async function decode(text: string | Uint8Array, reading: Reading = {}): Promise<DecodedRow[]> {
  const { delimiter = ',', isTyped = false, cuts = [], blockBytes } = reading;
  const rows = new CsvRows(delimiter, isTyped);
  const decoded: DecodedRow[] = [];
  const limits = { rowBytesMax: 1 << 20, blockBytes };
  for await (const block of readRowBlocks(
    inputOf(text, cuts),
    new CsvSplitter(delimiter.charCodeAt(0)),
    limits,
  )) {
    decoded.push(...rows.decode(block));
  }
  return decoded;
}

async function objects(text: string, reading?: Reading): Promise<unknown[]> {
  return (await decode(text, reading)).map(
    ({ data, fault }) => fault ?? JSON.parse(Buffer.from(data).toString()),
  );
}

describe('rows of CSV', () => {
  it.each([
    ['a,b\n1,2\n', [{ a: '1', b: '2' }]],
    [
      'a,b\r\n1,2\r\n\r\n3,4',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['\ufeff"a b",c\n"x,""y""\n z",\n', [{ 'a b': 'x,"y"\n z', c: '' }]],
    ['a\n"\r\n"\n', [{ a: '\r\n' }]],
    ['a,b\nx y,é日\n', [{ a: 'x y', b: 'é日' }]],
    ['a\n', []],
    [
      'a,b\n1\n1,2,3\n4,5\n',
      ['it has 1 fields, but the header has 2', 'it has 3 fields, but the header has 2', { a: '4', b: '5' }],
    ],
  ])('of %j', async (text, rows) => {
    expect(await objects(text)).toEqual(rows);
  });

  it('of TSV', async () => {
    expect(await objects('a\tb\n1,5\t"x\ty"\n', { delimiter: '\t' })).toEqual([{ a: '1,5', b: 'x\ty' }]);
  });

  it('with numbers and booleans where they are meant, digits as they stand', async () => {
    const cells = [
      '1',
      '-2.50',
      '1e3',
      'true',
      'false',
      '007',
      '1.',
      '',
      'NaN',
      '12345678901234567890',
      '1e999',
      '9007199254740991',
    ];
    const [row] = await decode(`${cells.map((_, i) => `c${i}`).join(',')}\n${cells.join(',')}\n`, {
      isTyped: true,
    });
    const values = Buffer.from(row!.data)
      .toString()
      .slice(1, -1)
      .split(',')
      .map((pair) => pair.split(':')[1]);
    const strings = new Set(['007', '1.', '', 'NaN', '12345678901234567890', '1e999']);
    expect(values).toEqual(cells.map((cell) => (strings.has(cell) ? `"${cell}"` : cell)));
  });

  it('finds the field of a column, and names the columns if there is none', async () => {
    const [row] = await decode('net,a.b\nci,7\n');
    const rows = new CsvRows(',', false);
    expect(() => rows.fieldReader('x')(row!)).toThrow('there is no column "x"');
    const { decoder, first } = await firstOf('net,a.b\nci,7\n');
    expect([decoder.fieldReader('net')(first), decoder.fieldReader('a.b')(first)]).toEqual(['ci', '7']);
  });

  it('are numbered from 1 behind the header, with their offsets', async () => {
    const rows = await decode('a\n1\n\n"2\n2"\n', { cuts: [1], blockBytes: 4 });
    expect(rows.map(({ number, offset }) => [number, offset])).toEqual([
      [1, 2],
      [2, 5],
    ]);
  });

  it.each([
    ['a,b,a\n', 'row 0, at byte 0: the header has the column "a" twice'],
    ['"a"x\n1\n', 'row 0, at byte 0: the header is not valid: Invalid Closing Quote'],
    ['a\n"1\n2\n', 'byte 2, behind row 0: a quote is opened in this row and never closed'],
  ])('are refused in %j', async (text, message) => {
    await expect(decode(text)).rejects.toThrow(message);
  });

  it('that have a fault are told one by one', async () => {
    const rows = await objects('a,b\n"1",2\n"3"x,4\n5,6"\n"7",8\n9,"\n"\n');
    expect(rows).toEqual([
      { a: '1', b: '2' },
      expect.stringContaining('Invalid Closing Quote'),
      expect.stringContaining('Invalid Opening Quote'),
      { a: '7', b: '8' },
      { a: '9', b: '\n' },
    ]);
  });

  it('that are not UTF-8 are told one by one', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a\n"x"\n"'),
      Buffer.from([0xff]),
      Buffer.from('"\n'),
      Buffer.from([0xff]),
      Buffer.from('\ny'),
    ]);
    expect((await decode(bytes)).map(({ fault }) => fault)).toEqual([
      undefined,
      'not valid UTF-8',
      'not valid UTF-8',
      undefined,
    ]);
  });

  it('are what csv-parse makes of the whole, however the bytes are cut', async () => {
    const cell = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' ', '\t') }),
    );
    const written = cell.map((text) =>
      /[",\n\r\t]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(written, written), { minLength: 1 }),
        fc.constantFrom('\n', '\r\n'),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 64 }),
        async (records, lineBreak, cuts, blockBytes) => {
          const text = `a,b${lineBreak}${records.map((record) => record.join(',')).join(lineBreak)}${lineBreak}`;
          const expected = parse(text, { columns: true, record_delimiter: ['\r\n', '\n'] });
          expect(await objects(text, { cuts, blockBytes })).toEqual(expected);
        },
      ),
    );
  });
});

async function firstOf(text: string): Promise<{ decoder: CsvRows; first: DecodedRow }> {
  const decoder = new CsvRows(',', false);
  for await (const block of readRowBlocks(inputOf(text), new CsvSplitter(0x2c), { rowBytesMax: 1000 })) {
    return { decoder, first: decoder.decode(block)[0]! };
  }
  throw new Error('no rows');
}
