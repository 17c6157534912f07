/**
 * The engine's worker threads together: started one by one, watched, and ended in the order that loses nothing. A thread that
 * ends before it was told to is reported at once; whoever owns the engine then ends the process.
 */
import type { Worker } from 'node:worker_threads';
import { CairnError } from '../base/errors.js';
import type { IndexerProxy } from '../indexer/proxy.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, type RingMemory } from '../ring/layout.js';

const BELLS = [CONTROL.writerBell, CONTROL.indexerBell, CONTROL.preparerBell];

export class EngineThreads {
  readonly indexer: IndexerProxy;
  readonly #memory: RingMemory;
  readonly #workers: readonly Worker[];

  constructor(memory: RingMemory, workers: readonly Worker[], indexer: IndexerProxy) {
    this.#memory = memory;
    this.#workers = workers;
    this.indexer = indexer;
  }

  /** Lets the threads finish what is published, and resolves when all have ended. */
  async stop(): Promise<void> {
    await stopThreads(this.#memory, this.#workers);
  }
}

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
