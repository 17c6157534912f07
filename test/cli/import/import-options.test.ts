import { describe, expect, it } from 'vitest';
import { type ImportFlags, isNamedSource, planImport } from '../../../src/cli/import/import-options.js';
import type { ImportPlan } from '../../../src/cli/import/import-run.js';

const FLAGS: ImportFlags = {
  streamPrefix: '',
  batch: 10,
  inFlight: 2,
  url: ['ws://127.0.0.1:1'],
  output: 'json',
};

async function plan(path: string, flags: Partial<ImportFlags> = {}): Promise<ImportPlan> {
  return await planImport(path, { ...FLAGS, ...flags }, async () => ['found']);
}

describe('the plan of an import', () => {
  it.each([
    ['a/b/rows.ndjson', 'ndjson'],
    ['rows.JSONL', 'ndjson'],
    ['rows.json', 'json'],
    ['rows.geojson', 'json'],
    ['rows.csv', 'csv'],
    ['rows.tsv', 'tsv'],
    ['rows.tab', 'tsv'],
  ])('takes %s for %s', async (path, format) => {
    expect((await plan(path)).format).toBe(format);
  });

  it('calls stream and source after the file', async () => {
    const { mapping, sourceName } = await plan('/data/rows.v1.csv');
    expect([mapping.stream, mapping.type, sourceName]).toEqual(['rows.v1', 'Imported', 'rows.v1.csv']);
  });

  it('looks for the rows of a JSON file only if nobody said where they are', async () => {
    expect((await plan('a.json')).rowsPath).toEqual(['found']);
    expect((await plan('a.json', { rows: 'x.y' })).rowsPath).toEqual(['x', 'y']);
    expect((await plan('a.csv')).rowsPath).toEqual([]);
    expect((await plan('-', { format: 'json', stream: 's' })).rowsPath).toEqual([]);
  });

  it('has no type for rows that should have one themselves', async () => {
    expect((await plan('a.csv', { typeBy: 't' })).mapping.type).toBeUndefined();
    expect((await plan('a.csv', { typeBy: 't', type: 'T' })).mapping.type).toBe('T');
  });

  it('gives standard input another name each time, unless it is named', async () => {
    const flags = { format: 'csv', stream: 's' } as const;
    expect((await plan('-', flags)).sourceName).not.toBe((await plan('-', flags)).sourceName);
    expect((await plan('-', { ...flags, source: 'x' })).sourceName).toBe('x');
    expect([
      isNamedSource('-', FLAGS),
      isNamedSource('-', { ...FLAGS, source: 'x' }),
      isNamedSource('a', FLAGS),
    ]).toEqual([false, true, true]);
  });

  it.each([
    ['rows', {}, 'say with --format what rows is: ndjson, json, csv, tsv'],
    ['-', {}, 'say with --format what - is: ndjson, json, csv, tsv'],
    [
      '-',
      { format: 'csv' },
      'standard input has no name to call a stream after: use --stream or --stream-by',
    ],
    ['a.csv', { stream: 's', streamBy: 'b' }, 'use --stream or --stream-by, not both'],
    ['a.csv', { rows: 'features' }, '--rows is for JSON documents, not for csv'],
    ['a.json', { typed: true }, '--typed is for CSV and TSV'],
  ] as const)('of %s with %j is refused', async (path, flags, message) => {
    await expect(plan(path, flags)).rejects.toMatchObject({ code: 'invalid-configuration', message });
  });
});
