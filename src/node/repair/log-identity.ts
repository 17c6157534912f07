/**
 * What a damaged data folder still says about the log that it holds, or held: whose it is, how large its chunks are, who else may have it, and
 * what of it is certainly committed. At start, on a thread that may block.
 */
import type { Disk } from '../../base/ports.js';
import type { Position } from '../../base/units.js';
import { loadHistory } from '../../cluster/history-file.js';
import { NodeStateFile } from '../../cluster/node-state-file.js';
import { CHUNK_FOOTER_BYTES, CHUNK_HEADER_BYTES, isChunkSize } from '../../log/chunk.js';
import { type ChunkBlocks, listFolder, readChunkBlocks } from '../../log/folder.js';

export interface LogIdentity {
  readonly logId: string;
  readonly chunkSize: number;
  /** Names of the other members, as far as they are known without the log. */
  readonly members: readonly string[];
  /** Everything before it is committed. */
  readonly committed: Position;
}

/** Undefined if the folder does not say enough, or its node is out of order for another reason. Throws `DiskError`. */
export function identifyLog(disk: Disk, folder: string): LogIdentity | undefined {
  const loaded = NodeStateFile.load(disk, folder);
  if (loaded.kind !== 'loaded' || loaded.state.fenced) return undefined;
  const { clusterId: logId, memberId, foundation, ackedPosition } = loaded.state;
  if (logId === undefined) return undefined;
  const blocks = listFolder(disk, folder).chunks.map(({ path }) => readChunkBlocks(disk, path));
  const chunkSize = chunkSizeOf(blocks, logId) ?? foundation?.chunkSize;
  if (chunkSize === undefined) return undefined;
  const history = loadHistory(disk, folder, logId);
  const configured = history?.configurations.at(-1)?.configuration.members ?? [];
  const others = [...configured, ...(foundation?.members ?? [])].filter(({ id }) => id !== memberId);
  const committed = Math.max(ackedPosition, history?.end.position ?? 0);
  return { logId, chunkSize, members: [...new Set(others.map(({ name }) => name))], committed };
}

/** As a header says, or, if none is left, a file's length. */
function chunkSizeOf(chunks: readonly ChunkBlocks[], logId: string): number | undefined {
  for (const { header } of chunks) {
    if (header.kind === 'header' && header.header.logId === logId) return header.header.chunkSize;
  }
  const bytes = (chunks[0]?.fileBytes ?? 0) - CHUNK_HEADER_BYTES - CHUNK_FOOTER_BYTES;
  return isChunkSize(bytes) ? bytes : undefined;
}
