/**
 * Loaded into every thread of a node under test (NODE_OPTIONS=--import): lets the thread that DYING_THREAD_NAME names die when it
 * is about to park for the nth time, DYING_THREAD_PARKS; of an exception, or, with DYING_THREAD_END=exit, without a word. That is
 * what a bug in a thread looks like from outside.
 */
import { isMainThread, workerData } from 'node:worker_threads';

/** What only this thread is told when it starts. */
const MARKS = { writer: 'syncMode', indexer: 'queries', preparer: 'nextChunk' };

const { DYING_THREAD_NAME: name, DYING_THREAD_PARKS: parks, DYING_THREAD_END: end } = process.env;

// A worker of a pool is told nothing.
if (!isMainThread && name in MARKS && MARKS[name] in (workerData ?? {})) {
  const wait = Atomics.wait;
  let left = Number(parks);
  Atomics.wait = (...args) => {
    if (left-- > 0) return wait(...args);
    if (end === 'exit') process.exit(0);
    throw new TypeError('a planted bug');
  };
}
