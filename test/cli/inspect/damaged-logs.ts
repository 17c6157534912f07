/** Logs to inspect: whole and with the kinds of damage that there are. */
import type { MemoryDisk } from '../../log/memory-disk.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from '../../log/sample-log.js';

/** Two sealed chunks, one active, one prepared. */
export function sampleLog(): SampleLog {
  const log = new SampleLog().epoch().event(100, 'orders-1').commit();
  log.fillChunk().event(3_000, 'orders-2').fillChunk();
  return log.event(50, 'orders-3').event(60, 'orders-3').sync().commit();
}

/** Changes one byte of what stands at `position`. */
export function flip(disk: MemoryDisk, position: number): void {
  const file = disk.files.get(chunkPath(Math.floor(position / CHUNK_SIZE)))!;
  file[4096 + (position % CHUNK_SIZE)]! ^= 0x10;
}

/** What the disk holds, to see that nothing changed it. */
export function snapshotOf(disk: MemoryDisk): () => string[] {
  const before = disk.clone();
  return () => disk.differences(before);
}
