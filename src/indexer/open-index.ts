/**
 * What the index finds in its folder at the start: the manifest and the segments that it names, each checked against the log. What doesn't fit is left
 * out, and what nobody names is removed. Index thread.
 */

import type { HashSeed } from '../base/name-table.js';
import { type Disk, DiskError, type RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  eventIdsFileName,
  filesOf,
  loadManifest,
  type Manifest,
  type SegmentFile,
  segmentFileName,
} from '../index/manifest.js';
import { IndexDamage } from '../index/page.js';
import type { PageCache } from '../index/page-cache.js';
import { SegmentReader } from '../index/segment-reader.js';
import { chainEndOf } from './chunk-walk.js';
import type { OpenSegment } from './segment-rebuilds.js';

export interface OpenIndexParts {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly folder: string;
  readonly logFolder: string;
  readonly logId: string;
  readonly chunkSize: number;
  readonly chunks: readonly { readonly path: string }[];
  /** Everything before it is committed, and nothing behind it is known to be. */
  readonly committed: Position;
  readonly cache: PageCache;
  /** Of a new index. */
  readonly seed: HashSeed;
  note(message: string, facts: Readonly<Record<string, string | number>>): void;
}

/** What of an index can be used. */
export interface UsableIndex extends Pick<Manifest, 'seed' | 'eventIds'> {
  readonly segments: readonly OpenSegment[];
}

/** What can't be made or read is as if it weren't there: the index does without, and its jobs try again. */
export function openIndex(parts: OpenIndexParts): UsableIndex {
  const { disk, folder, logFolder, note } = parts;
  try {
    makeIndexFolder(disk, folder, logFolder);
    return openFolder(parts);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    note('the folder of the index can not be used: the index is made anew', { reason: error.message });
    return { seed: parts.seed, eventIds: [], segments: [] };
  }
}

/** Makes the folder, durably, unless it is there. Throws `DiskError`. */
export function makeIndexFolder(disk: Disk, folder: string, logFolder: string): void {
  try {
    disk.list(folder);
  } catch (error) {
    if (!(error instanceof DiskError && error.errno === 'ENOENT')) throw error;
    disk.makeDirectory(folder);
    disk.syncDirectory(logFolder);
  }
}

function openFolder(parts: OpenIndexParts): UsableIndex {
  const { disk, folder, logId, chunkSize, note } = parts;
  const loaded = loadManifest(disk, folder);
  const isOurs = typeof loaded !== 'string' && loaded.logId === logId && loaded.chunkSize === chunkSize;
  if (!isOurs && disk.list(folder).length > 0) {
    const reason = typeof loaded === 'string' ? loaded : 'it is that of another log';
    note('the manifest of the index can not be used: the index is made anew', { reason });
  }
  removeOthers(parts, isOurs ? filesOf(loaded) : new Set());
  if (!isOurs) return { seed: parts.seed, eventIds: [], segments: [] };
  const segments: OpenSegment[] = [];
  for (const file of loaded.segments) {
    const reader = openSegment(parts, loaded, file);
    if (reader !== undefined) segments.push({ file, reader });
  }
  const present = new Set(disk.list(folder));
  const eventIds = loaded.eventIds.filter(({ file }) => present.has(eventIdsFileName(file)));
  return { seed: loaded.seed, eventIds, segments };
}

function removeOthers({ disk, folder, note }: OpenIndexParts, named: ReadonlySet<string>): void {
  try {
    for (const name of disk.list(folder)) if (!named.has(name)) disk.unlink(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    note('old index files could not be removed', { reason: error.message });
  }
}

function openSegment(
  parts: OpenIndexParts,
  manifest: Manifest,
  file: SegmentFile,
): SegmentReader | undefined {
  const { folder, cache, note } = parts;
  const { firstChunk, lastChunk } = file;
  let reader: SegmentReader | undefined;
  try {
    reader = new SegmentReader(parts, `${folder}/${segmentFileName(file.file)}`, cache);
    const misfit = misfitOf(parts, manifest, file, reader);
    if (misfit === undefined) return reader;
    note('a part of the index does not go with the log and is made anew', {
      reason: misfit,
      firstChunk,
      lastChunk,
    });
    reader.close();
  } catch (error) {
    reader?.close();
    if (!(error instanceof IndexDamage || error instanceof DiskError)) throw error;
    note('a part of the index is damaged and is made anew', { reason: error.message, firstChunk, lastChunk });
  }
  return undefined;
}

/** Why the segment can't be used for these chunks of this log; undefined if it can. */
function misfitOf(
  parts: OpenIndexParts,
  { logId, chunkSize, seed }: Manifest,
  { firstChunk, lastChunk }: SegmentFile,
  { header }: SegmentReader,
): string | undefined {
  const { chunks, committed } = parts;
  if (header.logId !== logId || header.chunkSize !== chunkSize) return 'it is of another log';
  if (header.firstChunk !== firstChunk || header.lastChunk !== lastChunk) return 'it is of other chunks';
  if (header.seed.low !== seed.low || header.seed.high !== seed.high) return 'it is of another index';
  // It held once that all of it is committed, so it still does; but this node does not know yet, and shows nothing before it does.
  if (header.decided > committed) return 'it is not known yet that its chunks are committed';
  const chunk = chunks[lastChunk];
  const end = chunk && chainEndOf(parts, lastChunk, chunk.path);
  if (end === undefined) return 'its last chunk is not sealed';
  const { chain, previousLength, epoch } = header.end;
  const fits = end.chain === chain && end.previousLength === previousLength && end.epoch === epoch;
  return fits ? undefined : 'its last chunk has another content';
}
