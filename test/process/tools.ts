/**
 * The tools of the system that some tests need, and why they can't be had, if they can't: a test that is skipped must say so. Looked
 * for once; what is missing is installed where that is possible.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A few small packages; a registry that can't be reached must not hold up the tests. */
const INSTALL_DEADLINE_MS = 60_000;
const INSTALL = fileURLToPath(new URL('install-tools.sh', import.meta.url));

/** Undefined if the command does its work here, else why not. */
export function whyNot(command: string, ...args: readonly string[]): string | undefined {
  const first = spawnSync(command, args, { encoding: 'utf8' });
  if (first.status === 0) return undefined;
  const isMissing = (first.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  const installed = isMissing
    ? spawnSync(INSTALL, { encoding: 'utf8', timeout: INSTALL_DEADLINE_MS })
    : undefined;
  if (installed !== undefined && installed.status !== 0)
    return `${command} is missing: ${lastLine(installed.stderr)}`;
  const again = isMissing ? spawnSync(command, args, { encoding: 'utf8' }) : first;
  return again.status === 0 ? undefined : `${command} does not work here: ${lastLine(again.stderr)}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** Why system calls can't be made to fail here: no strace, or no leave to trace. */
export const withoutStrace = whyNot('strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=none', 'true');

export const withoutPrlimit = whyNot('prlimit', '--nofile', 'true');

/** What a command is run under so that a system call of its fails, or kills it: `CALL:error=EIO:when=3` (strace(1), "Tampering"). */
export function tampering(injection: string): string[] {
  const call = injection.split(':', 1)[0];
  // The filter lets all other calls run at full speed; strace's signals don't get past it.
  const filter = injection.includes(':signal=') ? [] : ['--seccomp-bpf'];
  return [
    'strace',
    '-f',
    '-qq',
    ...filter,
    '-o',
    '/dev/null',
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${injection}`,
  ];
}

/** A file system of its own, small enough to be filled. */
export interface SmallDisk {
  readonly folder: string;
  /** Unmounts it. Whoever uses it must be gone. */
  remove(): void;
}

export type SmallDiskKind = 'ext4' | 'tmpfs';

/** Mounts a new file system of `mebibytes` in `folder`; returns why not if it can't. Direct I/O works on ext4. */
export function mountSmallDisk(kind: SmallDiskKind, folder: string, mebibytes: number): SmallDisk | string {
  const mountPoint = join(folder, 'disk');
  mkdirSync(mountPoint);
  const image = join(folder, 'disk.img');
  const steps: readonly string[][] =
    kind === 'tmpfs'
      ? [['mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', mountPoint]]
      : [
          ['truncate', '-s', `${mebibytes}M`, image],
          ['mkfs.ext4', '-q', '-F', '-m', '0', image],
          ['mount', '-o', 'loop', image, mountPoint],
        ];
  for (const [command, ...args] of steps) {
    const reason = whyNot(command!, ...args);
    if (reason !== undefined) return reason;
  }
  return { folder: mountPoint, remove: () => execFileSync('umount', [mountPoint]) };
}
