/**
 * Makes a data folder of a backup: every byte is verified while it is copied, and durable before the folder counts as complete. The log gets a
 * new id, in its chunks' headers and footers: it is another cluster's from here on, so that neither its nodes nor those of the old one
 * ever take one for the other's. A restore that is ended at any instant leaves a folder that no node starts on; run again, it goes on. On a
 * thread of its own.
 */
import { randomUUID } from 'node:crypto';
import { CairnError } from '../base/errors.js';
import type { Bytes, ChainState } from '../base/ports.js';
import { encodeHistory, HISTORY_FILE, NOTHING_KNOWN } from '../cluster/history-file.js';
import { History } from '../cluster/log-history.js';
import { type ChunkHeader, chunkFileBytes, chunkFileName, parseFileName } from '../log/chunk.js';
import { LOG_START } from '../log/record.js';
import type { RecordRun } from '../log/scan.js';
import type { Platform } from '../native/platform.js';
import { fileLocks, makeFolder } from '../node/data-folder.js';
import { lockFolder } from '../node/folder-lock.js';
import {
  markRestored,
  markRestoring,
  RESTORING_FILE,
  type RestoreMark,
  restoringMark,
} from '../node/restored-folder.js';
import { backupHeader, footerBlock, footerFor, headerBlock } from './backup-chunk.js';
import { ChunkFile } from './chunk-file.js';
import { passChunk } from './chunk-pass.js';
import { checksumOf, endOf } from './manifest.js';
import { type Backup, Repository } from './repository.js';

export interface Restoration {
  readonly platform: Platform;
  /** The folder of the repository. */
  readonly from: string;
  /** Which backup; undefined: the newest. */
  readonly name: string | undefined;
  /** The data folder to make. */
  readonly folder: string;
  readonly progress: (done: number, total: number) => void;
}

export interface RestoredBackup {
  readonly name: string;
  readonly folder: string;
  /** The backup's log, and the one that it has become. */
  readonly oldLogId: string;
  readonly logId: string;
  readonly end: Readonly<ChainState>;
  readonly chunks: number;
  readonly records: number;
  /** Read and verified: of the backup, and of what an earlier run had restored. */
  readonly bytes: number;
}

const RESTORING_TEMPORARY = `${RESTORING_FILE}.tmp`;
/** What may be in the folder in any case: the lock is taken before anything else, and a disk of its own has a folder for what is lost. */
const HARMLESS: ReadonlySet<string> = new Set(['lock', 'lock.tmp', 'lost+found', RESTORING_TEMPORARY]);
/** What a restore that was ended may have left. */
const OURS: ReadonlySet<string> = new Set([RESTORING_FILE, HISTORY_FILE, `${HISTORY_FILE}.tmp`]);

/** Throws `CairnError` or `DiskError`; then no node starts on the folder. */
export function restoreBackup(restoration: Restoration): RestoredBackup {
  const { platform, from, name, folder } = restoration;
  const repository = new Repository(platform.disk, from);
  const backup = repository.open(name);
  makeFolder(folder, platform.disk);
  requireFree(platform.disk.list(folder), folder);
  const lock = lockFolder(folder, fileLocks(platform));
  try {
    return new Run(restoration, repository, backup).run();
  } finally {
    lock.release();
  }
}

class Run {
  readonly #restoration: Restoration;
  readonly #repository: Repository;
  readonly #backup: Backup;
  readonly #history = new History(NOTHING_KNOWN);
  readonly #total: number;
  #bytes = 0;

