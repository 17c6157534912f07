/**
 * A folder for the data of a run, below the one that the user names, and gone afterwards, also when the run fails or is
 * interrupted. Main thread.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CairnError } from '../src/base/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Runs `body` with a fresh folder in `directory`. Signals end the process, unless the caller sees to them and ends `body` in order. Throws
 * `CairnError` `invalid-configuration` if the folder can't be made.
 */
export async function withScratchFolder<Result>(
  directory: string,
  body: (folder: string) => Promise<Result>,
  signals: 'exit' | 'caller' = 'exit',
): Promise<Result> {
  const folder = makeFolder(directory);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A signal must still pass through 'exit', so that this folder goes and child processes are ended.
  const onSignal = (signal: (typeof SIGNALS)[number]) => process.exit(128 + SIGNAL_NUMBERS[signal]);
  process.once('exit', remove);
  if (signals === 'exit') for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    return await body(folder);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('exit', remove);
    remove();
  }
}

function makeFolder(directory: string): string {
  try {
    return mkdtempSync(join(resolve(directory), 'cairn-bench-'));
  } catch (error) {
    const hint = 'give a folder that can be written to with --dir';
    throw new CairnError(
      'invalid-configuration',
      `no folder for the data in ${directory}: ${hint}`,
      {},
      error,
    );
  }
}
