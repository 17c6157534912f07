/**
 * What the bare disk does, measured right before each run, in the same folder and through the same Disk port: 4 KiB and
 * 1 MiB durable writes, one after the other, into a file that was filled with zeros before. Machines differ and
 * neighbours come and go, so a benchmark's number means little without this one beside it.
 */
import { join } from 'node:path';
import type { Disk } from '../src/base/ports.js';
import type { SyncMode } from '../src/writer/commands.js';
import { durableWrite, noise, prewrite, timeWrites } from './durable-write.js';
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
const AREA = { from: 0, to: FILE_BYTES };
const BUDGET = {
  /** For each of the two sizes. At 90 µs a write the median then stands on more than a thousand writes. */
  ms: 150,
  /** On a slow disk the time alone would give too few writes for a median. */
  writesMin: 16,
  /** A disk that says yes at once (no cache flush, tmpfs) need not be asked more often than this. */
  writesMax: 20_000,
};

/** Probes the disk below `directory`, in a file that is removed afterwards. Throws `DiskError`. Blocks for about 0.4 s. */
export function probeDisk(disk: Disk, directory: string, syncMode: SyncMode): ProbeResult {
  const path = join(directory, `probe-${process.pid}.tmp`);
  prewrite(disk, path, FILE_BYTES);
  const buffer = noise(disk, LARGE_BYTES);
  try {
    const file = disk.open(path, { access: 'write', direct: true, dsync: syncMode === 'dsync' });
    try {
      const write = durableWrite(disk, file, buffer, syncMode);
      return {
        diskKind: disk.kind,
        syncMode,
        probe4kP50Us: median(timeWrites(write, SMALL_BYTES, AREA, BUDGET)),
        probe1mMBps: LARGE_BYTES / median(timeWrites(write, LARGE_BYTES, AREA, BUDGET)),
      };
    } finally {
      disk.close(file);
    }
  } finally {
    disk.unlink(path);
  }
}