  constructor(restoration: Restoration, repository: Repository, backup: Backup) {
    this.#restoration = restoration;
    this.#repository = repository;
    this.#backup = backup;
    this.#total = backup.manifest.chunks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  run(): RestoredBackup {
    const { platform, folder } = this.#restoration;
    const { disk } = platform;
    const { name, manifest } = this.#backup;
    const { chunks, chunkSize } = manifest;
    const mark = this.#mark();
    const present = new Set(disk.list(folder));
    let before = LOG_START;
    let records = 0;
    for (const [number, entry] of chunks.entries()) {
      if (present.has(chunkFileName(number, 0))) this.#passRestored(mark, number, before);
      else this.#copy(mark, number, before);
      before = entry.end;
      records += entry.records;
      const isSealed = entry.end.position === (number + 1) * chunkSize;
      const isLastSealed = isSealed && (chunks[number + 1]?.end.position ?? 0) < (number + 2) * chunkSize;
      if (isLastSealed) this.#writeHistory(mark.logId, entry.end);
    }
    markRestored(disk, folder);
    const { logId } = mark;
    const facts = { name, folder, oldLogId: manifest.logId, logId, end: endOf(manifest) };
    return { ...facts, chunks: chunks.length, records, bytes: this.#bytes };
  }

  /** That of the run that is gone on with, or a new one. */
  #mark(): RestoreMark {
    const { platform, folder } = this.#restoration;
    const { disk } = platform;
    const backup = checksumOf(this.#backup.manifest);
    const names = disk.list(folder);
    const mark = restoringMark(disk, folder);
    if (mark === undefined) {
      requireFree(names, folder);
      const fresh = { logId: randomUUID(), backup, end: endOf(this.#backup.manifest).position };
      markRestoring(disk, folder, fresh);
      return fresh;
    }
    if (mark.backup !== backup) {
      const message = `another backup is being restored into ${folder}: run that restore again, or wipe the folder`;
      throw new CairnError('invalid-configuration', message, { folder });
    }
    return mark;
  }

  /** Copies a chunk: the same records, between a header and a footer of their own. */
  #copy({ logId }: RestoreMark, number: number, before: Readonly<ChainState>): void {
    const { platform, folder } = this.#restoration;
    const { disk, kernel } = platform;
    const { manifest } = this.#backup;
    const { chunkSize, chunks } = manifest;
    const entry = chunks[number]!;
    const isSealed = entry.end.position === (number + 1) * chunkSize;
    const chunkId = randomUUID();
    const header: ChunkHeader = {
      chunkNumber: number,
      chunkSize,
      logId,
      chunkId,
      createdUs: Date.now() * 1000,
    };
    const path = `${folder}/${chunkFileName(number, 0)}`;
    const source = this.#repository.chunkPath(this.#backup, number);
    const file = new ChunkFile(disk, kernel, path);
    try {
      if (!isSealed) file.allocate(chunkFileBytes(chunkSize));
      file.write(headerBlock(header));
      const from = backupHeader(manifest, number);
      const what = {
        path: source,
        header: from,
        before,
        end: entry.end.position,
        fileBytes: entry.bytes,
        entry,
      };
      const take = (data: Bytes): void => file.write(data);
      const { end, records } = passChunk(
        { disk, kernel, noteRead: this.#noteRead },
        { ...what, take, see: this.#see },
      );
      if (isSealed) file.write(footerBlock(footerFor(header, end, records)));
      else file.pad();
      file.finish();
      file.install(path);
      disk.syncDirectory(folder);
    } finally {
      file.discard();
    }
  }

  /** Verifies a chunk that an earlier run has restored. */
  #passRestored({ logId }: RestoreMark, number: number, before: Readonly<ChainState>): void {
    const { platform, folder } = this.#restoration;
    const { disk, kernel } = platform;
    const { chunkSize, chunks } = this.#backup.manifest;
    const { end } = chunks[number]!;
    const header = { chunkNumber: number, chunkSize, logId };
    const path = `${folder}/${chunkFileName(number, 0)}`;
    const fileBytes = chunkFileBytes(chunkSize);
    const parts = { disk, kernel, noteRead: this.#noteRead };
    passChunk(parts, { path, header, before, end: end.position, fileBytes, see: this.#see });
  }

  /** So that the node's first start need not read the whole log for it. */
  #writeHistory(logId: string, end: Readonly<ChainState>): void {
    const { platform, folder } = this.#restoration;
    const { disk } = platform;
    const { epochs, configurations } = this.#history;
    const bytes = encodeHistory(logId, { end, epochs, configurations });
    const path = `${folder}/${HISTORY_FILE}`;
    for (const name of disk.list(folder)) {
      if (name === HISTORY_FILE || name === `${HISTORY_FILE}.tmp`) disk.unlink(`${folder}/${name}`);
    }
    const file = disk.open(`${path}.tmp`, { access: 'create-new' });
    try {
      disk.write(file, bytes, 0, bytes.length, 0);
      disk.sync(file);
    } finally {
      disk.close(file);
    }
    disk.rename(`${path}.tmp`, path);
    disk.syncDirectory(folder);
  }

  readonly #see = (run: RecordRun): void => this.#history.note(run);

  readonly #noteRead = (bytes: number): void => {
    this.#bytes += bytes;
    this.#restoration.progress(this.#bytes, this.#total);
  };
}

/** Nothing of anybody's is ever written over: the folder is empty, or a restore has begun in it. */
function requireFree(names: readonly string[], folder: string): void {
  const hasBegun = names.includes(RESTORING_FILE);
  const isOurs = (name: string): boolean =>
    HARMLESS.has(name) ||
    (hasBegun && (OURS.has(name) || ['chunk', 'temporary'].includes(parseFileName(name).kind)));
  const foreign = names.find((name) => !isOurs(name));
  if (foreign === undefined) return;
  const message = `the folder ${folder} is not empty (${foreign} is in it): a backup is restored only into a new or an empty folder`;
  throw new CairnError('invalid-configuration', message, { folder, file: foreign });
}
