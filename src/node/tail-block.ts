/**
 * Puts the end of the log back into the ring at a start: what is not known to be committed, and the block that the log ends in. Main
 * thread; may block.
 */
import { alignDown } from '../base/bytes.js';
import type { Disk } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { chunkOf, fileOffsetOf } from '../log/chunk.js';
import type { RecoveredLog } from '../log/recovery.js';
import { BLOCK_BYTES, type RingMemory } from '../ring/layout.js';

/** From the block that the ring's start is in: the writer's first batch writes the last block again, whole. */
export function loadTail(disk: Disk, memory: RingMemory, { end, chunks, chunkSize }: RecoveredLog): void {
  const { start, ringBytes, apronBytes } = memory.descriptor;
  let position = alignDown(start, BLOCK_BYTES);
  while (position < end.position) {
    const number = chunkOf(position, chunkSize);
    const at = memory.offsetOf(position);
    const stretchEnd = Math.min(end.position, (number + 1) * chunkSize, position + ringBytes - at);
    readChunk(disk, chunks[number]!.path, { position, length: stretchEnd - position, chunkSize }, memory);
    position = stretchEnd;
  }
  // What runs over the ring's end is contiguous in the apron.
  memory.bytes.copyWithin(ringBytes, 0, apronBytes);
}

function readChunk(
  disk: Disk,
  path: string,
  { position, length, chunkSize }: { position: Position; length: number; chunkSize: number },
  memory: RingMemory,
): void {
  const file = disk.open(path, { access: 'read' });
  try {
    disk.read(file, memory.bytes, memory.offsetOf(position), length, fileOffsetOf(position, chunkSize));
  } finally {
    disk.close(file);
  }
}
