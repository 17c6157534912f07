/** Entry of the thread that mends one chunk while the node works: the files are large, and main must not wait for them. */
import { parentPort, workerData } from 'node:worker_threads';
import { DiskError } from '../../base/ports.js';
import { openPlatform } from '../../native/platform.js';
import { ChunkCaller } from '../../net/chunk-caller.js';
import { mendIfDamaged } from './chunk-repair.js';
import type { RepairJob, RepairReport } from './repair-job.js';

const { folder, logId, chunkSize, number, name, peers } = workerData as RepairJob;
const { disk, kernel } = openPlatform();
const caller = new ChunkCaller({ name, logId, chunkSize });
parentPort?.postMessage(await run());

async function run(): Promise<RepairReport> {
  try {
    const log = { disk, kernel, folder, logId, chunkSize };
    return await mendIfDamaged(log, number, peers, (...asked) => caller.fetch(...asked));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return { kind: 'failed', reason: error.message };
  }
}
