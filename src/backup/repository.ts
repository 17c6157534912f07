/**
 * The folder in which the backups of one log are (docs/formats.md, Backup): sealed chunks, which all of them share, and a folder for
 * each backup with its manifest and what it has of the last chunk. A backup's folder gets its name when everything in it is durable, and nothing
 * that a complete backup consists of is ever written to again. Nothing here follows a link. On a thread that may block.
 */
import { lstatSync, rmdirSync } from 'node:fs';
import { CairnError } from '../base/errors.js';
import { type Bytes, type Disk, DiskError } from '../base/ports.js';
import { CHUNK_NUMBER_MAX, chunkFileName, parseFileName } from '../log/chunk.js';
import type { Platform } from '../native/platform.js';
import { fileLocks, makeFolder } from '../node/data-folder.js';
import { type FolderLock, lockFolder } from '../node/folder-lock.js';
import { OF_BACKUPS_FILE } from '../node/restored-folder.js';
import { decodeManifest, encodeManifest, type Manifest } from './manifest.js';

/** A complete backup. */
export interface Backup {
  readonly name: string;
  readonly manifest: Manifest;
}

const CHUNKS = 'chunks';
const MANIFEST = 'manifest.json';
const NAME = /^backup-(\d{6})$/;
const UNFINISHED = /^backup-\d{6}\.tmp$/;
/** What a repository may hold besides. */
const OTHERS: ReadonlySet<string> = new Set(['lock', 'lock.tmp', 'lost+found']);
const NUMBER_MAX = 999_999;
/** A chunk takes 300 bytes at most. */
const MANIFEST_BYTES_MAX = 512 * (CHUNK_NUMBER_MAX + 1);

export class Repository {
  readonly path: string;
  readonly #disk: Disk;

