/** The faulty disk itself, with plain files on it: what was synced survives a power cut, and nothing else is sure to. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeFolder, temporaryFolder } from '../node-process.js';
import { VolatileDisk, withoutVolatileDisk } from './volatile-disk.js';

const missing = withoutVolatileDisk();
let scratch: string;
let disk: VolatileDisk;

beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  scratch = temporaryFolder();
  disk = await VolatileDisk.create(join(scratch, 'disk'));
});

afterEach(async () => {
  if (missing !== undefined) return;
  await disk.remove();
  removeFolder(scratch);
});

const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;
const FILE_BYTES = 160 * 1024;
/** Of a block of a directory. */
const MAGIC = new TextEncoder().encode('XDB3');

/** Writes the file full of this byte, past the page cache: the disk has it, and keeps it to itself unless it `isSynced`. */
function fill(path: string, byte: number, isSynced: boolean): void {
  write(path, new Uint8Array(FILE_BYTES).fill(byte), isSynced);
}

function write(path: string, input: Uint8Array, isSynced: boolean): void {
  const conversion = isSynced ? 'notrunc,fdatasync' : 'notrunc';
  execFileSync('dd', [`of=${path}`, 'bs=4096', 'iflag=fullblock', 'oflag=direct', `conv=${conversion}`], {
    input,
    stdio: 'pipe',
  });
}

/** A file of ones that are synced, and twos over them that are not. */
function writeTwice(path: string): void {
  fill(path, 1, true);
  fill(path, 2, false);
}

/** By sector: its byte, or -1 if it is mixed. */
function sectorsOf(path: string): number[] {
  const bytes = readFileSync(path);
  expect(bytes.length).toBe(FILE_BYTES);
  return Array.from({ length: bytes.length / SECTOR_BYTES }, (_, i) => {
    const sector = bytes.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES);
    return sector.every((byte) => byte === sector[0]) ? sector[0]! : -1;
  });
}

test('what was synced survives a power cut that keeps nothing else', async () => {
  const path = join(disk.folder, 'file');
  writeTwice(path);
  disk.cutPower(1, 0);
  expect(disk.counts).toMatchObject({ unflushedSectors: 0, isCut: true });
  expect(() => fill(path, 3, false)).toThrow(/Input\/output error/);
  await disk.restore();
  expect(new Set(sectorsOf(path))).toEqual(new Set([1]));
});

test('a power cut that keeps a part tears what was not synced, at any sector', async () => {
  const path = join(disk.folder, 'file');
  writeTwice(path);
  disk.cutPower(2, 50);
  await disk.restore();
  const sectors = sectorsOf(path);
  const kept = sectors.filter((byte) => byte === 2).length;
  expect(new Set(sectors)).toEqual(new Set([1, 2]));
  expect(kept / sectors.length).toBeCloseTo(0.5, 0);
});

test('a power cut keeps a block that looks like one of the file system as a whole, or loses it', async () => {
  const path = join(disk.folder, 'file');
  for (const byte of [1, 2, 3]) {
    const blocks = new Uint8Array(FILE_BYTES).fill(byte);
    for (let at = 0; at < FILE_BYTES; at += BLOCK_BYTES) blocks.set(MAGIC, at);
    write(path, blocks, byte === 1);
  }
  disk.cutPower(3, 50);
  await disk.restore();
  const bytes = readFileSync(path);
  const kept = new Set<number>();
  for (let at = 0; at < FILE_BYTES; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    const content = new Set(block.subarray(MAGIC.length));
    expect(content.size).toBe(1);
    for (const byte of content) kept.add(byte);
  }
  // Twos are those that reached the medium before they were written over.
  expect(kept).toEqual(new Set([1, 2, 3]));
});

test('a sync that the disk fails is failed to the program', () => {
  const path = join(disk.folder, 'file');
  fill(path, 1, true);
  disk.failFlushes(0, 1);
  expect(() => fill(path, 2, true)).toThrow(/Input\/output error/);
});
