/** Entry of a thread of {@link PairedWriters}: does one job after the other. It may block. */
import { parentPort } from 'node:worker_threads';
import { DiskError } from '../../src/base/ports.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { openPlatform } from '../../src/native/platform.js';
import { durableWrite, noise, timeWrites } from '../durable-write.js';
import type { HalfJob, HalfResult } from './paired-writers.js';

parentPort!.on('message', (job: HalfJob) => parentPort!.postMessage(resultOf(job)));

function resultOf(job: HalfJob): HalfResult {
  try {
    return { timesUs: timesOf(job) };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const { errno, syscall, path } = error;
    return { failure: { errno, syscall, path } };
  }
}

function timesOf({ file, path, mode, bytes, from, to, ...budget }: HalfJob): number[] {
  const disk = path === 'native' ? openPlatform().disk : new JavascriptDisk();
  const handle = disk.open(file, { access: 'write', direct: true, dsync: mode === 'dsync' });
  try {
    return timeWrites(durableWrite(disk, handle, noise(disk, bytes), mode), bytes, { from, to }, budget);
  } finally {
    disk.close(handle);
  }
}