  /** Of a folder that may be none. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.path = path;
  }

  /** Makes the folder, or makes sure that it holds backups and nothing else. Throws `invalid-configuration`, or `DiskError`. */
  prepare(): void {
    makeFolder(this.path, this.#disk, '--to');
    const foreign = this.#list(this.path).find((name) => !isOurs(name));
    if (foreign === undefined) return;
    const message = `${this.path} holds ${foreign}, so it is no folder of backups; choose another, or one that is empty`;
    throw new CairnError('invalid-configuration', message, { folder: this.path, file: foreign });
  }

  /** Keeps other commands that write here out. Throws `folder-locked`. */
  lock(platform: Platform): FolderLock {
    try {
      return lockFolder(this.path, fileLocks(platform));
    } catch (error) {
      if (!(error instanceof CairnError && error.code === 'folder-locked')) throw error;
      const message = `another process writes a backup to ${this.path}: wait until it has ended`;
      throw new CairnError('folder-locked', message, error.details, error);
    }
  }

  /** Removes what a run that was ended has left half-done, and makes the folder for chunks. Only with the lock. */
  tidy(): void {
    for (const name of this.#list(this.path)) if (UNFINISHED.test(name)) this.#remove(name);
    const chunks = this.#chunksFolder;
    if (!this.#list(this.path).includes(CHUNKS)) this.#disk.makeDirectory(chunks);
    this.#requirePlain(chunks, 'folder');
    if (!this.#list(chunks).includes(OF_BACKUPS_FILE)) {
      const note = this.#disk.open(`${chunks}/${OF_BACKUPS_FILE}`, { access: 'create-new' });
      this.#disk.sync(note);
      this.#disk.close(note);
      this.#disk.syncDirectory(chunks);
      this.#disk.syncDirectory(this.path);
    }
    for (const name of this.#list(chunks)) {
      if (parseFileName(name).kind === 'temporary') this.#disk.unlink(`${chunks}/${name}`);
    }
  }

  /** Names of the complete backups, oldest first. Throws `bad-data-folder` if there is no such folder. */
  names(): string[] {
    return this.#list(this.path).filter((name) => NAME.test(name));
  }

  /** Reads a backup's manifest; the newest one's without a name. Throws `bad-data-folder`. */
  open(name: string | undefined): Backup {
    const names = this.names();
    const wanted = name ?? names.at(-1);
    if (wanted !== undefined && names.includes(wanted)) return { name: wanted, manifest: this.#read(wanted) };
    const what = wanted === undefined ? 'no complete backup' : `no complete backup called ${wanted}`;
    const known = names.length === 0 ? '' : `; there ${names.length === 1 ? 'is' : 'are'} ${listed(names)}`;
    throw new CairnError('bad-data-folder', `there is ${what} in ${this.path}${known}`, { path: this.path });
  }

  newest(): Backup | undefined {
    return this.names().length === 0 ? undefined : this.open(undefined);
  }

  /** Where a chunk of a backup is, if it is a file; else throws `log-corrupt`. */
  chunkPath({ name, manifest }: Backup, number: number): string {
    const { end } = manifest.chunks[number]!;
    const isSealed = end.position === (number + 1) * manifest.chunkSize;
    const path = isSealed ? this.sealedPath(number) : `${this.path}/${name}/${chunkFileName(number, 0)}`;
    this.#requirePlain(isSealed ? this.#chunksFolder : `${this.path}/${name}`, 'folder');
    this.#requirePlain(path, 'file', number * manifest.chunkSize);
    return path;
  }

  sealedPath(number: number): string {
    return `${this.#chunksFolder}/${chunkFileName(number, 0)}`;
  }

  /** Numbers of the sealed chunks that are there, of whatever backup. */
  sealedNumbers(): ReadonlySet<number> {
    const parsed = this.#list(this.#chunksFolder).map(parseFileName);
    return new Set(
      parsed.flatMap((name) => (name.kind === 'chunk' && name.version === 0 ? [name.chunkNumber] : [])),
    );
  }

  /** The names of the chunks that were installed are durable from here on. */
  syncChunks(): void {
    this.#disk.syncDirectory(this.#chunksFolder);
  }

  /** Begins the backup that comes next; returns its name, and where it is put together. */
  begin(): { readonly name: string; readonly folder: string } {
    const last = Number(NAME.exec(this.names().at(-1) ?? '')?.[1] ?? 0);
    if (last >= NUMBER_MAX)
      throw new CairnError(
        'invalid-configuration',
        `${this.path} has had ${NUMBER_MAX} backups: begin another folder`,
      );
    const name = `backup-${String(last + 1).padStart(6, '0')}`;
    const folder = `${this.path}/${name}.tmp`;
    this.#disk.makeDirectory(folder);
    return { name, folder };
  }

  /** The last step of a backup: from its second last call on, it is complete. All its chunks are in place and durable. */
  complete(name: string, manifest: Manifest): void {
    const disk = this.#disk;
    const folder = `${this.path}/${name}.tmp`;
    const bytes = new TextEncoder().encode(encodeManifest(manifest));
    const file = disk.open(`${folder}/${MANIFEST}`, { access: 'create-new' });
    try {
      disk.write(file, bytes, 0, bytes.length, 0);
      disk.sync(file);
    } finally {
      disk.close(file);
    }
    disk.syncDirectory(folder);
    disk.rename(folder, `${this.path}/${name}`);
    disk.syncDirectory(this.path);
  }

  /** Gives up a backup that was begun. */
  abandon(name: string): void {
    if (this.#list(this.path).includes(`${name}.tmp`)) this.#remove(`${name}.tmp`);
  }

  get #chunksFolder(): string {
    return `${this.path}/${CHUNKS}`;
  }

  #read(name: string): Manifest {
    const folder = `${this.path}/${name}`;
    const path = `${folder}/${MANIFEST}`;
    this.#requirePlain(folder, 'folder');
    this.#requirePlain(path, 'file');
    const decoded = decodeManifest(this.#readText(path));
    switch (decoded.kind) {
      case 'manifest':
        return decoded.manifest;
      case 'unknown-version':
        throw unusable(
          path,
          `has version ${decoded.version}, which this release does not know; use a newer one`,
        );
      case 'damaged':
        throw unusable(path, `is damaged: ${decoded.reason}. This backup is of no use, others may be`);
    }
  }

  #readText(path: string): string {
    const file = this.#disk.open(path, { access: 'read' });
    try {
      const bytes: Bytes = new Uint8Array(Math.min(this.#disk.sizeOf(file), MANIFEST_BYTES_MAX));
      this.#disk.read(file, bytes, 0, bytes.length, 0);
      return new TextDecoder().decode(bytes);
    } finally {
      this.#disk.close(file);
    }
  }

  /** Removes a folder that a backup was put together in, and the files in it. */
  #remove(name: string): void {
    const folder = `${this.path}/${name}`;
    this.#requirePlain(folder, 'folder');
    for (const file of this.#list(folder)) this.#disk.unlink(`${folder}/${file}`);
    rmdirSync(folder);
    this.#disk.syncDirectory(this.path);
  }

  #requirePlain(path: string, kind: 'file' | 'folder', position?: number): void {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (kind === 'file' ? found?.isFile() : found?.isDirectory()) return;
    const what = found === undefined ? 'is missing' : `is no plain ${kind}`;
    if (position === undefined) throw unusable(path, what);
    const details = { file: path, offset: 0, position, reason: what };
    throw new CairnError('log-corrupt', `the backup is damaged: ${path} ${what}`, details);
  }

  #list(path: string): string[] {
    try {
      return this.#disk.list(path);
    } catch (error) {
      if (!(error instanceof DiskError) || !['ENOENT', 'ENOTDIR'].includes(error.errno)) throw error;
      throw new CairnError('bad-data-folder', `${path} is no folder of backups`, { path }, error);
    }
  }
}

function isOurs(name: string): boolean {
  return name === CHUNKS || NAME.test(name) || UNFINISHED.test(name) || OTHERS.has(name);
}

function unusable(path: string, what: string): CairnError {
  return new CairnError('bad-data-folder', `${path} ${what}`, { path });
}

/** Some names, and how many more there are. */
function listed(names: readonly string[]): string {
  const newest = names.slice(-3).join(', ');
  return names.length <= 3 ? newest : `${newest} and ${names.length - 3} older ones`;
}
