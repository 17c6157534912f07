/** A command under which a node's fdatasync takes longer than the disk does: strace, where it works. */
import { spawnSync } from 'node:child_process';

/** Why no process's system calls can be held up here; undefined if they can. */
export function whyNoSlowDisk(): string | undefined {
  const { error, status, stderr } = spawnSync(
    'strace',
    ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=none', 'true'],
    {
      encoding: 'utf8',
    },
  );
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'strace is not installed';
  if (status === 0) return undefined;
  return `strace does not work here: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

/** What a node is run under so that each fdatasync takes so much longer (strace(1), "Tampering"). All other calls run at full speed. */
export function slowDisk(delayMs: number): string[] {
  const call = 'fdatasync';
  const quiet = ['-f', '-qq', '--seccomp-bpf', '-o', '/dev/null'];
  return ['strace', ...quiet, '-e', `trace=${call}`, '-e', `inject=${call}:delay_exit=${delayMs * 1000}`];
}
