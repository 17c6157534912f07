/**
 * What happens to a data folder before a node works on it: its log is recovered, what a crash left torn is repaired, and what
 * was found is made durable. Main thread, at start; may block.
 */
import { alignDown } from '../base/bytes.js';
import type { Disk, RecordKernel } from '../base/ports.js';
import { fileOffsetOf } from '../log/chunk.js';
import { removeTemporaryFiles } from '../log/folder.js';
import { type RecoveredLog, recoverLog } from '../log/recovery.js';
import { repairTail, sealChunk } from '../log/tail-repair.js';
import { BLOCK_BYTES, type RingMemory } from '../ring/layout.js';

/** Recovers and repairs the log in `folder`; undefined if there is none yet. Errors as in `recoverLog`. */
export function recoverFolder(disk: Disk, kernel: RecordKernel, folder: string): RecoveredLog | undefined {
  removeTemporaryFiles(disk, folder);
  const recovered = recoverLog({ disk, kernel, folder });
  if (recovered.kind === 'empty') return undefined;
  repairTail(disk, recovered);
  if (recovered.needsFooter !== undefined) {
    sealChunk(disk, recovered.needsFooter.path, recovered.needsFooter.footer);
  }
  syncActive(disk, recovered);
  disk.syncDirectory(folder);
  return recovered;
}

/** What a killed process wrote may be in caches only; it is about to count as committed, so it must be on the medium. */
function syncActive(disk: Disk, { chunks, activeChunk }: RecoveredLog): void {
  for (const chunk of chunks.slice(Math.max(0, activeChunk - 1))) {
    const file = disk.open(chunk.path, { access: 'write' });
    disk.sync(file);
    disk.close(file);
  }
}

/** Reads the block that the log ends in into the ring: the writer's first batch writes that block again, whole. */
export function loadTailBlock(disk: Disk, memory: RingMemory, recovered: RecoveredLog): void {
  const end = recovered.end.position;
  const start = alignDown(end, BLOCK_BYTES);
  const chunk = recovered.chunks[recovered.activeChunk];
  if (end === start || chunk === undefined) return;
  const file = disk.open(chunk.path, { access: 'read' });
  disk.read(
    file,
    memory.bytes,
    memory.offsetOf(start),
    end - start,
    fileOffsetOf(start, recovered.chunkSize),
  );
  disk.close(file);
}
