/**
 * What tells a node that its data folder was restored from a backup, or is being restored (docs/formats.md, Restored folders). A file
 * `restoring` says that the folder is not complete; renamed to `restored` it says that it is, and that the node founds a cluster of its own with
 * it. On a thread that may block.
 */
import { decodeCheckedJson, encodeCheckedJson, isRecord } from '../base/checked-json.js';
import { CairnError } from '../base/errors.js';
import type { Bytes, Disk } from '../base/ports.js';
import type { Position } from '../base/units.js';

export interface RestoreMark {
  /** The new log's, which is the new cluster's. */
  readonly logId: string;
  /** Which backup: a checksum of its chunks. */
  readonly backup: string;
  /** Where the restored log ends. */
  readonly end: Position;
}

/** In a folder that is not complete. */
export const RESTORING_FILE = 'restoring';
/** In one that is, until its node has an identity. */
export const RESTORED_FILE = 'restored';
/** In the folder of a repository that looks most like a data folder: its chunks belong to backups. */
export const OF_BACKUPS_FILE = 'of-backups';

const FORMAT = 'cairn-restore';
const VERSION = 1;
const FILE_BYTES_MAX = 65_536;

/** Throws `bad-data-folder` if a restore into this folder was not brought to its end, or if its chunks are those of backups. */
export function requireDataFolder(disk: Disk, folder: string): void {
  const names = disk.list(folder);
  if (names.includes(OF_BACKUPS_FILE)) {
    const message = `the chunks in ${folder} are those of backups: make a data folder of one with cairn backup restore, and use that`;
    throw new CairnError('bad-data-folder', message, { path: folder });
  }
  if (!names.includes(RESTORING_FILE)) return;
  const message = `a backup is being restored into ${folder}, and that was not brought to its end: run the same cairn backup restore again, or wipe the folder`;
  throw new CairnError('bad-data-folder', message, { path: folder });
}

/** Marks the folder as one that is not complete, durably. Throws `DiskError`. */
export function markRestoring(disk: Disk, folder: string, { logId, backup, end }: RestoreMark): void {
  const text = encodeCheckedJson({ format: FORMAT, version: VERSION, logId, backup, end });
  const bytes = new TextEncoder().encode(text);
  const path = `${folder}/${RESTORING_FILE}`;
  const temporaryPath = `${path}.tmp`;
  if (disk.list(folder).includes(`${RESTORING_FILE}.tmp`)) disk.unlink(temporaryPath);
  const file = disk.open(temporaryPath, { access: 'create-new' });
  try {
    disk.write(file, bytes, 0, bytes.length, 0);
    disk.sync(file);
  } finally {
    disk.close(file);
  }
  disk.rename(temporaryPath, path);
  disk.syncDirectory(folder);
}

/** All is in the folder, durably: from now on a node may start on it. Throws `DiskError`. */
export function markRestored(disk: Disk, folder: string): void {
  disk.rename(`${folder}/${RESTORING_FILE}`, `${folder}/${RESTORED_FILE}`);
  disk.syncDirectory(folder);
}

/** What is marked in a folder that is not complete; undefined if it isn't one. Throws `bad-data-folder`, or `DiskError`. */
export function restoringMark(disk: Disk, folder: string): RestoreMark | undefined {
  return readMark(disk, folder, RESTORING_FILE);
}

/** The same of a complete one whose node has no identity yet. */
export function restoredMark(disk: Disk, folder: string): RestoreMark | undefined {
  return readMark(disk, folder, RESTORED_FILE);
}

/** The node has an identity, durably. Throws `DiskError`. */
export function forgetRestored(disk: Disk, folder: string): void {
  if (!disk.list(folder).includes(RESTORED_FILE)) return;
  disk.unlink(`${folder}/${RESTORED_FILE}`);
  disk.syncDirectory(folder);
}

function readMark(disk: Disk, folder: string, name: string): RestoreMark | undefined {
  if (!disk.list(folder).includes(name)) return undefined;
  const path = `${folder}/${name}`;
  const file = disk.open(path, { access: 'read' });
  try {
    const bytes: Bytes = new Uint8Array(Math.min(disk.sizeOf(file), FILE_BYTES_MAX));
    disk.read(file, bytes, 0, bytes.length, 0);
    return markIn(path, new TextDecoder().decode(bytes));
  } finally {
    disk.close(file);
  }
}

function markIn(path: string, text: string): RestoreMark {
  const decoded = decodeCheckedJson(text);
  const content = decoded.kind === 'content' && isRecord(decoded.content) ? decoded.content : {};
  const { format, version, logId, backup, end } = content;
  const isKnown = format === FORMAT && version === VERSION;
  if (isKnown && typeof logId === 'string' && typeof backup === 'string' && typeof end === 'number')
    return { logId, backup, end };
  const message = `${path} is damaged, or of a version that this release does not know: wipe the folder and restore the backup again`;
  throw new CairnError('bad-data-folder', message, { path });
}
