/**
 * Puts the block that the log ends in back into the ring at a start. Main thread; may block.
 */
import { alignDown } from '../base/bytes.js';
import type { Disk } from '../base/ports.js';
import { fileOffsetOf } from '../log/chunk.js';
import type { RecoveredLog } from '../log/recovery.js';
import { BLOCK_BYTES, type RingMemory } from '../ring/layout.js';

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
