/**
 * Finds the true end of a log after a crash at any instant: see docs/formats.md, "Recovery", for the rules and why they hold.
 * Runs at start, on a thread that may block. Reads headers, footers and the active chunk (the chunk before it only if that
 * one holds the log's last record or the begin of its last transaction), and changes nothing: `tail-repair.ts` does.
 */
import { CairnError } from '../base/errors.js';
import type { ChainState, Disk, RecordKernel } from '../base/ports.js';
import { VERIFY_STOP, type VerifyStop } from '../base/ports.js';
import { CHUNK_HEADER_BYTES, type ChunkFooter, chainAfter, chunkOf } from './chunk.js';
import { ChunkReader } from './chunk-reader.js';
import { describeStop, verifyRun } from './chunk-scan.js';
import { logCorrupt } from './damage.js';
import { type ChunkFile, type OpenedFolder, openFolder } from './folder.js';
import { LOG_START } from './record.js';
import { classifyTail, firstNonZeroPosition } from './tail-classification.js';
import { TailSummary } from './tail-summary.js';

export interface RecoveryInput {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** Path of the data folder. */
  readonly folder: string;
  /** From this position on Commit records prove nothing (docs/formats.md, Catching up). Undefined: nowhere. */
  readonly catchingUpFrom?: number | undefined;
}

/** A chunk of the recovered log. */
export interface LogChunk {
  readonly number: number;
  readonly version: number;
  readonly path: string;
  readonly chunkId: string;
  /** Whether it is full, with a footer that says so. */
  readonly sealed: boolean;
}

/** Positions to be zeroed: `[from, verifiedTo)` is an unfinished transaction, `[verifiedTo, to)` what a write left torn. */
export interface TornRange {
  readonly from: number;
  readonly verifiedTo: number;
  readonly to: number;
}

/** A full chunk whose footer was not written, and the footer that it should have. */
export interface MissingFooter {
  readonly path: string;
  readonly footer: ChunkFooter;
}

export interface RecoveredLog {
  readonly kind: 'log';
  readonly chunkSize: number;
  readonly logId: string;
  /** All chunk files, prepared ones at the end included; chunk `n` is at index `n`. */
  readonly chunks: readonly LogChunk[];
  /** The end of the log: what the next record continues. */
  readonly end: Readonly<ChainState>;
  /** The chunk that the next record goes to. If the one before is full, perhaps one that has no file yet. */
  readonly activeChunk: number;
  /** How many records the active chunk has before the end. */
  readonly recordsInActiveChunk: number;
  /** Timestamp of the last record; 0 in an empty log. */
  readonly lastTimestampUs: number;
  /** The highest position that a Commit record in the last chunk with records calls committed; 0 if there is none. */
  readonly committed: number;
  /** Has to be zeroed (`repairTail`) before anything is written. */
  readonly torn: TornRange | undefined;
  /** Has to be sealed (`sealChunk`) before anything is written. */
  readonly needsFooter: MissingFooter | undefined;
}

/**
 * Recovers the log in a folder. Reads only. `empty`: there is no chunk yet.
 * Throws `log-corrupt` (details: file, offset, position, reason), `bad-data-folder`, or `DiskError`.
 */
export function recoverLog(input: RecoveryInput): RecoveredLog | { readonly kind: 'empty' } {
  const opened = openFolder(input.disk, input.folder);
  if (opened.kind === 'empty') return { kind: 'empty' };
  const recovery = new Recovery(input, opened);
  try {
    return recovery.run();
  } finally {
    recovery.close();
  }
}

/** The valid records at the start of a chunk. `end.position` is X if `stop` says that something is wrong. */
interface ScannedChunk {
  readonly number: number;
  readonly end: Readonly<ChainState>;
  readonly stop: VerifyStop;
  readonly summary: TailSummary;
}

class Recovery {
  readonly #kernel: RecordKernel;
  readonly #folder: Extract<OpenedFolder, { kind: 'log' }>;
  readonly #reader: ChunkReader;
  readonly #catchingUpFrom: number;

  constructor(input: RecoveryInput, folder: Extract<OpenedFolder, { kind: 'log' }>) {
    this.#kernel = input.kernel;
    this.#folder = folder;
    this.#reader = new ChunkReader(input, folder.chunkSize, 'renewed');
    this.#catchingUpFrom = input.catchingUpFrom ?? Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#reader.close();
  }

