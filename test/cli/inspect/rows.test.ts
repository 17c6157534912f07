import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { chunkRows } from '../../../src/cli/inspect/chunk-rows.js';
import { surveyFolder } from '../../../src/cli/inspect/folder-survey.js';
import { formatRow, type Row, RowWriter } from '../../../src/cli/inspect/output.js';
import { type RecordFilter, recordRows } from '../../../src/cli/inspect/record-rows.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import type { MemoryDisk } from '../../log/memory-disk.js';
import { PACKED_IDS, packChunk } from '../../log/packed-sample.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID } from '../../log/sample-log.js';
import { flip, sampleLog } from './damaged-logs.js';

/** What a scavenge changes of a row besides. */
const ROW_IDS = { chunkId: PACKED_IDS.chunkId, created: new Date(PACKED_IDS.createdUs / 1000).toISOString() };

function chunks(disk: MemoryDisk): Row[] {
  return [...chunkRows(disk, kernel, surveyFolder(disk, FOLDER))];
}

function records(disk: MemoryDisk, filter: Partial<RecordFilter> = {}): Row[] {
  const survey = surveyFolder(disk, FOLDER);
  return [...recordRows(disk, kernel, survey, { from: 0, type: undefined, ...filter })];
}

describe('the list of chunks', () => {
  test('has every chunk with its state, its records and where it ends', () => {
    const log = sampleLog();
    const rows = chunks(log.disk());
    expect(rows.map(({ chunk, state, end }) => [chunk, state, end])).toEqual([
      [0, 'sealed', CHUNK_SIZE],
      [1, 'sealed', 2 * CHUNK_SIZE],
      [2, 'active', log.end],
      [3, 'prepared', 3 * CHUNK_SIZE],
    ]);
    expect(rows.reduce((sum, row) => sum + Number(row['records']), 0)).toBe(log.records.length);
    expect(rows[2]).toMatchObject({ bytesUsed: log.end - 2 * CHUNK_SIZE, logId: LOG_ID, problem: null });
  });

  test('has files that are no chunks (any more, or yet), too', () => {
    const disk = sampleLog().disk();
    disk.files.set(`${FOLDER}/chunk-000001.000001`, disk.files.get(chunkPath(1))!);
    disk.files.set(`${FOLDER}/chunk-000004.000000.tmp`, new Uint8Array(1));
    disk.files.set(`${FOLDER}/chunk-4`, new Uint8Array(1));
    const others = chunks(disk).slice(4);
    expect(others.map(({ state, file }) => [state, file])).toEqual([
      ['superseded', chunkPath(1)],
      ['temporary', `${FOLDER}/chunk-000004.000000.tmp`],
      ['foreign', `${FOLDER}/chunk-4`],
    ]);
  });

  test('has a scavenged chunk as one, with all its records and the file that is left', () => {
    const log = sampleLog();
    const disk = log.disk();
    const plain = chunks(disk)[0]!;
    const events = log.records.filter(({ type }) => type === 1).map(({ position }) => position);
    const fileBytes = packChunk(disk, 0, log.bytes, (position) => events.includes(position));
    expect(fileBytes).toBeLessThan(plain['fileBytes'] as number);
    expect(chunks(disk)[0]).toMatchObject({ ...plain, state: 'scavenged', fileBytes, ...ROW_IDS });
    const kinds = records(disk, { type: 'removed' }).map(({ position }) => position);
    expect(kinds).toEqual(events.filter((position) => position < CHUNK_SIZE));
  });

  test('shows what is left of damaged chunks', () => {
    const log = sampleLog();
    const disk = log.disk();
    disk.files.get(chunkPath(0))!.fill(0, 0, 4096);
    disk.files.set(chunkPath(1), new Uint8Array(100));
    flip(disk, log.records.at(-3)!.position + 50);
    const rows = chunks(disk);
    expect(rows[0]).toMatchObject({ state: 'damaged', records: expect.any(Number), end: CHUNK_SIZE });
    expect(rows[1]).toMatchObject({
      state: 'damaged',
      records: null,
      problem: expect.stringContaining('too short'),
    });
    expect(rows[2]).toMatchObject({ state: 'active', records: 2, problem: expect.stringContaining('body') });
  });
});

describe('the list of records', () => {
  test('has every record of the log with what its type has', () => {
    const log = sampleLog();
    const rows = records(log.disk());
    expect(rows.map(({ position }) => position)).toEqual(log.records.map(({ position }) => position));
    expect(rows[0]).toMatchObject({ type: 'epoch', epoch: 1, length: 64 });
    expect(rows[1]).toMatchObject({
      type: 'prepare',
      stream: 'orders-1',
      revision: 0,
      eventType: 'tested',
      dataBytes: 100,
      transaction: 'whole',
    });
    expect(rows[2]).toMatchObject({ type: 'commit', committed: log.records[2]!.position });
  });

  test('begins at the first record at or behind a position', () => {
    const log = sampleLog();
    const disk = log.disk();
    const third = log.records[2]!.position;
    expect(records(disk, { from: third })[0]!['position']).toBe(third);
    expect(records(disk, { from: third - 1 })[0]!['position']).toBe(third);
    expect(records(disk, { from: CHUNK_SIZE })[0]!['position']).toBe(CHUNK_SIZE);
    expect(records(disk, { from: log.end })).toEqual([]);
  });

  test('may be of one type', () => {
    const rows = records(sampleLog().disk(), { type: 'padding' });
    expect(rows.length).toBe(2);
    expect(rows.every(({ type }) => type === 'padding')).toBe(true);
  });

  test('shows damage in its place, and goes on behind it', () => {
    const log = sampleLog();
    const disk = log.disk();
    flip(disk, 64 + 4);
    flip(disk, log.records[2]!.position + 50);
    const rows = records(disk, { type: 'commit' });
    expect(rows[0]).toMatchObject({
      position: 64,
      type: 'damage',
      problem: expect.stringContaining('header'),
    });
    expect(rows[1]).toMatchObject({ type: 'commit', problem: expect.stringContaining('body') });
    expect(rows.at(-1)).toMatchObject({ type: 'commit', position: log.records.at(-1)!.position });
  });
});

describe('a row', () => {
  const columns = [
    { field: 'n', title: 'N', width: 4, align: 'right' as const },
    { field: 'text', title: 'TEXT', width: 6 },
    { field: 'more', title: 'MORE', width: 0 },
  ];

  test('of a table can do nothing to the terminal', () => {
    const row = { n: 1, text: '\x1b[31m\u202ea\nb', more: null };
    expect(formatRow(columns, row)).toBe('   1  \\u001b[31m\\u202ea\\u000ab');
  });

  test('is written in the chosen format, and waits for a slow reader', async () => {
    for (const format of ['table', 'json'] as const) {
      const sink = new PassThrough({ highWaterMark: 16 });
      const writer = new RowWriter(sink, format, columns);
      const done = (async () => {
        for (let n = 0; n < 3_000; n++) await writer.write({ n, text: 'x', more: 'y' });
        await writer.flush();
        sink.end();
      })();
      let text = '';
      for await (const part of sink) text += String(part);
      await done;
      const lines = text.trimEnd().split('\n');
      if (format === 'table') expect(lines.slice(0, 2)).toEqual(['   N  TEXT    MORE', '   0  x       y']);
      else expect(JSON.parse(lines[0]!)).toEqual({ n: 0, text: 'x', more: 'y' });
      expect(lines.length).toBe(format === 'table' ? 3_001 : 3_000);
    }
  });
});
