import { describe, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { encodeChunkHeader } from '../../src/log/chunk.js';
import { listFolder, openFolder, removeTemporaryFiles } from '../../src/log/folder.js';
import type { MemoryDisk } from './memory-disk.js';
import { naiveCrc } from './naive-records.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID, SampleLog } from './sample-log.js';

function threeChunks(): MemoryDisk {
  return new SampleLog().epoch().fillChunk().fillChunk().event().disk({ prepared: 0 });
}

function problemWith(disk: MemoryDisk): CairnError {
  try {
    openFolder(disk, FOLDER);
  } catch (error) {
    expect(disk.openCount).toBe(0);
    if (error instanceof CairnError) return error;
    throw error;
  }
  throw new Error('nothing is wrong with the folder');
}

/** A header block of chunk 1 with other values. */
function header(values: { chunkNumber?: number; logId?: string; chunkSize?: number }): Uint8Array {
  const block = new Uint8Array(4096);
  const chunkId = '018f4e5c-0000-7000-8000-000000000001';
  encodeChunkHeader(block, {
    chunkNumber: 1,
    logId: LOG_ID,
    chunkSize: CHUNK_SIZE,
    chunkId,
    createdUs: 1,
    ...values,
  });
  return block;
}

describe('a data folder', () => {
  test('gives its chunks in order, with header and footer', () => {
    const opened = openFolder(threeChunks(), FOLDER);
    if (opened.kind === 'empty') throw new Error('empty');
    expect(opened).toMatchObject({ chunkSize: CHUNK_SIZE, logId: LOG_ID });
    expect(opened.chunks.map(({ chunkNumber, path, footer }) => [chunkNumber, path, footer.kind])).toEqual([
      [0, chunkPath(0), 'footer'],
      [1, chunkPath(1), 'footer'],
      [2, chunkPath(2), 'absent'],
    ]);
  });

  test('may hold older versions of a chunk: the highest counts', () => {
    const disk = threeChunks();
    disk.files.set(`${FOLDER}/chunk-000001.000002`, disk.files.get(chunkPath(1))!);
    disk.files.set(`${FOLDER}/chunk-000001.000001`, new Uint8Array(1));
    const { chunks, superseded } = listFolder(disk, FOLDER);
    expect(chunks.map(({ version }) => version)).toEqual([0, 2, 0]);
    expect(superseded.map(({ version }) => version)).toEqual([0, 1]);
    expect(openFolder(disk, FOLDER).kind).toBe('log');
  });

  test('may hold files that have nothing to do with the log', () => {
    const disk = threeChunks();
    disk.files.set(`${FOLDER}/lock`, new Uint8Array(1));
    disk.files.set(`${FOLDER}/notes.txt`, new Uint8Array(1));
    expect(openFolder(disk, FOLDER).kind).toBe('log');
  });

  test('loses its chunks in preparation, and nothing else, when asked to', () => {
    const disk = threeChunks();
    const before = [...disk.files.keys()];
    disk.files.set(`${FOLDER}/chunk-000003.000000.tmp`, new Uint8Array(1));
    disk.files.set(`${FOLDER}/chunk-000004.000000.tmp`, new Uint8Array(1));
    expect(openFolder(disk, FOLDER).listing.temporary.length).toBe(2);
    removeTemporaryFiles(disk, FOLDER);
    expect([...disk.files.keys()]).toEqual(before);
    expect(disk.syncs).toBe(1);
  });

  test.each<[string, (disk: MemoryDisk) => void, string, string]>([
    [
      'a file that only resembles a chunk',
      (disk) => disk.files.set(`${FOLDER}/chunk-3.0`, new Uint8Array(1)),
      'bad-data-folder',
      'not as Cairn names them',
    ],
    ['a missing chunk', (disk) => disk.files.delete(chunkPath(1)), 'log-corrupt', 'chunk 1 is missing'],
    ['a missing first chunk', (disk) => disk.files.delete(chunkPath(0)), 'log-corrupt', 'chunk 0 is missing'],
    [
      'a damaged header',
      (disk) => disk.files.get(chunkPath(1))!.fill(7, 100, 101),
      'log-corrupt',
      'header is damaged',
    ],
    [
      'a file cut short',
      (disk) => disk.files.set(chunkPath(1), disk.files.get(chunkPath(1))!.slice(0, -1)),
      'log-corrupt',
      'bytes instead of',
    ],
    ['an empty file', (disk) => disk.files.set(chunkPath(1), new Uint8Array(0)), 'log-corrupt', 'too short'],
    [
      'a chunk under another number',
      (disk) => disk.files.set(chunkPath(1), disk.files.get(chunkPath(2))!),
      'log-corrupt',
      'the file holds chunk 2',
    ],
    [
      'a chunk of another log',
      (disk) => disk.files.get(chunkPath(1))!.set(header({ logId: '118f4e5c-0000-7000-8000-00000000a001' })),
      'log-corrupt',
      'another log',
    ],
    [
      'a chunk of another size',
      (disk) => disk.files.get(chunkPath(1))!.set(header({ chunkSize: 2 * CHUNK_SIZE })),
      'log-corrupt',
      'another log',
    ],
    [
      'a chunk of a later format',
      (disk) => {
        const file = disk.files.get(chunkPath(1))!;
        file[8] = 3;
        new DataView(file.buffer).setUint32(4092, naiveCrc(file.subarray(0, 4092)), true);
      },
      'bad-data-folder',
      'use a newer Cairn',
    ],
  ])('is refused with %s', (_, change, code, words) => {
    const disk = threeChunks();
    change(disk);
    const problem = problemWith(disk);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(words);
  });

  test('takes a footer of another chunk for a damaged one', () => {
    const disk = threeChunks();
    const footer = disk.files.get(chunkPath(0))!.subarray(4096 + CHUNK_SIZE);
    disk.files.get(chunkPath(1))!.set(footer, 4096 + CHUNK_SIZE);
    const opened = openFolder(disk, FOLDER);
    expect(opened.kind === 'log' && opened.chunks[1]!.footer.kind).toBe('damaged');
  });
});
