/**
 * The last event ids of a chunk that is not in memory: from the file beside the segments, or, if that is missing, damaged or has too few, from
 * the log. Index thread.
 */
import type { Disk, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { type EventColumns, type EventIds, readEventIds } from '../index/event-ids.js';
import { type EventIdsFile, eventIdsFileName } from '../index/manifest.js';
import { IndexDamage } from '../index/page.js';
import { listFolder } from '../log/folder.js';
import { ChunkWalk, chainEndOf } from './chunk-walk.js';
import type { IndexerReport } from './commands.js';
import type { LogIndex } from './log-index.js';
import { MemoryPart } from './memory-part.js';
import { RecentEvents } from './recent-events.js';
import { RecordFollower } from './record-follower.js';

export interface EventIdsParts {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly index: LogIndex;
  readonly logId: string;
  /** The folder of the index, and that of the log. */
  readonly folder: string;
  readonly logFolder: string;
  readonly files: readonly EventIdsFile[];
  /** Everything before it is committed. */
  readonly committed: Position;
  report(report: IndexerReport): void;
}

/** Of a chunk: at least `wanted`, or all. Throws `log-corrupt` or `DiskError` if they can't be had from the log either. */
export function eventIdsOf(
  parts: EventIdsParts,
  chunk: number,
  wanted: number,
): EventColumns & Pick<EventIds, 'names'> {
  try {
    return fromFile(parts, chunk, wanted);
  } catch (error) {
    if (!(error instanceof IndexDamage)) throw error;
    const facts = { chunk, reason: error.message };
    parts.report({ kind: 'noted', message: 'event ids are read from the log', facts });
    return fromLog(parts, chunk, wanted);
  }
}

function fromFile(parts: EventIdsParts, chunk: number, wanted: number): EventIds {
  const { folder, files, logId, index } = parts;
  const file = files.find((known) => known.chunk === chunk);
  if (file === undefined) throw new IndexDamage(folder, `there are no event ids of chunk ${chunk}`);
  const path = `${folder}/${eventIdsFileName(file.file)}`;
  const eventIds = readEventIds(parts, path);
  const { header, streams } = eventIds;
  const end = endOf(parts, chunk);
  const isOfChunk = header.chunk === chunk && header.logId === logId && header.chunkSize === index.chunkSize;
  if (!isOfChunk || end?.chain !== header.end.chain) throw new IndexDamage(path, 'it is of another chunk');
  if (streams.length < Math.min(wanted, header.chunkEvents)) throw new IndexDamage(path, 'it has too few');
  return eventIds;
}

function endOf({ disk, logFolder, index }: EventIdsParts, chunk: number) {
  const path = listFolder(disk, logFolder).chunks[chunk]?.path;
  return path === undefined ? undefined : chainEndOf({ disk, chunkSize: index.chunkSize }, chunk, path);
}

function fromLog(
  parts: EventIdsParts,
  chunk: number,
  wanted: number,
): EventColumns & Pick<EventIds, 'names'> {
  const { disk, kernel, index, logFolder, committed } = parts;
  const { chunkSize, seed } = index;
  const part = new MemoryPart(chunk, chunkSize, seed);
  const recent = new RecentEvents(wanted);
  const onlyHere = { partAt: (at: Position) => (at >= part.start && at < part.end ? part : undefined) };
  const { chunks } = listFolder(disk, logFolder);
  const log = { disk, kernel, chunks, chunkSize, to: committed };
  const walk = new ChunkWalk(log, chunk, new RecordFollower(onlyHere, recent));
  try {
    while (walk.step() > 0);
  } finally {
    walk.close();
  }
  const names = Array.from({ length: part.names.size }, (_, stream) => part.names.bytesOf(stream));
  return { ...recent.columns(), names };
}
