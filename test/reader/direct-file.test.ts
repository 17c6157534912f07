/** Reads past the page cache against what is in the file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPlatform } from '../../src/native/platform.js';
import { DirectFile, DirectMemory } from '../../src/reader/direct-file.js';
import { SeededRandom } from '../process/random.js';

const FILE_BYTES = 3 * 1024 * 1024 + 1234;
const KIB = 1024;
const { disk } = openPlatform();

let folder: string;
let content: Buffer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-direct-'));
  const random = new SeededRandom(1);
  content = Buffer.from(Uint32Array.from({ length: FILE_BYTES / 4 + 1 }, () => random.bits()).buffer);
  content = content.subarray(0, FILE_BYTES);
  writeFileSync(join(folder, 'file'), content);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function opened(memory = new DirectMemory((length) => disk.alignedBuffer(length))): DirectFile {
  return new DirectFile(join(folder, 'file'), memory);
}

async function readAt(file: DirectFile, offset: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length, 0xee);
  const count = await file.read(offset, target);
  expect(target.subarray(count).every((byte) => byte === 0xee)).toBe(true);
  return target.subarray(0, count);
}

describe.skipIf(disk.kind !== 'native' || process.platform !== 'linux')('a large read', () => {
  test('gives what is in the file, wherever it begins and ends', async () => {
    const file = opened();
    const random = new SeededRandom(2);
    for (let i = 0; i < 60; i++) {
      const length = 128 * KIB + random.below(1024 * KIB);
      const offset = random.below(FILE_BYTES - length);
      expect((await readAt(file, offset, length)).equals(content.subarray(offset, offset + length))).toBe(
        true,
      );
    }
    await file.close();
  });

  test('may be one of several at the same time', async () => {
    const file = opened();
    const reads = Array.from({ length: 12 }, (_, i) => readAt(file, i * 100_001, 200_000));
    for (const [i, got] of (await Promise.all(reads)).entries())
      expect(got.equals(content.subarray(i * 100_001, i * 100_001 + 200_000))).toBe(true);
    await file.close();
  });

  test('is shorter where the file ends, and nothing behind it', async () => {
    const file = opened();
    expect((await readAt(file, FILE_BYTES - 150_000, 200_000)).equals(content.subarray(-150_000))).toBe(true);
    expect(await readAt(file, FILE_BYTES + 10, 200_000)).toHaveLength(0);
    await file.close();
  });
});

test('a small read is left to others', async () => {
  const file = opened();
  expect(await readAt(file, 8, 128 * KIB - 1)).toHaveLength(0);
  await file.close();
});

test('what the system refuses is left to others, from then on as well', async () => {
  const crooked = new DirectMemory((length) => new Uint8Array(new ArrayBuffer(length + 8), 1, length));
  const file = opened(crooked);
  const expectRead = async () => {
    // Where the file system takes any memory, it reads all the same.
    const got = await readAt(file, 4096, 200_000);
    expect(got.equals(content.subarray(4096, 4096 + got.length))).toBe(true);
  };
  // None of those that are under way at the first refusal fails.
  await Promise.all(Array.from({ length: 20 }, expectRead));
  await expectRead();
  await file.close();
});

test('a file that is not there is an error', async () => {
  rmSync(join(folder, 'file'));
  const file = opened();
  if (process.platform === 'linux')
    await expect(file.read(0, new Uint8Array(200_000))).rejects.toMatchObject({ code: 'ENOENT' });
  await file.close();
});
