/** How a store's worker threads end: told to, together, when nothing is left to write; or by themselves, which ends the process. */
import type { Worker } from 'node:worker_threads';
import { CairnError } from '../base/errors.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, type RingMemory } from '../ring/layout.js';

const BELLS = [CONTROL.writerBell, CONTROL.indexerBell, CONTROL.preparerBell];

/** Tells the threads of a ring to end, wakes them, and waits for them. */
export async function stopThreads(memory: RingMemory, workers: readonly Worker[]): Promise<void> {
  // Who has ended already has the id −1, and says so no second time.
  const running = workers.filter(({ threadId }) => threadId !== -1);
  const ended = running.map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())));
  const { control } = memory;
  Atomics.store(control, CONTROL.stopping, 1);
  for (const bell of BELLS) new Doorbell(control, bell).ring();
  await Promise.all(ended);
}

/** What a thread's end means to whoever runs the node. */
export function threadFailure(thread: string, error: Error | undefined): CairnError {
  const { errno, syscall, path } = (error ?? {}) as { errno?: string; syscall?: string; path?: string };
  if (typeof errno === 'string' && typeof syscall === 'string') {
    return new CairnError(
      'disk-failure',
      `${syscall} failed with ${errno} on ${path}: the ${thread} thread stopped, nothing unsynced was acknowledged; check the disk, then start the node again`,
      { errno, syscall, path: path ?? '', thread },
      error,
    );
  }
  return new CairnError(
    'thread-died',
    `the ${thread} thread ended unexpectedly${error === undefined ? '' : `: ${error.message}`}`,
    { thread },
    error,
  );
}
