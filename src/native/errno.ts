/**
 * The one place where failures of the operating system get their names: numbers from the addon and errors of node:fs
 * both become DiskError. Any thread.
 */
import { constants } from 'node:os';
import { DiskError } from '../base/ports.js';

/** Number → name. Where two names share a number (EAGAIN and EWOULDBLOCK), the first in the system's list stays. */
const NAMES = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  if (!NAMES.has(number)) NAMES.set(number, name);
}

/** The symbolic name of an errno, such as `ENOSPC`; `errno 512` for one without a name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Passes on a result of the addon, or throws it if it is a negated errno. */
export function checked(result: number, syscall: string, path: string): number {
  if (result < 0) throw new DiskError(errnoName(-result), syscall, path);
  return result;
}

/** Runs a call of node:fs; what the system refuses comes out as DiskError. Wrong arguments are our bug and stay as they are. */
export function attempt<Result>(syscall: string, path: string, call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
    if (typeof errno !== 'number') throw error;
    throw new DiskError(errnoName(Math.abs(errno)), syscall, path);
  }
}
