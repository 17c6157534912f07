import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chunkFileName } from '../../src/log/chunk.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { openPlatform } from '../../src/native/platform.js';
import { ChunkFiles } from '../../src/reader/chunk-files.js';
import { DirectMemory } from '../../src/reader/direct-file.js';
import { SampleLog } from '../indexer/sample-log.js';

const CHUNK_BYTES = 65_536;
const CHUNKS = 90;

let folder: string;
let files: ChunkFiles;
const sample = new SampleLog(CHUNK_BYTES);
while (sample.end < CHUNKS * CHUNK_BYTES) sample.transaction([{ stream: 'a', dataBytes: 30_000 }]);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-files-'));
  sample.writeChunks(folder);
  files = new ChunkFiles(
    (chunkNumber) => join(folder, chunkFileName(chunkNumber, 0)),
    CHUNK_BYTES,
    javascriptKernel,
  );
});
afterEach(async () => {
  await files.close();
  rmSync(folder, { recursive: true });
});

describe('ChunkFiles', () => {
  test('reads any stretch, over the ends of chunks too', async () => {
    for (const [position, length] of [
      [0, 48],
      [65_000, 2000],
      [100, 400_000],
      [CHUNKS * CHUNK_BYTES - 8, 8],
    ] as const) {
      const target = new Uint8Array(length + 16);
      await files.read(position, target, 8, length);
      expect(Buffer.compare(target.subarray(8, -8), sample.bytes.subarray(position, position + length))).toBe(
        0,
      );
    }
  });

  test('serves many reads at once, each with its own bytes', async () => {
    const reads = Array.from({ length: 500 }, async (_, i) => {
      const position = (i * 7919 * 8) % (CHUNKS * CHUNK_BYTES - 4096);
      const target = new Uint8Array(4096);
      await files.read(position, target, 0, 4096);
      return Buffer.compare(target, sample.bytes.subarray(position, position + 4096));
    });
    expect(new Set(await Promise.all(reads))).toEqual(new Set([0]));
  });

  test('reads another file in the place of a chunk once it is told, and closes the one that was', async () => {
    const target = new Uint8Array(4096);
    await files.read(0, target, 0, 4096);
    writeFileSync(join(folder, 'other'), new Uint8Array(4096 + CHUNK_BYTES).fill(7));
    renameSync(join(folder, 'other'), join(folder, chunkFileName(0, 0)));
    await files.read(0, target, 0, 4096);
    expect(Buffer.compare(target, sample.bytes.subarray(0, 4096))).toBe(0);
    files.reopen(0);
    files.reopen(1);
    await files.read(0, target, 0, 4096);
    expect(target.every((byte) => byte === 7)).toBe(true);
    if (process.platform === 'linux') await expect.poll(() => openFiles(folder)).toBe(1);
  });

  test('reads the same past the page cache, over the ends of chunks and of files in their places', async () => {
    const chunkBytes = 1024 * 1024;
    const { disk } = openPlatform();
    const path = (chunkNumber: number) => join(folder, `large-${chunkNumber}`);
    const put = (chunkNumber: number, byte: number) =>
      writeFileSync(path(chunkNumber), new Uint8Array(4096 + chunkBytes).fill(byte));
    put(0, 1);
    put(1, 2);
    const memory = new DirectMemory((length) => disk.alignedBuffer(length));
    const large = new ChunkFiles(path, chunkBytes, javascriptKernel, memory);
    const target = new Uint8Array(600_000);
    const read = async () => {
      await large.read(chunkBytes - 200_008, target, 16, 500_000);
      const [first, second] = [target.subarray(16, 200_024), target.subarray(200_024, 500_016)];
      return [first, second].map((part) => (part.every((byte) => byte === part[0]) ? part[0] : 'a mixture'));
    };
    expect(await read()).toEqual([1, 2]);
    renameSync(path(1), join(folder, 'before'));
    put(1, 3);
    expect(await read()).toEqual([1, 2]);
    large.reopen(1);
    expect(await read()).toEqual([1, 3]);
    writeFileSync(path(0), new Uint8Array(4096 + chunkBytes - 10_000));
    await expect(read()).rejects.toMatchObject({ code: 'log-corrupt' });
    await large.close();
    if (process.platform === 'linux') await expect.poll(() => openFiles(folder)).toBe(0);
  });

  test.skipIf(process.platform !== 'linux')(
    'keeps a bounded number of files open, and none once it is closed',
    async () => {
      await Promise.all(
        Array.from({ length: CHUNKS }, (_, chunk) =>
          files.read(chunk * CHUNK_BYTES, new Uint8Array(8), 0, 8),
        ),
      );
      await files.read(0, new Uint8Array(8), 0, 8);
      await expect.poll(() => openFiles(folder)).toBeLessThanOrEqual(64);
      await files.close();
      expect(openFiles(folder)).toBe(0);
      await expect(files.read(0, new Uint8Array(8), 0, 8)).rejects.toMatchObject({ code: 'shutting-down' });
    },
  );
});

function openFiles(folder: string): number {
  let count = 0;
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(folder)) count++;
    } catch {
      // The descriptor that listed the folder is closed by now.
    }
  }
  return count;
}
