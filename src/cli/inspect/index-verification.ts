/**
 * Verifies one file of the index: the checksum of every page, whether it is what the manifest says, and whether its entries are those of the
 * log. Pure but for reading; runs in a pool of workers, one file a job, and in tests.
 */
import type { HashSeed } from '../../base/name-table.js';
import type { Bytes, ChainState } from '../../base/ports.js';
import { decodeEventIdsHeader, type EventIds, readEventIds } from '../../index/event-ids.js';
import { IndexDamage, PAGE_BYTES } from '../../index/page.js';
import { damagedPages } from '../../index/page-sweep.js';
import { type FileAccess, openPagedFile, type PagedFile } from '../../index/paged-file.js';
import { decodeSegmentHeader, type SegmentHeader, type SegmentScope } from '../../index/segment-format.js';
import { SegmentScan } from '../../index/segment-scan.js';
import type { Problem } from './folder-survey.js';
import { IndexEntries, type IndexEntry, type LoggedEvent, type SoundChunk } from './index-entries.js';

/** How many of the index's entries are held against the log. */
export type EntryDepth = 'none' | 'sample' | 'all';

/** A job for a worker: plain data. */
export interface IndexTask {
  readonly kind: 'segment' | 'event-ids';
  readonly path: string;
  readonly logId: string;
  readonly chunkSize: number;
  /** What the manifest says of it. */
  readonly firstChunk: number;
  readonly lastChunk: number;
  readonly seed: HashSeed;
  /** How the last chunk ends; undefined if that can't be known. */
  readonly end: Readonly<ChainState> | undefined;
  /** Those of its chunks in which nothing is damaged. */
  readonly chunks: readonly SoundChunk[];
  readonly depth: EntryDepth;
}

export interface IndexResult {
  readonly pages: number;
  /** Entries that were held against the log. */
  readonly entries: number;
  readonly problems: readonly Problem[];
  /** How many there are, the ones that are not listed included. */
  readonly problemCount: number;
}

const PROBLEMS_PER_FILE_MAX = 100;
/** Of a sample each hundredth entry, all over the file. Not a round number, as events may come in rounds. */
const SAMPLE_EVERY = 101;
const REMEDY = 'the node makes it anew from the log';

/** Verifies a file. Damage is an answer; throws `DiskError` only if the log can't be read. */
export function verifyIndexFile(access: FileAccess, task: IndexTask): IndexResult {
  const verification = new IndexVerification(access, task);
  try {
    verification.run();
  } catch (error) {
    if (!(error instanceof IndexDamage)) throw error;
    verification.add(0, undefined, error.reason);
  } finally {
    verification.close();
  }
  return verification.result;
}

class IndexVerification {
  readonly #access: FileAccess;
  readonly #task: IndexTask;
  readonly #log: IndexEntries;
  readonly #problems: Problem[] = [];
  #problemCount = 0;
  #pages = 0;
  #seen = 0;
  #compared = 0;

  constructor(access: FileAccess, task: IndexTask) {
    this.#access = access;
    this.#task = task;
    this.#log = new IndexEntries(access, task.chunkSize, task.chunks);
  }

  get result(): IndexResult {
    return {
      pages: this.#pages,
      entries: this.#compared,
      problems: this.#problems,
      problemCount: this.#problemCount,
    };
  }

