/**
 * A folder for the data of a run, below the one that the user names, and gone afterwards, also when the run fails or is
 * interrupted. Main thread.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CairnError } from '../src/base/errors.js';

/** What ends a run from outside. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

type Signal = (typeof SIGNALS)[number];

/**
 * Runs `body` with a fresh folder in `directory`. Throws `CairnError` `invalid-configuration` if it can't be made. `onSignal`: what a
 * signal does, each time; by default it ends the process.
 */
export async function withScratchFolder<Result>(
  directory: string,
  body: (folder: string) => Promise<Result>,
  onSignal: (signal: Signal) => void = endBySignal,
): Promise<Result> {
  const folder = makeFolder(directory);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await body(folder);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('exit', remove);
    remove();
  }
}

/** Through 'exit', so that the folder goes and child processes are ended. */
export function endBySignal(signal: Signal): never {
  process.exit(128 + SIGNAL_NUMBERS[signal]);
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
