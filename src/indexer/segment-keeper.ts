/**
 * Keeps the index's files in step with the log: thinks of the jobs that make segments of chunks, merges those, and has the chunks of a
 * damaged one read again. Index thread, the only one that changes the manifest. Nothing here is needed for a right answer: what has
 * no segment is in memory, or is made anew before anybody is answered.
 */
import { randomInt } from 'node:crypto';
import { assert } from '../base/assert.js';
import { type Disk, DiskError, type RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  chunksOf,
  type EventIdsFile,
  eventIdsFileName,
  type SegmentFile,
  saveManifest,
  segmentFileName,
} from '../index/manifest.js';
import { IndexDamage } from '../index/page.js';
import type { PageCache } from '../index/page-cache.js';
import { SegmentReader } from '../index/segment-reader.js';
import type { IndexerReport } from './commands.js';
import { type BuildJob, type ChunkMemory, type IndexJob, isScrubJob, type MergeJob } from './jobs.js';
import type { LogIndex } from './log-index.js';
import type { MemoryPart } from './memory-part.js';
import { areMany, nextMerge } from './merge-plan.js';
import type { OutcomeMessage } from './messages.js';
import { ScrubRound } from './scrub-round.js';

export interface KeeperParts {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly index: LogIndex;
  readonly logId: string;
  /** The folder of the index, and that of the log. */
  readonly folder: string;
  readonly logFolder: string;
  /** How many of the last event ids are to be there after a restart. */
  readonly eventIds: number;
  readonly cache: PageCache;
  report(report: IndexerReport): void;
}

/** A segment that counts. */
export interface OpenSegment {
  readonly file: SegmentFile;
  readonly reader: SegmentReader;
}

/** What is there at the start. */
export interface KnownFiles {
  readonly segments: readonly OpenSegment[];
  readonly eventIds: readonly EventIdsFile[];
  /** Sealed chunks that neither a segment nor a part is to speak for: they get one before anybody is answered. */
  readonly missing: readonly number[];
}

export class SegmentKeeper {
  readonly #parts: KeeperParts;
  /** In the order of their chunks. */
  #segments: readonly OpenSegment[];
  /** Those of which none are to be merged: this is asked often. */
  #unmergeable: readonly OpenSegment[] | undefined;
  #eventIds: readonly EventIdsFile[];
  readonly #missing: Set<number>;
  /** Damaged segments, and the new ones of their chunks so far. */
  readonly #suspects = new Map<OpenSegment, SegmentFile[]>();
  /** Event ids that were made anew, but the manifest may still name them. */
  readonly #outdated: EventIdsFile[] = [];
  #nextFile: number;
  /** What nobody has read since the start, or in this round. */
  #scrub: ScrubRound;
  /** The job that is under way, or waits to be tried again. */
  #job: IndexJob | undefined;

  constructor(parts: KeeperParts, { segments, eventIds, missing }: KnownFiles) {
    this.#parts = parts;
    this.#segments = segments;
    this.#eventIds = eventIds;
    this.#missing = new Set(missing);
    const numbers = [...segments.map(({ file }) => file.file), ...eventIds.map(({ file }) => file)];
    this.#nextFile = Math.max(0, ...numbers) + 1;
    this.#scrub = new ScrubRound({ segments, eventIds }, parts.index.chunkSize);
    parts.index.segments = segments.map(({ reader }) => reader);
  }

  /** Whether every sealed chunk has a segment or a part. */
  get isWhole(): boolean {
    return this.#missing.size === 0;
  }

  /** The files of event ids, by their chunks. */
  get eventIds(): readonly EventIdsFile[] {
    return this.#eventIds;
  }

