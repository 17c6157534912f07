/** Reserving space by writing zeros, where there is no fallocate. For threads that may block. */
import type { Disk, FileHandle } from '../base/ports.js';

/** Big enough that the calls cost nothing, small enough to allocate for one use. */
const STEP_BYTES = 1 << 20;

/**
 * Writes zeros from the file's end up to `length`; a file that is as long already is left alone. The file's size and
 * `length` must be aligned if it is open for direct I/O. After a failure the file is as long as it came.
 */
export function writeZeros(disk: Disk, file: FileHandle, length: number): void {
  const zeros = disk.alignedBuffer(STEP_BYTES);
  for (let at = disk.sizeOf(file); at < length; at += STEP_BYTES) {
    disk.write(file, zeros, 0, Math.min(STEP_BYTES, length - at), at);
  }
}
