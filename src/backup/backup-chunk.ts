/**
 * What a chunk looks like in a backup (docs/formats.md, Backup). Pure. A sealed one is a chunk file whose header and footer depend on
 * the log alone: so a backup goes on from another node, or mends itself from it. Its records are those that the node has: the same bytes on every
 * node that has not scavenged the chunk. The last one ends with the block in which the backup ends.
 */
import { createHash } from 'node:crypto';
import { alignUp, formatUuid, parseUuid } from '../base/bytes.js';
import type { Bytes, ChainState } from '../base/ports.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkFooter,
  type ChunkHeader,
  chunkFileBytes,
  encodeChunkHeader,
  encodeFooter,
} from '../log/chunk.js';

/** Which log it is. */
export interface LogShape {
  readonly logId: string;
  readonly chunkSize: number;
}

/** Data is padded to whole blocks, as direct I/O wants. */
export const BLOCK_BYTES = 4096;

/** How long the file of chunk `number` is if the log ends at `end`, which is in it or is its end. */
export function backupFileBytes(chunkSize: number, number: number, end: number): number {
  const used = end - number * chunkSize;
  return used === chunkSize ? chunkFileBytes(chunkSize) : CHUNK_HEADER_BYTES + alignUp(used, BLOCK_BYTES);
}

/** The header that chunk `number` has in every backup of this log. */
export function backupHeader({ logId, chunkSize }: LogShape, number: number): ChunkHeader {
  return { chunkNumber: number, chunkSize, logId, chunkId: chunkIdOf(logId, number), createdUs: 0 };
}

/** The footer that goes with a header, if the chunk's records end so. */
export function footerFor(
  { chunkNumber, logId, chunkId }: ChunkHeader,
  { position: endPosition, chain, previousLength, epoch }: Readonly<ChainState>,
  recordCount: number,
): ChunkFooter {
  return { chunkNumber, endPosition, logId, chunkId, chain, previousLength, epoch, recordCount };
}

export function headerBlock(header: ChunkHeader): Bytes {
  const block: Bytes = new Uint8Array(CHUNK_HEADER_BYTES);
  encodeChunkHeader(block, header);
  return block;
}

export function footerBlock(footer: ChunkFooter): Bytes {
  const block: Bytes = new Uint8Array(CHUNK_FOOTER_BYTES);
  encodeFooter(block, footer);
  return block;
}

/** A UUID made of the log's id and a name (RFC 9562, section 5.5). */
function chunkIdOf(logId: string, number: number): string {
  const namespace = new Uint8Array(16);
  parseUuid(logId, namespace, 0);
  const id = createHash('sha1').update(namespace).update(`cairn backup chunk ${number}`).digest();
  id[6] = (id[6]! & 0x0f) | 0x50;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return formatUuid(id, 0);
}
