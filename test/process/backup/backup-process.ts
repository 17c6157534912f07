/** `cairn backup` as a process of its own. */
import { type CommandExit, CommandProcess, rowsOf } from '../command-process.js';

export interface BackupExit extends CommandExit {
  /** Standard output, line by line, as objects. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** Starts the command. `under`: a command that runs this one as its arguments, such as `strace …`. */
export function startBackup(words: readonly string[], under?: readonly string[]): CommandProcess {
  return new CommandProcess(['backup', ...words, '-o', 'json'], { under });
}

/** How it ended. */
export async function endOf(command: CommandProcess): Promise<BackupExit> {
  const exit = await command.exit;
  return { ...exit, rows: rowsOf(exit.output) };
}

/** Runs the command to its end, whatever that is. */
export function runBackup(words: readonly string[], under?: readonly string[]): Promise<BackupExit> {
  return endOf(startBackup(words, under));
}

/** Runs it to a good end; returns what it said last. Throws what it said instead. */
export async function backup(...words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { code, rows, errors } = await runBackup(words);
  if (code !== 0) throw new Error(`cairn backup ${words.join(' ')} ended with ${code}: ${errors}`);
  return rows.at(-1)!;
}
