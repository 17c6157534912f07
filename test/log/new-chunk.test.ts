import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  chunkFileBytes,
  encodeChunkHeader,
} from '../../src/log/chunk.js';
import { makeChunk } from '../../src/log/new-chunk.js';
import { openPlatform } from '../../src/native/platform.js';
import { LOG_ID } from './sample-log.js';

const CHUNK_SIZE = 4 * 1024 * 1024;
const HEADER: ChunkHeader = {
  ...{ chunkNumber: 0, chunkSize: CHUNK_SIZE, logId: LOG_ID, createdUs: 1 },
  chunkId: '018f4e5c-0000-7000-8000-00000000c0de',
};
const { disk } = openPlatform();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-new-chunk-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each([0, 4_096, 2.5 * 1024 * 1024, CHUNK_SIZE, 2 * CHUNK_SIZE])(
  'a new chunk is its header and zeros, however much of it (%i bytes) is prewritten',
  (prewrittenBytes) => {
    const path = makeChunk(disk, folder, HEADER, prewrittenBytes);
    const expected = Buffer.alloc(chunkFileBytes(CHUNK_SIZE));
    const header = disk.alignedBuffer(CHUNK_HEADER_BYTES);
    encodeChunkHeader(header, HEADER);
    expected.set(header);
    expect(readFileSync(path).equals(expected)).toBe(true);
    expect(readdirSync(folder)).toEqual([path.split('/').at(-1)]);
  },
);
