/**
 * What happens to a data folder before a node works on it: its log is recovered, what a crash left torn is repaired, and what
 * was found is made durable. Runs at start, on a thread that may block.
 */
import type { Disk, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { removeTemporaryFiles } from './folder.js';
import { type RecoveredLog, recoverLog } from './recovery.js';
import { repairTail, sealChunk } from './tail-repair.js';

/**
 * Recovers and repairs the log in `folder`; undefined if there is none yet. `catchingUpFrom` is what the node state says. Errors as in
 * `recoverLog`.
 */
export function recoverFolder(
  disk: Disk,
  kernel: RecordKernel,
  folder: string,
  catchingUpFrom?: Position,
): RecoveredLog | undefined {
  removeTemporaryFiles(disk, folder);
  const recovered = recoverLog({ disk, kernel, folder, catchingUpFrom });
  if (recovered.kind === 'empty') return undefined;
  syncActive(disk, recovered);
  repairTail(disk, recovered);
  if (recovered.needsFooter !== undefined) {
    sealChunk(disk, recovered.needsFooter.path, recovered.needsFooter.footer);
  }
  disk.syncDirectory(folder);
  return recovered;
}

/**
 * What a killed process wrote may be in caches only. It is about to count as the log, so it must be on the medium; and before anything
 * is repaired: zeros of an interrupted repair that were read here could otherwise go with the power, when a footer before them, cleared
 * because of them, is already gone.
 */
function syncActive(disk: Disk, { chunks, activeChunk }: RecoveredLog): void {
  for (const chunk of chunks.slice(Math.max(0, activeChunk - 1))) {
    const file = disk.open(chunk.path, { access: 'write' });
    disk.sync(file);
    disk.close(file);
  }
}
