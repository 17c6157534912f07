/**
 * Makes a chunk's blocks written ones: a file system that has merely reserved them must note for each, at the first write, that it is
 * written now, and that note has to become durable as well. Blocks this thread; nobody may have the chunk open.
 */
import type { Disk } from '../src/base/ports.js';

const STEP_BYTES = 1024 * 1024;

/** Writes every byte of the file over itself, and syncs. Throws `DiskError`. */
export function prewriteChunk(disk: Disk, path: string): void {
  const buffer = disk.alignedBuffer(STEP_BYTES);
  const reading = disk.open(path, { access: 'read' });
  const writing = disk.open(path, { access: 'write', direct: true });
  try {
    const size = disk.sizeOf(reading);
    for (let offset = 0; offset < size; offset += STEP_BYTES) {
      const length = disk.read(reading, buffer, 0, Math.min(STEP_BYTES, size - offset), offset);
      disk.write(writing, buffer, 0, length, offset);
    }
    disk.sync(writing);
  } finally {
    disk.close(writing);
    disk.close(reading);
  }
}
