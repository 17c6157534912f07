/** The jobs of the pool's workers for `cairn inspect verify`: one chunk, or one file of the index. Each worker opens the disk once. */
import { openPlatform } from '../../native/platform.js';
import { type VerificationResult, type VerificationTask, verifyChunk } from './chunk-verification.js';
import { type IndexResult, type IndexTask, verifyIndexFile } from './index-verification.js';

const { disk, kernel } = openPlatform();

export function verifyJob(task: VerificationTask): VerificationResult {
  return verifyChunk(disk, kernel, task);
}

export function verifyIndexJob(task: IndexTask): IndexResult {
  return verifyIndexFile({ disk, kernel }, task);
}