  /** Throws `IndexDamage` if there is nothing more to be read in it. */
  run(): void {
    const { kind, path } = this.#task;
    if (kind === 'segment') {
      const { file, header } = openPagedFile(this.#access, path, decodeSegmentHeader);
      try {
        if (this.#hasWholePages(file) && this.#fits(header)) this.#compareSegment(file, header);
      } finally {
        file.close();
      }
      return;
    }
    const { file, header } = openPagedFile(this.#access, path, decodeEventIdsHeader);
    try {
      if (!this.#hasWholePages(file)) return;
    } finally {
      file.close();
    }
    const { chunk } = header;
    if (this.#fits({ ...header, firstChunk: chunk, lastChunk: chunk, seed: this.#task.seed }))
      this.#compareEventIds(readEventIds(this.#access, path));
  }

  add(offset: number, position: number | undefined, reason: string): void {
    this.#problemCount++;
    if (this.#problems.length >= PROBLEMS_PER_FILE_MAX) return;
    this.#problems.push({ file: this.#task.path, offset, position, reason: `${reason}; ${REMEDY}` });
  }

  close(): void {
    this.#log.close();
  }

  #hasWholePages(file: PagedFile): boolean {
    this.#pages = file.pageCount;
    for (const page of damagedPages(file))
      this.add(page * PAGE_BYTES, undefined, `the checksum of page ${page} is wrong`);
    return this.#problemCount === 0;
  }

  /** Whether it is the file that the manifest means, and of the log that is here. */
  #fits({ logId, chunkSize, firstChunk, lastChunk, seed, end }: Omit<SegmentScope, 'decided'>): boolean {
    const task = this.#task;
    const { end: known } = task;
    const isNamed =
      firstChunk === task.firstChunk &&
      lastChunk === task.lastChunk &&
      seed.low === task.seed.low &&
      seed.high === task.seed.high;
    if (logId !== task.logId || chunkSize !== task.chunkSize) this.add(0, undefined, 'it is of another log');
    else if (!isNamed) this.add(0, undefined, 'it is not what the manifest says');
    else if (
      known !== undefined &&
      (end.chain !== known.chain || end.previousLength !== known.previousLength || end.epoch !== known.epoch)
    )
      this.add(0, undefined, 'its last chunk has another content');
    return this.#problemCount === 0;
  }

  #compareSegment(file: PagedFile, header: SegmentHeader): void {
    const scan = new SegmentScan(file, header);
    while (scan.next()) {
      const { name, entry } = scan;
      const stream = name.bytes.slice(name.at, name.at + name.length);
      let { first: revision } = entry;
      scan.events({
        add: (position, bytes) => {
          this.#compare({ position, bytes, stream, revision: revision++ });
          return true;
        },
      });
    }
    if (this.#seen !== header.events)
      this.add(0, undefined, 'it has another number of events than its header says');
    if (this.#task.depth !== 'all') return;
    const missing = this.#task.chunks.flatMap((chunk) => this.#log.missingIn(chunk));
    const firsts = missing.length === 0 ? new Map<string, number>() : firstsOf(file, header, missing);
    for (const { position, stream, revision } of missing) {
      // What a scavenge has left before a gap, and is about to remove, the index may have dropped already.
      const isGone = revision < (firsts.get(nameOf(stream)) ?? 0);
      if (!isGone) this.add(0, position, 'it lacks this event');
    }
  }

  #compareEventIds({ ids, streams, revisions, positions, names }: EventIds): void {
    const bytes: Bytes = new Uint8Array(ids.buffer as ArrayBuffer, ids.byteOffset, ids.byteLength);
    for (const [i, position] of positions.entries()) {
      const id = bytes.subarray(16 * i, 16 * i + 16);
      this.#compare({ position, bytes: undefined, stream: names[streams[i]!]!, revision: revisions[i]!, id });
    }
  }

  #compare(entry: IndexEntry): void {
    const { depth } = this.#task;
    const { position } = entry;
    if (depth === 'all') this.#log.note(position);
    const isWanted = depth === 'all' || (depth === 'sample' && this.#seen % SAMPLE_EVERY === 0);
    this.#seen++;
    if (!isWanted) return;
    this.#compared++;
    const misfit = this.#log.misfitOf(entry);
    if (misfit !== undefined) this.add(0, position, `it does not agree with the log: ${misfit}`);
  }
}

/** With which revision the streams of these events begin in the segment. */
function firstsOf(
  file: PagedFile,
  header: SegmentHeader,
  events: readonly LoggedEvent[],
): ReadonlyMap<string, number> {
  const wanted = new Set(events.map(({ stream }) => nameOf(stream)));
  const firsts = new Map<string, number>();
  const scan = new SegmentScan(file, header);
  while (scan.next()) {
    const { bytes, at, length } = scan.name;
    const name = nameOf(bytes.subarray(at, at + length));
    if (wanted.has(name)) firsts.set(name, scan.entry.first);
  }
  return firsts;
}

function nameOf(stream: Bytes): string {
  return Buffer.from(stream.buffer, stream.byteOffset, stream.length).toString('latin1');
}
