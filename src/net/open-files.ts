/**
 * How many connections the operating system lets this process have: each is an open file, and a process that has no more of
 * those can't open its log's files either. Main thread, at start.
 */
import { readFileSync } from 'node:fs';

/** Open files that are not connections: the log, segments of the index, threads and the pool's, the listening socket, standard streams. */
const RESERVED_FILES = 192;

/** As many connections as asked for, or as the process may have open files for; at least one. */
export function connectionsWithin(asked: number, openFilesMax: number | undefined): number {
  return openFilesMax === undefined ? asked : Math.max(1, Math.min(asked, openFilesMax - RESERVED_FILES));
}

/** The soft limit in the text of Linux's `/proc/self/limits`; undefined if there is none. */
export function parseOpenFilesMax(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** This process's soft limit of open files; undefined where it is unlimited or can't be known. */
export function openFilesMax(): number | undefined {
  try {
    return parseOpenFilesMax(readFileSync('/proc/self/limits', 'latin1'));
  } catch {
    // Not Linux, or no /proc: the limit asked for stands.
    return undefined;
  }
}
