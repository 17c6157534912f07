/** `cairn import` as a process of its own. */
import { type CommandExit, CommandProcess } from '../../process/command-process.js';

/** Starts an import; `input` is its standard input. */
export function startImport(url: string, words: readonly string[], input?: string): CommandProcess {
  return new CommandProcess(['import', ...words, '--url', url, '-o', 'json'], { input });
}

/** Runs an import to its end. */
export function runImport(url: string, words: readonly string[], input?: string): Promise<CommandExit> {
  return startImport(url, words, input).exit;
}
