/**
 * One process on a data folder. Main thread, at start and at the end.
 *
 * The file `lock` holds a line of JSON for each process that wanted the folder. Who wants it appends a line, in one write,
 * and then reads: **the first line whose process is alive and has not let go holds the folder.** Everybody sees the lines
 * before its own, so of two living processes the later one always steps back, and a dead one needs no cleaning up. The
 * holder then replaces the file by one with its line alone (rename); who still reads the old file finds the holder's line
 * there, or, if the holder has died since, finds that the file is no longer the one called `lock`, and starts over.
 *
 * Where the addon is there, the file is flocked too: that also holds between containers, whose processes can't see each other.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { isAlive, ownProcess, type ProcessIdentity, parseProcess } from './process-identity.js';

/** The data folder is ours until then. */
export interface FolderLock {
  release(): void;
}

/** flock, where there is one; the Platform of src/native fits. */
export interface FileLocks {
  /** Locks the file until released or the process dies. Undefined = somebody else has it; `unsupported` = no flock here. */
  tryLock(path: string): FolderLock | undefined | 'unsupported';
}

/** A line of the lock file. */
interface Claim extends ProcessIdentity {
  readonly id: string;
  /** For the message: on which machine, or in which container. */
  readonly host: string;
}

type Attempt =
  | { readonly kind: 'held'; readonly lock: FolderLock }
  | { readonly kind: 'refused'; readonly by: Claim | undefined }
  | { readonly kind: 'moved' };

const WITHOUT_FLOCK: FileLocks = { tryLock: () => 'unsupported' };

/** Each further attempt means that another process took the folder and died meanwhile. */
const ATTEMPTS_MAX = 100;

/** Every write goes to the end, whoever wrote last. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;

/** A full disk, quota, or file-size limit. */
const OUT_OF_SPACE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What `open`, `write` and `rename` say when the folder, not the disk, is the problem. */
const UNUSABLE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'EISDIR']);

/**
 * Takes the existing folder for this process. Errors: `folder-locked` names who has it; `invalid-configuration` if the
 * folder can't be written to, `disk-full` or `disk-failure` by its disk.
 */
export function lockFolder(folder: string, fileLocks: FileLocks = WITHOUT_FLOCK): FolderLock {
  const path = join(folder, 'lock');
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const outcome = claimFolder(path, fileLocks);
      if (outcome.kind === 'held') return outcome.lock;
      if (outcome.kind === 'refused') throw folderLocked(folder, outcome.by);
    }
  } catch (error) {
    throw error instanceof CairnError ? error : lockFailed(path, error);
  }
  throw folderLocked(folder, undefined);
}

function claimFolder(path: string, fileLocks: FileLocks): Attempt {
  const ours: Claim = { ...ownProcess(), host: hostname(), id: randomUUID() };
  const file = openSync(path, OPEN_FLAGS, 0o600);
  // Looks first, so that a process that is started over and over beside a running one leaves no lines.
  const holder = readClaims(file).find(isAlive);
  if (holder !== undefined) {
    closeSync(file);
    return { kind: 'refused', by: holder };
  }
  append(file, ours);
  const claims = readClaims(file);
  const first = claims.find(isAlive);
  if (first?.id === ours.id && isCalled(path, file)) {
    const flock = fileLocks.tryLock(path);
    if (flock !== undefined) {
      return { kind: 'held', lock: settle(path, { file, ours, flock }, fileLocks) };
    }
    letGo({ file, ours, flock: 'unsupported' });
    return { kind: 'refused', by: claims.findLast(({ id }) => id !== ours.id) };
  }
  letGo({ file, ours, flock: 'unsupported' });
  return first === undefined || first.id === ours.id ? { kind: 'moved' } : { kind: 'refused', by: first };
}

/** What is open and locked on behalf of a claim. */
interface Grip {
  readonly file: number;
  readonly ours: Claim;
  readonly flock: FolderLock | 'unsupported';
}

/**
 * Replaces the file by one that holds our line only. Nobody but the holder does this. On a full disk the file stays as it is:
 * ours is the first line of a living process there, and a node that can't write can still be read from.
 */
function settle(path: string, grip: Grip, fileLocks: FileLocks): FolderLock {
  const next = `${path}.tmp`;
  let file: number | undefined;
  try {
    file = openSync(next, OPEN_FLAGS | constants.O_TRUNC, 0o600);
    append(file, grip.ours);
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    if (file !== undefined) closeSync(file);
    rmSync(next, { force: true });
    return { release: () => letGo(grip) };
  }
  const flock = fileLocks.tryLock(next);
  assert(flock !== undefined, 'nobody else locks the file that becomes the lock');
  renameSync(next, path);
  release(grip.flock);
  closeSync(grip.file);
  return { release: () => letGo({ file, ours: grip.ours, flock }) };
}

/** Says that the claim is over, for those who look while this process lives on. */
function letGo({ file, ours, flock }: Grip): void {
  try {
    append(file, { released: ours.id });
  } catch (error) {
    // Then the end of the process says it, a little later.
    if (!isOutOfSpace(error)) throw error;
  } finally {
    release(flock);
    closeSync(file);
  }
}

function release(flock: FolderLock | 'unsupported'): void {
  if (flock !== 'unsupported') flock.release();
}

/** One write, which the system does not interleave with others' as the file is open for appending. */
function append(file: number, line: object): void {
  // The newline in front ends what a writer that died half-way may have left.
  const bytes = Buffer.from(`\n${JSON.stringify(line)}\n`);
  if (writeSync(file, bytes) === bytes.length) return;
  // Only a file system without room writes a part of so little.
  throw Object.assign(new Error('a part was written'), { code: 'ENOSPC', syscall: 'write' });
}

function isOutOfSpace(error: unknown): boolean {
  return OUT_OF_SPACE.has((error as NodeJS.ErrnoException).code ?? '');
}

/** The claims in the file that nobody has let go of, in the order in which they were made. */
function readClaims(file: number): Claim[] {
  const claims = new Map<string, Claim>();
  const bytes = Buffer.alloc(fstatSync(file).size);
  const length = readSync(file, bytes, 0, bytes.length, 0);
  for (const line of bytes.toString('utf8', 0, length).split('\n')) {
    const value = parseLine(line);
    const identity = parseProcess(value);
    if (typeof value['released'] === 'string') claims.delete(value['released']);
    else if (identity !== undefined)
      claims.set(`${value['id']}`, { ...identity, id: `${value['id']}`, host: `${value['host']}` });
  }
  return [...claims.values()];
}

/** A line's object; what isn't one was left half-written or is none of ours, and says nothing. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Whether the open file is (still) the one of that name. */
function isCalled(path: string, file: number): boolean {
  const open = fstatSync(file);
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function folderLocked(folder: string, by: Claim | undefined): CairnError {
  const who = by === undefined ? 'another process' : `process ${by.pid} on ${by.host}`;
  const message = `the data folder ${folder} is in use by ${who}: stop that node first, or use another folder`;
  return new CairnError(
    'folder-locked',
    message,
    by === undefined ? { folder } : { folder, pid: by.pid, host: by.host },
  );
}

function lockFailed(path: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const details = { errno: code, syscall: syscall ?? '', path };
  if (!UNUSABLE.has(code)) {
    const known = OUT_OF_SPACE.has(code) ? 'disk-full' : 'disk-failure';
    return new CairnError(known, `can't lock ${path}: ${code}`, details, error);
  }
  const message = `can't write ${path}: ${code}. The data folder must exist and be writable for this user`;
  return new CairnError('invalid-configuration', message, details, error);
}