  /** Thinks of the next job, if none is under way. Everything before `indexed` is in the index, but for what `openFrom` begins. */
  advance(indexed: Position, openFrom: Position): void {
    if (this.#job !== undefined) return;
    const first = areMany(this.#segments) ? this.#nextMerge() : undefined;
    const job = first ?? this.#nextBuild(indexed, openFrom) ?? this.#nextMerge() ?? this.#nextScrub();
    if (job === undefined) return;
    this.#job = job;
    this.#parts.report({ kind: 'job', job });
  }

  /** A page of a segment is not as it was written: its chunks are read again. Meanwhile it answers what it can. */
  suspect({ path, message }: { readonly path: string; readonly message: string }): void {
    const segment = this.#segments.find(({ reader }) => reader.file.path === path);
    assert(segment !== undefined, 'who found damage found it in a segment that counts');
    if (this.#suspects.has(segment)) return;
    this.#suspects.set(segment, []);
    const { firstChunk, lastChunk } = segment.file;
    const facts = { reason: message, firstChunk, lastChunk };
    this.#parts.report({ kind: 'noted', message: 'a part of the index is damaged and is made anew', facts });
  }

  /** All chunks that have a segment, and the index, are to be read again. Chunks without one are about to be made to one, or were just written. */
  scrubAgain(): void {
    if (!this.#scrub.isOver) return;
    const files = { segments: this.#segments, eventIds: this.#eventIds };
    this.#scrub = new ScrubRound(files, this.#parts.index.chunkSize);
  }

  /** The job that was under way has ended, or it is time to try it again. Answers whether queries may find more than before. */
  take(outcome: Exclude<OutcomeMessage, { kind: 'next-round' }>): boolean {
    const job = this.#job;
    assert(job !== undefined, 'a job that has ended had begun');
    this.#job = undefined;
    // What came of a chunk main has told to whoever mends the log.
    if (isScrubJob(job)) {
      if (job.kind === 'sweep' && outcome.kind === 'index-damaged') this.#suspectFile(job.name, outcome);
      return false;
    }
    if (outcome.kind === 'done') return this.#install(job, outcome.chunkEvents);
    if (
      outcome.kind === 'index-damaged' &&
      this.#segments.some(({ reader }) => reader.file.path === outcome.path)
    )
      this.suspect(outcome);
    return false;
  }

  close(): void {
    for (const { reader } of this.#segments) reader.close();
  }

  #nextBuild(indexed: Position, openFrom: Position): IndexJob | undefined {
    const toRead = this.#chunkToRebuild() ?? this.#newestMissing();
    const ready = toRead === undefined ? this.#oldestReadyPart(indexed, openFrom) : undefined;
    const chunk = toRead ?? ready?.chunk;
    if (chunk === undefined) return undefined;
    const { seed } = this.#parts.index;
    const eventIds = Math.max(0, this.#parts.eventIds - this.#eventsBehind(chunk));
    const memory = ready && this.#memoryOf(ready, eventIds);
    return { kind: 'build', ...this.#jobBase(), chunk, seed, committed: indexed, eventIds, memory };
  }

  /** A copy, which takes some ten milliseconds: to read the chunk again would cost its disk and the processors as much as writing it did. */
  #memoryOf(part: MemoryPart, eventIds: number): ChunkMemory {
    const recent = this.#parts.index.recent.columns(part.start, part.end, eventIds);
    return { part: part.toTransfer(), recent };
  }

  #chunkToRebuild(): number | undefined {
    const [suspect] = this.#suspects;
    return suspect && suspect[0].file.firstChunk + suspect[1].length;
  }

  /** The newest first: then it is known how many event ids are still wanted. */
  #newestMissing(): number | undefined {
    return this.isWhole ? undefined : Math.max(...this.#missing);
  }

  #oldestReadyPart(indexed: Position, openFrom: Position): MemoryPart | undefined {
    return this.#parts.index.parts.find(({ end }) => end <= indexed && end <= openFrom);
  }

  #nextMerge(): IndexJob | undefined {
    if (this.#unmergeable === this.#segments) return undefined;
    const usable = new Set(
      this.#segments.filter((segment) => !this.#suspects.has(segment)).map(({ file }) => file),
    );
    const files = this.#segments.map(({ file }) => file);
    const run = nextMerge(files, (file) => usable.has(file));
    if (run === undefined) this.#unmergeable = this.#segments;
    return run && { kind: 'merge', ...this.#jobBase(), inputs: run.map(({ file }) => file) };
  }

  #nextScrub(): IndexJob | undefined {
    const step = this.#scrub.next((name) => this.#segmentWith(name) !== undefined);
    return step && { ...this.#jobBase(), ...step };
  }

  /** Event ids are made anew together with the segment of their chunk. */
  #suspectFile(name: string, { path, message }: { readonly path: string; readonly message: string }): void {
    const segment = this.#segmentWith(name);
    if (segment !== undefined)
      this.suspect({ path: segment.reader.file.path, message: `${path}: ${message}` });
  }

  /** The sound segment in the file of this name, or of the chunk whose event ids are in it; undefined if the file does not count. */
  #segmentWith(name: string): OpenSegment | undefined {
    const ids = this.#eventIds.find(({ file }) => eventIdsFileName(file) === name);
    const isIt = ({ file }: OpenSegment) =>
      ids === undefined
        ? segmentFileName(file.file) === name
        : file.firstChunk <= ids.chunk && ids.chunk <= file.lastChunk;
    const segment = this.#segments.find(isIt);
    return segment && !this.#suspects.has(segment) ? segment : undefined;
  }

  #jobBase() {
    const { folder, logFolder, logId, index } = this.#parts;
    const { chunkSize } = index;
    return { folder, logFolder, logId, chunkSize, file: this.#nextFile, salt: randomInt(2 ** 32) };
  }

  /** How many events are known to be in the chunks behind this one. */
  #eventsBehind(chunk: number, eventIds = this.#eventIds): number {
    const { parts } = this.#parts.index;
    let events = 0;
    for (const part of parts) if (part.chunk > chunk) events += part.events;
    for (const file of eventIds) {
      if (file.chunk > chunk && !parts.some((part) => part.chunk === file.chunk)) events += file.chunkEvents;
    }
    return events;
  }

  #install(job: BuildJob | MergeJob, chunkEvents: number): boolean {
    const { file } = job;
    this.#nextFile++;
    if (job.kind === 'merge') {
      const removed = this.#segments.filter((segment) => job.inputs.includes(segment.file.file));
      const [firstChunk, lastChunk] = [removed[0]!.file.firstChunk, removed.at(-1)!.file.lastChunk];
      return this.#replace(job, {
        removed,
        added: [{ file, firstChunk, lastChunk }],
        eventIds: this.#eventIds,
      });
    }
    const { chunk } = job;
    const others = this.#eventIds.filter((known) => known.chunk !== chunk);
    const eventIds = job.eventIds === 0 ? others : [...others, { file, chunk, chunkEvents }];
    const built = { file, firstChunk: chunk, lastChunk: chunk };
    for (const [suspect, rebuilt] of this.#suspects) {
      const { firstChunk, lastChunk } = suspect.file;
      if (chunk < firstChunk || chunk > lastChunk) continue;
      if (chunk === lastChunk)
        return this.#replace(job, { removed: [suspect], added: [...rebuilt, built], eventIds });
      rebuilt.push(built);
      this.#outdated.push(...this.#eventIds.filter((known) => known.chunk === chunk));
      this.#eventIds = eventIds;
      return false;
    }
    return this.#replace(job, { removed: [], added: [built], eventIds });
  }

  /** Files in place of others, all at once: in the manifest, and for queries. */
  #replace(job: BuildJob | MergeJob, { removed, added, eventIds }: Replacement): boolean {
    const opened: OpenSegment[] = [];
    const isWanted = ({ chunk }: EventIdsFile) => this.#eventsBehind(chunk, eventIds) < this.#parts.eventIds;
    const wanted = eventIds.filter(isWanted).sort((a, b) => a.chunk - b.chunk);
    try {
      for (const file of added) opened.push(this.#open(file));
      const segments = [...this.#segments.filter((segment) => !removed.includes(segment)), ...opened];
      segments.sort((a, b) => a.file.firstChunk - b.file.firstChunk);
      this.#save(segments, wanted);
      this.#segments = segments;
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof IndexDamage)) throw error;
      for (const { reader } of opened) reader.close();
      this.#job = job;
      this.#parts.report({ kind: 'stalled', reason: error.message });
      return false;
    }
    this.#show(removed, added);
    this.#removeFiles(
      removed,
      eventIds.concat(this.#eventIds, this.#outdated.splice(0)).filter((file) => !wanted.includes(file)),
    );
    this.#eventIds = wanted;
    return true;
  }

  #open(file: SegmentFile): OpenSegment {
    const { folder, cache } = this.#parts;
    return { file, reader: new SegmentReader(this.#parts, `${folder}/${segmentFileName(file.file)}`, cache) };
  }

  #save(segments: readonly OpenSegment[], eventIds: readonly EventIdsFile[]): void {
    const { disk, folder, logId, index } = this.#parts;
    const { chunkSize, seed } = index;
    const files = segments.map(({ file }) => file);
    saveManifest(disk, folder, { logId, chunkSize, seed, segments: files, eventIds });
  }

  /** Queries are answered from the new segments from now on. */
  #show(removed: readonly OpenSegment[], added: readonly SegmentFile[]): void {
    const { index } = this.#parts;
    index.segments = this.#segments.map(({ reader }) => reader);
    for (const file of added) {
      for (const chunk of chunksOf(file)) {
        index.dropPart(chunk);
        this.#missing.delete(chunk);
      }
    }
    for (const segment of removed) this.#suspects.delete(segment);
  }

  #removeFiles(segments: readonly OpenSegment[], eventIds: readonly EventIdsFile[]): void {
    for (const { reader } of segments) reader.close();
    const names = segments.map(({ file }) => segmentFileName(file.file));
    for (const { file } of new Set(eventIds)) names.push(eventIdsFileName(file));
    const { disk, folder, report } = this.#parts;
    for (const name of names) {
      try {
        disk.unlink(`${folder}/${name}`);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        report({
          kind: 'noted',
          message: 'an old index file stays until the next start',
          facts: { reason: error.message },
        });
      }
    }
  }
}

interface Replacement {
  readonly removed: readonly OpenSegment[];
  readonly added: readonly SegmentFile[];
  readonly eventIds: readonly EventIdsFile[];
}
