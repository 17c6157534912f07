/**
 * Scavenges one sealed chunk: goes over its records, and if any of them go writes the rest to another file, which takes the chunk's place. Any thread
 * that may block. The chunk is read twice, as records before the one that decides about them may have been written by then.
 */
import { assert } from '../base/assert.js';
import type { Bytes, ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { type ChunkFooter, chainAfter, footerOffsetOf } from '../log/chunk.js';
import { logCorrupt } from '../log/damage.js';
import type { LogFolder } from '../log/damaged-chunk.js';
import { type ChunkBlocks, footerOf, listFolder, readChunkBlocks } from '../log/folder.js';
import { LOG_START, occupiedBytes, RECORD, RECORD_TYPE } from '../log/record.js';
import { LogScanner, type RecordRun } from '../log/scan.js';
import { ChunkRemovals } from './chunk-removals.js';
import type { KnownDrafts } from './draft-steps.js';
import type { RemovalRules } from './removal-rules.js';

/** What is to be done with which chunk. */
export interface ChunkTask {
  readonly number: number;
  readonly rules: RemovalRules;
  /** Everything before it is committed; the chunk is. */
  readonly committed: Position;
  /** What is known about transactions, open over several requests, that this chunk was undecided about. */
  readonly drafts: KnownDrafts;
}

/** What tells a new file from all others. */
export interface ChunkIds {
  readonly chunkId: string;
  readonly createdUs: number;
}

/** Takes a chunk's records in their order, and is then the chunk's file. See log/packed-chunk-writer.ts. */
export interface ChunkFileWriter {
  keep(bytes: Bytes, at: number, length: number): void;
  remove(bytes: Bytes, at: number): void;
  install(footer: ChunkFooter, ids: ChunkIds): void;
  discard(): void;
}

export interface ChunkTools {
  readonly log: LogFolder;
  readonly open: (chunk: { readonly number: number; readonly path: string }) => ChunkFileWriter;
  readonly newIds: () => ChunkIds;
  /** Called every few megabytes: rests, or throws, to give up. */
  readonly rest: () => void;
}

export type ChunkOutcome =
  /** Nothing was done: the index has to be asked about the transactions of these names first. There may be more. */
  | { readonly kind: 'undecided'; readonly names: readonly Bytes[] }
  /** Nothing goes that is there. */
  | { readonly kind: 'kept' }
  /** `removed`: how many records, those that had gone before left out. */
  | {
      readonly kind: 'rewritten';
      readonly chunkId: string;
      readonly removed: number;
      readonly bytesBefore: number;
      readonly bytesAfter: number;
    };

/** Throws `log-corrupt`, `DiskError`, and what `rest` throws; then nothing has changed. */
export function scavengeChunk(task: ChunkTask, tools: ChunkTools): ChunkOutcome {
  return new ChunkScavenge(task, tools).run();
}

class ChunkScavenge {
  readonly #task: ChunkTask;
  readonly #tools: ChunkTools;
  readonly #chunks: readonly { readonly path: string }[];
  readonly #end: Position;
  readonly #removals: ChunkRemovals;

  constructor(task: ChunkTask, tools: ChunkTools) {
    const { disk, folder, chunkSize } = tools.log;
    this.#task = task;
    this.#tools = tools;
    this.#chunks = listFolder(disk, folder).chunks;
    this.#end = (task.number + 1) * chunkSize;
    this.#removals = new ChunkRemovals(task.rules, this.#end, task.drafts);
  }

  run(): ChunkOutcome {
    const removals = this.#removals;
    const before = this.#stateBefore();
    const end = this.#walk(before, this.#end, ({ bytes, at, length }) => {
      removals.survey(bytes, at, length);
      return true;
    });
    if (removals.isInTransaction) this.#readOn(end);
    const names = removals.undecided();
    if (names.length > 0) return { kind: 'undecided', names };
    const blocks = this.#blocks(this.#task.number);
    const isPlain = blocks.header.kind === 'header' && blocks.header.header.packed === undefined;
    // Copied from a member: what went has its room still.
    const isUnpacked = removals.hasRemoved && isPlain;
    if (!removals.areSomeRemoved && !isUnpacked) return { kind: 'kept' };
    return this.#rewrite(before, blocks);
  }

  /** To the end of the transaction that goes on behind the chunk: most end right behind it. */
  #readOn(from: Readonly<ChainState>): void {
    const { committed } = this.#task;
    this.#walk(from, committed, ({ bytes, at, length }) => {
      this.#removals.survey(bytes, at, length);
      return this.#removals.isInTransaction;
    });
    assert(!this.#removals.isInTransaction, 'what is committed ends with a whole transaction');
  }

  #rewrite(before: Readonly<ChainState>, { fileBytes: bytesBefore }: ChunkBlocks): ChunkOutcome {
    const { number } = this.#task;
    const { path } = this.#chunks[number]!;
    const ids = this.#tools.newIds();
    const writer = this.#tools.open({ number, path });
    const copy = new ChunkCopy(this.#removals, writer);
    try {
      const end = this.#walk(before, this.#end, (run) => {
        copy.take(run);
        return true;
      });
      writer.install(this.#footer(end, copy.records, ids), ids);
    } finally {
      // It does nothing to what was installed.
      writer.discard();
    }
    const bytesAfter = this.#blocks(number).fileBytes;
    return { kind: 'rewritten', chunkId: ids.chunkId, removed: copy.removed, bytesBefore, bytesAfter };
  }

  #footer(end: Readonly<ChainState>, recordCount: number, { chunkId }: ChunkIds): ChunkFooter {
    const { position: endPosition, chain, previousLength, epoch } = end;
    const { logId } = this.#tools.log;
    const state = { endPosition, chain, previousLength, epoch };
    return { chunkNumber: this.#task.number, logId, chunkId, ...state, recordCount };
  }

  /** Hands out the records from a state up to `to`, as long as `take` wants more. Returns the state behind them. */
  #walk(from: Readonly<ChainState>, to: Position, take: (run: RecordRun) => boolean): Readonly<ChainState> {
    const { disk, kernel, chunkSize } = this.#tools.log;
    const scanner = new LogScanner({ disk, kernel, chunks: this.#chunks, chunkSize, from, to });
    try {
      for (let run = scanner.next(); run !== undefined; run = scanner.next()) {
        if (!take(run)) break;
        this.#tools.rest();
      }
      return { ...scanner.state };
    } finally {
      scanner.close();
    }
  }

  /** What the chunk's first record goes on from. */
  #stateBefore(): Readonly<ChainState> {
    const { number } = this.#task;
    if (number === 0) return LOG_START;
    const { chunkSize } = this.#tools.log;
    const { header, footer } = this.#blocks(number - 1);
    const checked =
      header.kind === 'header' && footer !== undefined ? footerOf(header.header, footer) : undefined;
    if (checked?.kind === 'footer') return chainAfter(checked.footer);
    const place = {
      file: this.#path(number - 1),
      offset: footerOffsetOf(chunkSize),
      position: number * chunkSize,
    };
    throw logCorrupt(place, 'the footer is missing or damaged');
  }

  #blocks(number: number): ChunkBlocks {
    return readChunkBlocks(this.#tools.log.disk, this.#path(number));
  }

  #path(number: number): string {
    const { folder } = this.#tools.log;
    const path = this.#chunks[number]?.path;
    if (path !== undefined) return path;
    const position = number * this.#tools.log.chunkSize;
    throw logCorrupt({ file: folder, offset: 0, position }, `chunk ${number} is missing`);
  }
}

/** Gives a chunk's records to the writer: those that stay in runs as long as can be. */
class ChunkCopy {
  records = 0;
  /** Records that went now. */
  removed = 0;
  readonly #removals: ChunkRemovals;
  readonly #writer: ChunkFileWriter;

  constructor(removals: ChunkRemovals, writer: ChunkFileWriter) {
    this.#removals = removals;
    this.#writer = writer;
  }

  take({ bytes, at, length }: RecordRun): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = at + length;
    let keptFrom = at;
    let record = at;
    while (record < end) {
      this.records++;
      const next = record + occupiedBytes(view.getUint32(record + RECORD.length, true));
      if (this.#removals.removes(bytes, view, record)) {
        if (record > keptFrom) this.#writer.keep(bytes, keptFrom, record - keptFrom);
        this.#writer.remove(bytes, record);
        if (!isRemoved(view, record)) this.removed++;
        keptFrom = next;
      }
      record = next;
    }
    if (end > keptFrom) this.#writer.keep(bytes, keptFrom, end - keptFrom);
  }
}

function isRemoved(view: DataView, record: number): boolean {
  return view.getUint8(record + RECORD.type) === RECORD_TYPE.removed;
}
