/** The job of the pool's workers for `cairn inspect verify`: one chunk. Each worker opens the disk once. */
import { openPlatform } from '../../native/platform.js';
import { type VerificationResult, type VerificationTask, verifyChunk } from './chunk-verification.js';

const { disk, kernel } = openPlatform();

export function verifyJob(task: VerificationTask): VerificationResult {
  return verifyChunk(disk, kernel, task);
}
