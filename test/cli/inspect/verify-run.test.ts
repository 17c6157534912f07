import { describe, expect, test } from 'vitest';
import { PROBLEMS_PER_CHUNK_MAX, verifyChunk } from '../../../src/cli/inspect/chunk-verification.js';
import { type VerifySummary, verifyFolder } from '../../../src/cli/inspect/verify-run.js';
import { summaryLines, summaryRows } from '../../../src/cli/inspect/verify-summary.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { MemoryDisk } from '../../log/memory-disk.js';
import { CHUNK_SIZE, chunkPath, FOLDER, SampleLog } from '../../log/sample-log.js';
import { flip, sampleLog, snapshotOf } from './damaged-logs.js';

async function verify(disk: MemoryDisk): Promise<VerifySummary> {
  const differences = snapshotOf(disk);
  const done: number[] = [];
  const summary = await verifyFolder({
    disk,
    kernel,
    folder: FOLDER,
    depth: 'sample',
    runner: {
      jobsMax: 2,
      chunk: async (task) => verifyChunk(disk, kernel, structuredClone(task)),
      index: () => Promise.reject(new Error('there is no index')),
    },
    progress: (count) => done.push(count),
  });
  expect(done).toEqual(done.map((_, i) => i + 1));
  expect(differences()).toEqual([]);
  expect(disk.openCount).toBe(0);
  return summary;
}

describe('verifying a folder', () => {
  test('of whole records finds nothing wrong', async () => {
    const log = sampleLog();
    expect(await verify(log.disk())).toEqual({
      chunks: 4,
      records: log.records.length,
      bytes: log.end,
      end: log.end,
      tornBytes: 0,
      missingFooter: undefined,
      ...{ indexFiles: 0, indexPages: 0, indexEntries: 0, leftovers: [] },
      problems: [],
      problemCount: 0,
    });
  });

  test('names file, offset and position of damage in a sealed chunk, which no start would notice', async () => {
    const log = sampleLog();
    const hit = log.records.find(({ position }) => position > CHUNK_SIZE)!;
    const disk = log.disk();
    flip(disk, hit.position + 60);
    const { problems, problemCount, records, end } = await verify(disk);
    expect(problemCount).toBe(1);
    const offset = 4096 + hit.position - CHUNK_SIZE;
    expect(problems).toMatchObject([{ file: chunkPath(1), offset, position: hit.position }]);
    expect(records).toBe(log.records.length - 1);
    expect(end).toBe(log.end);
  });

  test('names every damaged chunk, and each place once, where recovery gives up at the first', async () => {
    const log = sampleLog();
    const disk = log.disk();
    const last = log.records.at(-2)!;
    flip(disk, 200);
    flip(disk, last.position + 60);
    disk.files.get(chunkPath(1))!.fill(0, 4096 + 30_000, 4096 + 31_000);
    const { problems, end } = await verify(disk);
    expect(problems.map(({ file }) => file)).toEqual([0, 1, 2].map(chunkPath));
    expect(problems[2]).toMatchObject({ position: last.position });
    expect(problems[2]!.reason).toContain('Commit');
    expect(end).toBeUndefined();
  });

  test('takes a torn tail for what it is: no damage', async () => {
    const log = sampleLog();
    const { end } = log;
    log.event(2_000);
    const disk = log.disk();
    disk.files.get(chunkPath(2))!.fill(0, 4096 + 1_024, 4096 + 1_536);
    const summary = await verify(disk);
    expect(summary).toMatchObject({ problemCount: 0, end, tornBytes: log.end - end });
    expect([...summaryLines(summary, 1)].join('\n')).toContain('never acknowledged');
  });

  test('takes a missing footer of the last full chunk for what it is: no damage', async () => {
    const log = new SampleLog().epoch().fillChunk();
    const summary = await verify(log.disk({ footers: 'not-the-last' }));
    expect(summary).toMatchObject({
      problemCount: 0,
      missingFooter: chunkPath(0),
      records: log.records.length,
    });
    expect([...summaryLines(summary, 1)].join('\n')).toContain('writes its footer');
  });

  test.each<[string, (disk: MemoryDisk) => void, string]>([
    ['a missing chunk', (disk) => disk.files.delete(chunkPath(1)), 'chunk 1 is missing'],
    ['a chunk cut short', (disk) => disk.files.set(chunkPath(1), new Uint8Array(9_000)), 'is damaged'],
    ['a damaged header', (disk) => disk.files.get(chunkPath(1))!.fill(1, 50, 60), 'header is damaged'],
    ['a damaged footer', (disk) => disk.files.get(chunkPath(1))!.fill(1, 4096 + CHUNK_SIZE + 60), 'footer'],
    [
      'a footer with zeros before it',
      (disk) => disk.files.get(chunkPath(1))!.fill(0, 4096 + 60_000, 4096 + CHUNK_SIZE),
      'zeros follow',
    ],
    [
      'a foreign file',
      (disk) => disk.files.set(`${FOLDER}/chunk-x`, new Uint8Array(1)),
      'called like a chunk',
    ],
  ])('reports %s', async (_, damage, words) => {
    const disk = sampleLog().disk();
    damage(disk);
    const { problems } = await verify(disk);
    expect(problems.map(({ reason }) => reason).join('\n')).toContain(words);
  });

  test('lists a limited number of problems, and counts them all', async () => {
    const log = new SampleLog().epoch();
    for (let i = 0; i < 300; i++) log.event(40);
    log.commit();
    const disk = log.disk();
    for (const { position } of log.records.slice(1, -1)) flip(disk, position + 100);
    const summary = await verify(disk);
    expect(summary.problems.length).toBe(PROBLEMS_PER_CHUNK_MAX);
    expect(summary.problemCount).toBe(300);
    expect([...summaryLines(summary, 1)].join('\n')).toContain('and 200 more');
  });

  test('is told to programs as one object for each problem and one for all', async () => {
    const disk = sampleLog().disk();
    flip(disk, 130);
    const rows = [...summaryRows(await verify(disk), 1.23456)];
    expect(rows.map(({ kind }) => kind)).toEqual(['problem', 'summary']);
    expect(rows[0]).toMatchObject({ file: chunkPath(0), offset: 4096 + 64, position: 64 });
    expect(rows[1]).toMatchObject({ clean: false, problems: 1, chunks: 4, seconds: 1.235 });
  });

  test('of a folder without chunks, or of none at all, is refused', async () => {
    const disk = new MemoryDisk();
    await expect(verify(disk)).rejects.toMatchObject({ code: 'invalid-configuration' });
    disk.makeDirectory(FOLDER);
    await expect(verify(disk)).rejects.toMatchObject({ code: 'bad-data-folder' });
  });
});