  run(): RecoveredLog {
    const active = this.#firstUnsealed();
    let tail = this.#scan(active);
    let last = tail;
    if (tail.summary.recordCount === 0 && active > 0) {
      // The log's last record is in the chunk before. Its footer may have been in the same write as its last records, so
      // while nothing stands behind it, it doesn't vouch for them yet.
      last = this.#scan(active - 1);
      if (this.#isFull(last)) this.#requireFooterAgrees(last);
      else tail = last;
      // One write may have held all of that chunk and its footer, and have lost its first record.
      if (tail === last && tail.summary.recordCount === 0 && tail.number > 0)
        last = this.#scanFull(tail.number - 1);
    }
    const tornTo = this.#classify(tail);
    this.#requireNothingBehind(tail);
    const openTransaction = this.#openTransactionIn(last);
    if (openTransaction === undefined) return this.#recovered(tail, tail.end, last, tornTo);
    const before = this.#scanUpTo(openTransaction);
    return this.#recovered(tail, before.end, before, tornTo);
  }

  /** Where the transaction begins that is open behind this chunk's records; Removed ones do not say. */
  #openTransactionIn({ number, summary }: ScannedChunk): number | undefined {
    const { openTransaction, isOpenFromBefore } = summary;
    if (openTransaction === undefined || !isOpenFromBefore || number === 0) return openTransaction;
    return this.#openTransactionIn(this.#scanFull(number - 1)) ?? openTransaction;
  }

