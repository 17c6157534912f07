/**
 * Durable writes to one file, timed one by one: what the probe and the tuner measure a disk with. The file is filled with zeros before, or its
 * space merely reserved; both are what a log's chunks can be. Blocks.
 */
import { performance } from 'node:perf_hooks';
import type { Bytes, Disk, FileHandle } from '../src/base/ports.js';
import type { SyncMode } from '../src/writer/commands.js';

/** `none`: not durable at all, for what a sync adds. */
export type WriteMode = SyncMode | 'none';

/** Writes `length` bytes at `offset` and returns when they are durable. */
export type DurableWrite = (length: number, offset: number) => void;

/** When to stop: after so long, but not before there are so many, nor after so many. */
export interface WriteBudget {
  readonly ms: number;
  readonly writesMin: number;
  readonly writesMax: number;
}

/** Creates a file of `fileBytes` and fills it with zeros, which on most file systems makes later durable writes almost twice as fast. */
export function prewrite(disk: Disk, path: string, fileBytes: number): void {
  const zeros = disk.alignedBuffer(Math.min(fileBytes, ZEROS_BYTES));
  reserve(disk, path, fileBytes, (file) => {
    for (let offset = 0; offset < fileBytes; offset += zeros.length) {
      disk.write(file, zeros, 0, zeros.length, offset);
    }
  });
}

const ZEROS_BYTES = 1024 * 1024;

/** Creates a file of `fileBytes` whose space is reserved, and has it filled. */
export function reserve(disk: Disk, path: string, fileBytes: number, fill: (file: FileHandle) => void): void {
  const file = disk.open(path, { access: 'create-new', direct: true });
  try {
    disk.allocate(file, fileBytes);
    fill(file);
    disk.sync(file);
  } catch (error) {
    disk.unlink(path);
    throw error;
  } finally {
    disk.close(file);
  }
}

/** Never zeros: some disks notice them and write nothing. */
export function noise(disk: Disk, length: number): Bytes {
  const buffer = disk.alignedBuffer(length);
  for (let i = 0; i < length; i++) buffer[i] = (i * 31 + (i >>> 8)) & 0xff;
  return buffer;
}

export function durableWrite(disk: Disk, file: FileHandle, buffer: Bytes, mode: WriteMode): DurableWrite {
  if (mode !== 'fdatasync') return (length, offset) => disk.write(file, buffer, 0, length, offset);
  return (length, offset) => {
    disk.write(file, buffer, 0, length, offset);
    disk.syncData(file);
  };
}

/** The offsets that writes go to: `[from, to)`, and round again unless it is to be written once only. */
export interface WriteArea {
  readonly from: number;
  readonly to: number;
  readonly once?: boolean;
}

/** Writes `length` bytes again and again, and returns how long each took, in µs. */
export function timeWrites(
  write: DurableWrite,
  length: number,
  area: WriteArea,
  budget: WriteBudget,
): number[] {
  const timesUs: number[] = [];
  const started = performance.now();
  let before = started;
  for (let offset = area.from; timesUs.length < budget.writesMax; offset += length) {
    if (offset + length > area.to) {
      if (area.once === true) break;
      offset = area.from;
    }
    write(length, offset);
    const after = performance.now();
    timesUs.push((after - before) * 1000);
    if (after - started > budget.ms && timesUs.length >= budget.writesMin) break;
    before = after;
  }
  return timesUs;
}
