/**
 * What the bare disk does, measured right before each run, in the same folder and through the same Disk port: 4 KiB and
 * 1 MiB durable writes, one after the other, into a file that was filled with zeros before. Machines differ and
 * neighbours come and go, so a benchmark's number means little without this one beside it.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Bytes, Disk, FileHandle } from '../src/base/ports.js';
import type { SyncMode } from '../src/writer/commands.js';
import { median } from './statistics/spread.js';

/** What the probe found. */
export interface ProbeResult {
  readonly diskKind: Disk['kind'];
  readonly syncMode: SyncMode;
  /** Median time of one durable 4 KiB write, µs. */
  readonly probe4kP50Us: number;
  /** Throughput of durable 1 MiB writes at their median time, in 10^6 bytes a second. */
  readonly probe1mMBps: number;
}

const SMALL_BYTES = 4096;
const LARGE_BYTES = 1024 * 1024;
/** Large enough that writes move on over the medium as a log's do; prewriting it takes some 30 ms. */
const FILE_BYTES = 64 * LARGE_BYTES;
/** Time for each of the two sizes. At 90 µs a write the median then stands on more than a thousand writes. */
const BUDGET_MS = 150;
/** On a slow disk the budget alone would give too few writes for a median. */
const WRITES_MIN = 16;
/** A disk that says yes at once (no cache flush, tmpfs) need not be asked more often than this. */
const WRITES_MAX = 20_000;

/** Probes the disk below `directory`, in a file that is removed afterwards. Throws `DiskError`. Blocks for about 0.4 s. */
export function probeDisk(disk: Disk, directory: string, syncMode: SyncMode): ProbeResult {
  const path = join(directory, `probe-${process.pid}.tmp`);
  const buffer = disk.alignedBuffer(LARGE_BYTES);
  prewrite(disk, path, buffer);
  // Never zeros: some disks notice them and write nothing.
  for (let i = 0; i < buffer.length; i++) buffer[i] = (i * 31 + (i >>> 8)) & 0xff;
  try {
    const file = disk.open(path, { access: 'write', direct: true, dsync: syncMode === 'dsync' });
    try {
      const write = durableWrite(disk, file, buffer, syncMode);
      return {
        diskKind: disk.kind,
        syncMode,
        probe4kP50Us: median(timeWrites(write, SMALL_BYTES)),
        probe1mMBps: LARGE_BYTES / median(timeWrites(write, LARGE_BYTES)),
      };
    } finally {
      disk.close(file);
    }
  } finally {
    disk.unlink(path);
  }
}

/** Creates the file and fills it with zeros, which on most file systems makes later durable writes almost twice as fast. */
function prewrite(disk: Disk, path: string, zeros: Bytes): void {
  const file = disk.open(path, { access: 'create-new', direct: true });
  try {
    disk.allocate(file, FILE_BYTES);
    for (let offset = 0; offset < FILE_BYTES; offset += zeros.length) {
      disk.write(file, zeros, 0, zeros.length, offset);
    }
    disk.sync(file);
  } catch (error) {
    disk.unlink(path);
    throw error;
  } finally {
    disk.close(file);
  }
}

/** With `none` it is not durable: what is left is the write itself. */
type DurableWrite = (length: number, offset: number) => void;

function durableWrite(disk: Disk, file: FileHandle, buffer: Bytes, syncMode: SyncMode): DurableWrite {
  if (syncMode !== 'fdatasync') return (length, offset) => disk.write(file, buffer, 0, length, offset);
  return (length, offset) => {
    disk.write(file, buffer, 0, length, offset);
    disk.syncData(file);
  };
}

function timeWrites(write: DurableWrite, length: number): number[] {
  const timesUs: number[] = [];
  const started = performance.now();
  let before = started;
  for (let offset = 0; timesUs.length < WRITES_MAX; offset = (offset + length) % FILE_BYTES) {
    write(length, offset);
    const after = performance.now();
    timesUs.push((after - before) * 1000);
    if (after - started > BUDGET_MS && timesUs.length >= WRITES_MIN) break;
    before = after;
  }
  return timesUs;
}