  /** The active chunk; if all are sealed, the one that comes next and has no file. */
  #firstUnsealed(): number {
    const { chunks } = this.#folder;
    const found = chunks.findIndex((chunk) => chunk.footer.kind !== 'footer');
    return found === -1 ? chunks.length : found;
  }

  /** Verifies a chunk's records, from its start to the first that is not valid, or to `to`. */
  #scan(number: number, to: number = this.#endOf(number)): ScannedChunk {
    const { chunkSize, chunks } = this.#folder;
    const state = this.#startState(number);
    const summary = new TailSummary(chunkSize);
    const chunk = chunks[number];
    if (chunk === undefined) return { number, end: state, stop: VERIFY_STOP.end, summary };
    const reader = this.#reader;
    reader.open(chunk.path, number * chunkSize, state.position, to);
    for (;;) {
      const stop = verifyRun(this.#kernel, reader, state);
      const length = state.position - reader.position;
      if (length === 0) return { number, end: state, stop, summary };
      summary.note(reader.bytes, reader.at, length);
      const { contradiction } = summary;
      if (contradiction !== undefined)
        throw this.#damage(chunk, contradiction.position, contradiction.reason);
      reader.skip(length);
    }
  }

  /** What is before `position`, which must be the start of a record: the records of the chunk that ends or is cut there. */
  #scanUpTo(position: number): ScannedChunk {
    const number = Math.max(0, chunkOf(position - 1, this.#folder.chunkSize));
    const scanned = this.#scan(number, position);
    if (scanned.end.position === position) return scanned;
    const problem = scanned.stop === VERIFY_STOP.partial ? 'a transaction begins inside a record' : undefined;
    throw this.#damageAt(scanned, problem ?? describeStop(scanned.stop));
  }

  /** A chunk that was full, sealed and synced before anything was written behind it. */
  #scanFull(number: number): ScannedChunk {
    const scanned = this.#scan(number);
    if (!this.#isFull(scanned)) throw this.#damageAt(scanned, describeStop(scanned.stop));
    this.#requireFooterAgrees(scanned);
    return scanned;
  }

  #startState(number: number): ChainState {
    const before = this.#folder.chunks[number - 1];
    if (before === undefined) return { ...LOG_START };
    if (before.footer.kind === 'footer') return chainAfter(before.footer.footer);
    throw this.#damage(before, number * this.#folder.chunkSize, 'a sealed chunk has no footer');
  }

  /** Where the torn bytes end; undefined if there are none. Throws if the tail is damaged instead. */
  #classify(tail: ScannedChunk): number | undefined {
    const chunk = this.#folder.chunks[tail.number];
    if (chunk === undefined || this.#isFull(tail)) return undefined;
    const { end: state, stop } = tail;
    const chunkEnd = this.#endOf(tail.number);
    this.#reader.open(chunk.path, tail.number * this.#folder.chunkSize, state.position, chunkEnd);
    const areCommitsProof = state.position < this.#catchingUpFrom;
    const verdict = classifyTail(this.#kernel, {
      reader: this.#reader,
      state,
      stop,
      chunkEnd,
      areCommitsProof,
    });
    if (verdict.kind === 'unknown') throw newerRecord(chunk.path, state.position, verdict);
    if (verdict.kind === 'damaged') throw this.#damageAt(tail, verdict.reason);
    // A footer without the data that it is for: the write that was to fill the chunk got only so far.
    if (chunk.footer.kind !== 'absent') return chunkEnd;
    return verdict.kind === 'torn' ? verdict.to : undefined;
  }

  /** Rule 2: nothing was written behind a chunk before that was full, sealed and synced. */
  #requireNothingBehind(tail: ScannedChunk): void {
    const { chunks, chunkSize } = this.#folder;
    // Nobody reads these again.
    this.#reader.source = 'medium';
    for (const chunk of chunks.slice(tail.number + 1)) {
      const start = chunk.chunkNumber * chunkSize;
      const end = start + chunkSize;
      this.#reader.open(chunk.path, start, start, end);
      const found = firstNonZeroPosition(this.#reader, start, end);
      if (found === undefined && chunk.footer.kind === 'absent') continue;
      const what = this.#isFull(tail) ? 'the footer is missing or damaged' : describeStop(tail.stop);
      throw this.#damageAt(
        tail,
        `${what}; but chunk ${chunk.chunkNumber} is not empty, at position ${found ?? end}`,
      );
    }
  }

  #requireFooterAgrees(scanned: ScannedChunk): void {
    const chunk = this.#folder.chunks[scanned.number]!;
    if (chunk.footer.kind !== 'footer') return;
    const { chain, previousLength, epoch, recordCount } = chunk.footer.footer;
    const { end, summary } = scanned;
    const agrees =
      chain === end.chain &&
      previousLength === end.previousLength &&
      epoch === end.epoch &&
      recordCount === summary.recordCount;
    if (!agrees) throw this.#damageAt(scanned, 'the footer is not that of the records before it');
  }

  /** `end` is the end of the log; `last` is the scan of the records right before it. */
  #recovered(
    tail: ScannedChunk,
    end: Readonly<ChainState>,
    last: ScannedChunk,
    tornTo: number | undefined,
  ): RecoveredLog {
    const { chunkSize, logId } = this.#folder;
    const verifiedTo = tail.end.position;
    const to = tornTo ?? verifiedTo;
    const isChunkStart = end.position % chunkSize === 0;
    return {
      kind: 'log',
      chunkSize,
      logId,
      chunks: this.#folder.chunks.map((chunk) => toLogChunk(chunk, end.position)),
      end,
      activeChunk: chunkOf(end.position, chunkSize),
      recordsInActiveChunk: isChunkStart ? 0 : last.summary.recordCount,
      lastTimestampUs: last.summary.lastTimestampUs,
      committed: last.summary.committed,
      torn: to > end.position ? { from: end.position, verifiedTo, to } : undefined,
      needsFooter: isChunkStart && end.position > 0 ? this.#missingFooter(end, last) : undefined,
    };
  }

  #missingFooter(end: Readonly<ChainState>, last: ScannedChunk): MissingFooter | undefined {
    const chunk = this.#folder.chunks[last.number]!;
    if (chunk.footer.kind === 'footer') return undefined;
    const { chunkId, logId, chunkNumber } = chunk.header;
    const { position: endPosition, chain, previousLength, epoch } = end;
    const { recordCount } = last.summary;
    const footer = { chunkNumber, endPosition, logId, chunkId, chain, previousLength, epoch, recordCount };
    return { path: chunk.path, footer };
  }

  #isFull(scanned: ScannedChunk): boolean {
    return scanned.end.position === this.#endOf(scanned.number);
  }

  #endOf(number: number): number {
    return (number + 1) * this.#folder.chunkSize;
  }

  #damageAt(scanned: ScannedChunk, reason: string): Error {
    return this.#damage(this.#folder.chunks[scanned.number]!, scanned.end.position, reason);
  }

  #damage(chunk: ChunkFile, position: number, reason: string): Error {
    const offset = CHUNK_HEADER_BYTES + position - chunk.chunkNumber * this.#folder.chunkSize;
    return logCorrupt({ file: chunk.path, offset, position }, reason);
  }
}

function newerRecord(file: string, position: number, record: { type: number; version: number }): CairnError {
  const { type, version } = record;
  return new CairnError(
    'bad-data-folder',
    `the record at ${position} in ${file} has type ${type}, version ${version}, which this version of Cairn does not know; use a newer Cairn`,
    { file, position, type, version },
  );
}

function toLogChunk(chunk: ChunkFile, end: number): LogChunk {
  const { chunkNumber: number, version, path, header, footer } = chunk;
  const isFull = (number + 1) * header.chunkSize <= end;
  return { number, version, path, chunkId: header.chunkId, sealed: isFull && footer.kind === 'footer' };
}
