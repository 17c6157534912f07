/**
 * A new chunk file, made in one go: its space reserved, its header written, all durable before it has its name. Runs on a thread that
 * may block. The preparer thread does the same in steps, with zeros in between; this is for whoever needs a chunk now.
 */
import { type Disk, DiskError } from '../base/ports.js';
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  chunkFileBytes,
  chunkFileName,
  encodeChunkHeader,
  temporaryFileName,
} from './chunk.js';

/** Makes the chunk in `folder`; returns its path. Throws `DiskError`: after one that says that there is no space, all is as before. */
export function makeChunk(disk: Disk, folder: string, header: ChunkHeader): string {
  const { chunkNumber, chunkSize } = header;
  const temporaryPath = `${folder}/${temporaryFileName(chunkNumber, 0)}`;
  const path = `${folder}/${chunkFileName(chunkNumber, 0)}`;
  const block = disk.alignedBuffer(CHUNK_HEADER_BYTES);
  encodeChunkHeader(block, header);
  const file = disk.open(temporaryPath, { access: 'create-new', direct: true });
  try {
    disk.allocate(file, chunkFileBytes(chunkSize));
  } catch (error) {
    disk.close(file);
    if (error instanceof DiskError && error.isOutOfSpace) disk.unlink(temporaryPath);
    throw error;
  }
  disk.write(file, block, 0, CHUNK_HEADER_BYTES, 0);
  disk.sync(file);
  disk.close(file);
  disk.rename(temporaryPath, path);
  disk.syncDirectory(folder);
  return path;
}
