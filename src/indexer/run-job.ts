/** Carries out a job of the index, on whatever thread may block for a second or more: a worker of the pool. */
import { assert } from '../base/assert.js';
import type { Bytes, ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { type EventColumns, writeEventIds } from '../index/event-ids.js';
import { eventIdsFileName, segmentFileName } from '../index/manifest.js';
import { IndexDamage } from '../index/page.js';
import type { FileAccess } from '../index/paged-file.js';
import { mergeSegments } from '../index/segment-merge.js';
import { type SegmentTarget, type SegmentWriter, writeSegment } from '../index/segment-writer.js';
import {
  compareNames,
  type HashedName,
  type StreamHash,
  StreamName,
  streamHash,
} from '../index/stream-hash.js';
import { listFolder } from '../log/folder.js';
import { ChunkWalk, chainEndOf } from './chunk-walk.js';
import type { BuildJob, IndexJob, JobOutcome, MergeJob, VerifyJob } from './jobs.js';
import { MemoryPart } from './memory-part.js';
import { makeIndexFolder } from './open-index.js';
import { RecentEvents } from './recent-events.js';
import { RecordFollower } from './record-follower.js';
import { reportedError } from './reported-error.js';
import { sweepFile } from './sweep-file.js';

const NO_EVENTS: EventColumns = {
  ids: new Uint32Array(0),
  streams: new Uint32Array(0),
  revisions: new Float64Array(0),
  positions: new Float64Array(0),
};

/** How a job is carried out. */
export interface JobManner {
  /** Another hash than the seed's, for tests. */
  readonly hash?: StreamHash | undefined;
  /** Called every few megabytes; may throw, to end the job. */
  readonly check?: (() => void) | undefined;
}

/** Answers with what came of it; only our own bugs are thrown. */
export function runJob(access: FileAccess, job: IndexJob, manner: JobManner = {}): JobOutcome {
  try {
    return { kind: 'done', chunkEvents: carryOut(access, job, manner) };
  } catch (error) {
    if (error instanceof IndexDamage) {
      return { kind: 'index-damaged', path: error.path, message: error.message };
    }
    const reported = reportedError(error);
    if (reported !== undefined) return { kind: 'failed', error: reported };
    throw error;
  }
}

/** Returns how many events there are. */
function carryOut(access: FileAccess, job: IndexJob, manner: JobManner): number {
  switch (job.kind) {
    case 'build':
      return build(access, job, manner);
    case 'merge':
      return merge(access, job, manner);
    case 'verify':
      return verify(access, job, manner);
    case 'sweep':
      sweepFile(access, job, manner.check);
      return 0;
  }
}

/** Throws `log-corrupt` if the chunk is not as it was written. */
function verify(access: FileAccess, { logFolder, chunkSize, chunk }: VerifyJob, manner: JobManner): number {
  const { chunks } = listFolder(access.disk, logFolder);
  const log = { ...access, chunks, chunkSize, to: (chunk + 1) * chunkSize };
  const walk = new ChunkWalk(log, chunk, {
    follow: (_bytes, _words, _at, limit) => limit,
    isInTransaction: false,
  });
  try {
    while (walk.step() > 0) manner.check?.();
  } finally {
    walk.close();
  }
  return 0;
}

function merge(access: FileAccess, job: MergeJob, { check }: JobManner): number {
  const { folder, file, inputs } = job;
  const target = targetOf(access, job, segmentFileName(file));
  const paths = inputs.map((input) => `${folder}/${segmentFileName(input)}`);
  return mergeSegments({ ...target, check }, paths).events;
}

function build(access: FileAccess, job: BuildJob, manner: JobManner): number {
  const { logId, chunkSize, chunk, seed, eventIds, file } = job;
  const { part, recent, end, decided } = recallChunk(access, job) ?? readChunk(access, job, manner);
  assert(end.position === part.end, 'a segment is made of a whole chunk');
  const scope = { logId, chunkSize, firstChunk: chunk, lastChunk: chunk, seed, decided, end };
  const target = targetOf(access, job, segmentFileName(file));
  writeSegment({ ...target, check: manner.check }, scope, (writer) =>
    writePart(writer, part, manner.hash ?? streamHash(seed)),
  );
  if (eventIds > 0) {
    const idsTarget = targetOf(access, job, eventIdsFileName(file));
    const idsScope = { logId, chunk, chunkSize, end, chunkEvents: part.events };
    writeEventIds(idsTarget, idsScope, recent, (stream) => part.names.bytesOf(stream));
  }
  return part.events;
}

/** All of a chunk that its segment is made of. */
interface ChunkContent {
  readonly part: MemoryPart;
  readonly recent: EventColumns;
  readonly end: Readonly<ChainState>;
  readonly decided: Position;
}

/** What the index thread has in memory; undefined if that is nothing, or if the chunk's file does not say how the chunk ends. */
function recallChunk(access: FileAccess, job: BuildJob): ChunkContent | undefined {
  const { memory, logFolder, chunk, chunkSize } = job;
  const path = listFolder(access.disk, logFolder).chunks[chunk]?.path;
  if (memory === undefined || path === undefined) return undefined;
  const end = chainEndOf({ disk: access.disk, chunkSize }, chunk, path);
  if (end === undefined) return undefined;
  const part = MemoryPart.fromTransfer(chunk, chunkSize, memory.part);
  return { part, recent: memory.recent, end, decided: part.decided };
}

function readChunk(access: FileAccess, job: BuildJob, manner: JobManner): ChunkContent {
  const { logFolder, chunkSize, chunk, seed, committed, eventIds } = job;
  const part = new MemoryPart(chunk, chunkSize, seed);
  const recent = eventIds > 0 ? new RecentEvents(eventIds) : undefined;
  const wanted = { partAt: (at: number) => (at >= part.start && at < part.end ? part : undefined) };
  const { chunks } = listFolder(access.disk, logFolder);
  const walk = new ChunkWalk(
    { ...access, chunks, chunkSize, to: committed },
    chunk,
    new RecordFollower(wanted, recent),
  );
  try {
    while (walk.step() > 0) manner.check?.();
  } finally {
    walk.close();
  }
  const { end, position: decided } = walk;
  return { part, recent: recent?.columns() ?? NO_EVENTS, end, decided };
}

/** Makes room for a file: one of an attempt that failed may be in its place. */
function targetOf(access: FileAccess, { folder, logFolder, salt }: IndexJob, name: string): SegmentTarget {
  const { disk } = access;
  makeIndexFolder(disk, folder, logFolder);
  const path = `${folder}/${name}`;
  for (const left of [name, `${name}.spool`]) {
    if (disk.list(folder).includes(left)) disk.unlink(`${folder}/${left}`);
  }
  return { ...access, path, salt };
}

/** Feeds the writer a part's streams in the order of their hashes. */
function writePart(writer: SegmentWriter, part: MemoryPart, hash: StreamHash): void {
  const { names, index } = part;
  const highs = new Uint32Array(names.size);
  const lows = new Uint32Array(names.size);
  const name = new StreamName();
  let count = 0;
  const order = new Uint32Array(names.size);
  for (let stream = 0; stream < names.size; stream++) {
    // A name without an event is of a transaction that never ended.
    if (index.countOf(stream) === 0) continue;
    const bytes: Bytes = names.bytesOf(stream);
    name.set(bytes, 0, bytes.length);
    hash(name);
    highs[stream] = name.high;
    lows[stream] = name.low;
    order[count++] = stream;
  }
  const hashedName = (stream: number): HashedName => {
    const bytes = names.bytesOf(stream);
    return { bytes, at: 0, length: bytes.length, high: highs[stream]!, low: lows[stream]! };
  };
  const sorted = order.subarray(0, count).sort((a, b) => {
    if (highs[a] !== highs[b]) return highs[a]! - highs[b]!;
    if (lows[a] !== lows[b]) return lows[a]! - lows[b]!;
    return compareNames(hashedName(a), hashedName(b));
  });
  for (const stream of sorted) {
    const first = index.firstOf(stream);
    const last = index.lastPositionOf(stream);
    writer.beginStream({ name: hashedName(stream), first, count: index.countOf(stream), last });
    index.collect(stream, first, 'forwards', writer);
    writer.endStream();
  }
}
