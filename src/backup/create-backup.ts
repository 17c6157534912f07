/**
 * Makes a backup: copies what a repository doesn't have yet of the committed log, verifies every record on the way, and calls it a backup when all
 * of it is durable (docs/formats.md, Backup). A run that is ended at any instant leaves sealed chunks that the next one need not copy, and nothing
 * that passes for a backup. On a thread of its own: it blocks while it writes.
 */
import { formatCrc } from '../base/checked-json.js';
import { CairnError } from '../base/errors.js';
import type { Bytes, ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { chainAfter, chunkFileBytes, chunkFileName, chunkOf } from '../log/chunk.js';
import { logCorrupt } from '../log/damage.js';
import { footerOf, readChunkBlocks } from '../log/folder.js';
import { LOG_START } from '../log/record.js';
import type { Platform } from '../native/platform.js';
import { backupHeader, footerBlock, footerFor, headerBlock } from './backup-chunk.js';
import type { BackupSource } from './backup-source.js';
import { ChunkFile } from './chunk-file.js';
import { passChunk, sealedPass } from './chunk-pass.js';
import { type ChunkEntry, endOf, isSameState, type Manifest } from './manifest.js';
import { RecordStream } from './record-stream.js';
import { type Backup, Repository } from './repository.js';
import type { Throttle } from './throttle.js';

export interface Creation {
  readonly platform: Platform;
  readonly source: BackupSource;
  /** The folder of the repository. */
  readonly to: string;
  readonly throttle: Throttle;
  /** The version of Cairn. */
  readonly madeBy: string;
  /** Told now and then; positions of the log, or as many bytes. */
  readonly progress: (done: number, total: number) => void;
}

export interface CreatedBackup {
  readonly kind: 'created' | 'unchanged';
  readonly name: string;
  readonly logId: string;
  readonly end: Readonly<ChainState>;
  readonly chunks: number;
  /** Of these from this run's source. */
  readonly chunksCopied: number;
  readonly bytesCopied: number;
  readonly records: number;
}

/** Throws `CairnError` or `DiskError`; then there is no new backup. */
export async function createBackup(creation: Creation): Promise<CreatedBackup> {
  const repository = new Repository(creation.platform.disk, creation.to);
  repository.prepare();
  const lock = repository.lock(creation.platform);
  try {
    repository.tidy();
    const newest = repository.newest();
    const { source } = creation;
    if (newest !== undefined) requireGrown(newest, source, creation.to);
    if (newest !== undefined && endOf(newest.manifest).position === source.committed)
      return outcome('unchanged', newest, { chunks: 0, bytes: 0 });
    return await new Run(creation, repository, newest).run();
  } finally {
    lock.release();
  }
}

class Run {
  readonly #creation: Creation;
  readonly #repository: Repository;
  readonly #known: readonly ChunkEntry[];
  readonly #madeAt = new Date().toISOString();
  readonly #copied = { chunks: 0, bytes: 0 };
  /** The sealed chunks so far. */
  readonly #sealed: ChunkEntry[] = [];
  /** Where the backup ends. What a scavenge has removed from a chunk must have been hidden before that. */
  #end: Position;
  #isInTransaction = false;

  constructor(creation: Creation, repository: Repository, newest: Backup | undefined) {
    this.#creation = creation;
    this.#repository = repository;
    this.#known = newest?.manifest.chunks ?? [];
    this.#end = creation.source.committed;
  }

  async run(): Promise<CreatedBackup> {
    for (;;) {
      const made = await this.#upTo(this.#end);
      if (made !== undefined) return made;
    }
  }

  /** Undefined if it has to go on farther. */
  async #upTo(committed: Position): Promise<CreatedBackup | undefined> {
    const { source, madeBy } = this.#creation;
    const { logId, chunkSize } = source;
    const sealed = chunkOf(committed, chunkSize);
    await this.#copySealed(sealed);
    if (this.#end > committed) return undefined;
    const entries = [...this.#sealed];
    const { name, folder } = this.#repository.begin();
    try {
      if (committed > sealed * chunkSize) {
        const path = `${folder}/${chunkFileName(sealed, 0)}`;
        entries.push(await this.#copy(sealed, path, entries.at(-1)?.end ?? LOG_START));
      }
      if (this.#end > committed) {
        this.#repository.abandon(name);
        return undefined;
      }
      // The log's end is committed only where a request ends.
      if (this.#isInTransaction)
        throw this.#unsound(committed, 'what is committed ends inside a transaction');
      const manifest = {
        logId,
        chunkSize,
        madeAt: this.#madeAt,
        madeBy,
        source: source.name,
        chunks: entries,
      };
      this.#repository.complete(name, manifest);
      return outcome('created', { name, manifest }, this.#copied);
    } catch (error) {
      this.#repository.abandon(name);
      throw error;
    }
  }

  /** The chunks before `count`, from the repository or the source. */
  async #copySealed(count: number): Promise<void> {
    const present = this.#repository.sealedNumbers();
    const entries = this.#sealed;
    for (let number = entries.length; number < count; number++) {
      const path = this.#repository.sealedPath(number);
      const before = entries.at(-1)?.end ?? LOG_START;
      const entry = present.has(number) ? this.#sealedEntry(number, path, before) : undefined;
      entries.push(entry ?? (await this.#copy(number, path, before)));
      if (entry === undefined) this.#repository.syncChunks();
      this.#told(entries.at(-1)!.end.position);
    }
    this.#repository.syncChunks();
  }

  /**
   * Of a chunk that is there. One that no backup vouches for yet, because the run that has copied it was ended, is read as a whole. If something was
   * removed from that, nothing tells up to where the backup has to go for it: undefined, it is to be copied anew.
   */
  #sealedEntry(number: number, path: string, before: Readonly<ChainState>): ChunkEntry | undefined {
    const header = backupHeader(this.#creation.source, number);
    const known = this.#knownSealed(number);
    if (known !== undefined) {
      this.#requireInPlace(number, path, known);
      return known;
    }
    const { disk, kernel } = this.#creation.platform;
    const { crc32c, records, end, isInTransaction, hasRemoved } = passChunk(
      { disk, kernel },
      sealedPass(header, path, before),
    );
    if (hasRemoved) return undefined;
    this.#isInTransaction = isInTransaction;
    return { file: chunkFileName(number, 0), bytes: chunkFileBytes(header.chunkSize), crc32c, records, end };
  }

  #knownSealed(number: number): ChunkEntry | undefined {
    const known = this.#known[number];
    return known?.end.position === (number + 1) * this.#creation.source.chunkSize ? known : undefined;
  }

  /** Looks at both ends of a chunk that a backup vouches for; all of it is for `verify`. */
  #requireInPlace(number: number, path: string, known: ChunkEntry): void {
    const wanted = backupHeader(this.#creation.source, number);
    const { header, footer, fileBytes } = readChunkBlocks(this.#creation.platform.disk, path);
    const own = header.kind === 'header' ? header.header : undefined;
    const isOurs = own?.chunkId === wanted.chunkId && own.chunkNumber === number && fileBytes === known.bytes;
    const counted = own === undefined || footer === undefined ? undefined : footerOf(own, footer);
    if (isOurs && counted?.kind === 'footer' && isSameState(chainAfter(counted.footer), known.end)) return;
    const position = number * wanted.chunkSize;
    throw logCorrupt(
      { file: path, offset: 0, position },
      'the chunk in the backup is not the one in its manifest; remove that file and run this again, and it is copied anew',
    );
  }

  async #copy(number: number, path: string, before: Readonly<ChainState>): Promise<ChunkEntry> {
    const { platform, source, throttle } = this.#creation;
    const { disk, kernel } = platform;
    const { chunkSize } = source;
    const start = number * chunkSize;
    const end = Math.min(start + chunkSize, this.#end);
    const header = backupHeader(source, number);
    let file: ChunkFile | undefined;
    let stream: RecordStream | undefined;
    const restart = (): void => {
      file?.discard();
      file = new ChunkFile(disk, kernel, path);
      file.write(headerBlock(header));
      stream = new RecordStream({ kernel, chunkSize, file: source.fileOf(number), before });
    };
    const take = async (piece: Bytes): Promise<void> => {
      stream!.push(piece);
      file!.write(piece);
      this.#copied.bytes += piece.length;
      this.#told(stream!.state.position);
      await throttle.pay(piece.length);
    };
    try {
      const committed = await source.read(number, end - start, { restart, take });
      const [written, records] = [file!, stream!];
      records.end();
      if (records.hasRemoved) this.#end = Math.max(this.#end, committed);
      const { state, recordCount } = records;
      if (end === start + chunkSize) written.write(footerBlock(footerFor(header, state, recordCount)));
      else written.pad();
      written.finish();
      written.install(path);
      this.#copied.chunks++;
      this.#isInTransaction = records.isInTransaction;
      const [bytes, crc32c] = [written.bytes, formatCrc(written.crc32c)];
      return { file: chunkFileName(number, 0), bytes, crc32c, records: recordCount, end: { ...state } };
    } finally {
      file?.discard();
    }
  }

  #told(position: Position): void {
    this.#creation.progress(position, this.#end);
  }

  #unsound(position: Position, reason: string): CairnError {
    const { source } = this.#creation;
    const number = Math.max(0, chunkOf(position - 1, source.chunkSize));
    return logCorrupt({ file: source.fileOf(number), offset: 0, position }, reason);
  }
}

/** A backup goes on only from a log that is the same, and not behind. */
function requireGrown({ name, manifest }: Backup, source: BackupSource, to: string): void {
  const { logId, chunkSize } = manifest;
  if (logId !== source.logId || chunkSize !== source.chunkSize) {
    const message = `${to} holds backups of the log ${logId}, and ${source.name} has the log ${source.logId}; choose another folder`;
    throw new CairnError('invalid-configuration', message, { folder: to, logId, sourceLogId: source.logId });
  }
  const { position } = endOf(manifest);
  if (source.committed >= position) return;
  const message = `${source.name} has committed what is before ${source.committed}, and ${name} goes up to ${position}: it is behind; try again, or ask another node`;
  throw new CairnError('not-ready', message, { committed: source.committed, position });
}

function outcome(
  kind: CreatedBackup['kind'],
  { name, manifest }: Backup,
  copied: { readonly chunks: number; readonly bytes: number },
): CreatedBackup {
  const { logId, chunks } = manifest satisfies Manifest;
  const records = chunks.reduce((sum, entry) => sum + entry.records, 0);
  const { chunks: chunksCopied, bytes: bytesCopied } = copied;
  return {
    kind,
    name,
    logId,
    end: endOf(manifest),
    chunks: chunks.length,
    chunksCopied,
    bytesCopied,
    records,
  };
}
