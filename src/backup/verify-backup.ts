/**
 * Reads every byte of the backups in a repository and holds it against their manifests, the records' checksums and their chain. What several
 * backups share is read once. Changes nothing. On a thread of its own.
 */
import { CairnError } from '../base/errors.js';
import type { ChainState } from '../base/ports.js';
import { LOG_START } from '../log/record.js';
import type { Platform } from '../native/platform.js';
import { backupHeader } from './backup-chunk.js';
import { passChunk } from './chunk-pass.js';
import { type ChunkEntry, endOf, isSameEntry } from './manifest.js';
import { type Backup, Repository } from './repository.js';

export interface Verification {
  readonly platform: Platform;
  /** The folder of the repository. */
  readonly from: string;
  /** One backup; undefined: all. */
  readonly name: string | undefined;
  readonly progress: (done: number, total: number) => void;
}

/** Something that is not as it should be. */
export interface BackupProblem {
  readonly backup: string;
  readonly file: string;
  readonly offset: number;
  readonly position: number;
  readonly reason: string;
}

export interface VerifiedBackups {
  readonly backups: readonly VerifiedBackup[];
  /** Files read. */
  readonly files: number;
  readonly bytes: number;
  readonly problems: readonly BackupProblem[];
}

export interface VerifiedBackup {
  readonly name: string;
  readonly madeAt: string;
  readonly logId: string;
  readonly end: Readonly<ChainState>;
  readonly chunks: number;
  readonly records: number;
  readonly isSound: boolean;
}

/** Damage is an answer; throws `CairnError` if there is no backup, or `DiskError`. */
export function verifyBackups(verification: Verification): VerifiedBackups {
  return new Run(verification).run();
}

/** A file that was read, and what was wrong with it. */
interface ReadFile {
  readonly entry: ChunkEntry;
  readonly before: Readonly<ChainState>;
  readonly problem: Omit<BackupProblem, 'backup'> | undefined;
}

class Run {
  readonly #verification: Verification;
  readonly #repository: Repository;
  /** By path. */
  readonly #read = new Map<string, ReadFile>();
  readonly #problems: BackupProblem[] = [];
  #total = 0;
  #bytes = 0;

  constructor(verification: Verification) {
    this.#verification = verification;
    this.#repository = new Repository(verification.platform.disk, verification.from);
  }

  run(): VerifiedBackups {
    const { name } = this.#verification;
    const names = name === undefined ? this.#repository.names() : [name];
    // Without a name, to say that there is none.
    if (names.length === 0) this.#repository.open(undefined);
    const opened = names.map((each) => this.#open(each));
    const backups = opened.filter((backup) => backup !== undefined);
    this.#total = totalBytes(backups);
    const verified = backups.map((backup) => this.#verify(backup));
    return {
      backups: verified,
      files: this.#read.size,
      bytes: this.#bytes,
      problems: this.#problems,
    };
  }

  /** A manifest that is damaged is a problem of that backup, and of no other. */
  #open(name: string): Backup | undefined {
    try {
      return this.#repository.open(name);
    } catch (error) {
      const isNamed = this.#verification.name !== undefined;
      if (isNamed || !(error instanceof CairnError)) throw error;
      const file = String(error.details['path'] ?? name);
      this.#problems.push({ backup: name, file, offset: 0, position: 0, reason: error.message });
      return undefined;
    }
  }

  #verify(backup: Backup): VerifiedBackup {
    const { name, manifest } = backup;
    const { logId, madeAt, chunks } = manifest;
    const found = this.#problems.length;
    let before = LOG_START;
    let records = 0;
    for (const [number, entry] of chunks.entries()) {
      const problem = this.#verifyChunk(backup, number, before);
      if (problem !== undefined) this.#problems.push({ backup: name, ...problem });
      before = entry.end;
      records += entry.records;
    }
    const isSound = this.#problems.length === found;
    return { name, madeAt, logId, end: endOf(manifest), chunks: chunks.length, records, isSound };
  }

  #verifyChunk(
    backup: Backup,
    number: number,
    before: Readonly<ChainState>,
  ): Omit<BackupProblem, 'backup'> | undefined {
    const { manifest } = backup;
    const entry = manifest.chunks[number]!;
    const { platform, progress } = this.#verification;
    const { disk, kernel } = platform;
    const noteRead = (bytes: number): void => {
      this.#bytes += bytes;
      progress(this.#bytes, this.#total);
    };
    let key = '';
    try {
      const path = this.#repository.chunkPath(backup, number);
      key = path;
      const read = this.#read.get(path);
      if (read !== undefined && isSameEntry(read.entry, entry) && read.before.chain === before.chain)
        return read.problem;
      const header = backupHeader(manifest, number);
      const { bytes: fileBytes, end } = entry;
      passChunk({ disk, kernel, noteRead }, { path, header, before, end: end.position, fileBytes, entry });
      this.#read.set(path, { entry, before, problem: undefined });
      return undefined;
    } catch (error) {
      if (!(error instanceof CairnError && error.code === 'log-corrupt')) throw error;
      const { file, offset, position, reason } = error.details;
      const place = { file: String(file), offset: Number(offset), position: Number(position) };
      const problem = { ...place, reason: String(reason) };
      if (key !== '') this.#read.set(key, { entry, before, problem });
      return problem;
    }
  }
}

/** What there is to read, if nothing is amiss. */
function totalBytes(backups: readonly Backup[]): number {
  const files = new Map<string, number>();
  for (const { name, manifest } of backups) {
    for (const [number, { file, bytes, end }] of manifest.chunks.entries()) {
      const isSealed = end.position === (number + 1) * manifest.chunkSize;
      files.set(isSealed ? file : `${name}/${file}`, bytes);
    }
  }
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
