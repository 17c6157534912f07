/** Which chunk an error is about, and what is told when it could not be mended. Pure. */
import { basename } from 'node:path';
import { CairnError } from '../../base/errors.js';
import { CHUNK_SIZE_MAX, parseFileName } from '../../log/chunk.js';
import type { PeerAnswer } from './chunk-repair.js';

/** How a disk says that a part of it can't be read, or that a file is gone. A failed write is another matter: nothing mends that. */
const UNREADABLE: ReadonlySet<string> = new Set(['EIO', 'ENOENT']);
const READS: ReadonlySet<string> = new Set(['open', 'pread', 'read']);

/** The chunk whose data is damaged, can't be read or is gone, in a log in `folder`; undefined if the error is about something else. */
export function damagedChunkOf(
  { code, details }: CairnError,
  folder: string,
  chunkSize: number,
): number | undefined {
  const { file, position, errno, syscall, path } = details;
  if (code === 'disk-failure') {
    return UNREADABLE.has(String(errno)) && READS.has(String(syscall)) ? numberIn(path) : undefined;
  }
  if (code !== 'log-corrupt') return undefined;
  // A chunk that is missing has no file to be named.
  const isMissing = file === folder && typeof position === 'number';
  return isMissing ? Math.floor(position / chunkSize) : numberIn(file);
}

/** Whether the error is about a chunk in `folder` at all. */
export function isDamage(error: CairnError, folder: string): boolean {
  return damagedChunkOf(error, folder, CHUNK_SIZE_MAX) !== undefined;
}

export function unmended(error: CairnError, answers: readonly PeerAnswer[]): CairnError {
  const told = answers.map(({ peer, reason }) => `${peer}: ${reason}`).join('; ');
  const message = `${error.message}; the other members were asked and could not help (${told})`;
  return new CairnError(error.code, message, { ...error.details, asked: told }, error);
}

function numberIn(path: string | number | undefined): number | undefined {
  const parsed = parseFileName(basename(String(path ?? '')));
  return parsed.kind === 'chunk' ? parsed.chunkNumber : undefined;
}
