/** What main sees of the preparer thread: start it, be told if it dies. All else goes through the ring. */
import type { Worker } from 'node:worker_threads';
import { startThread, type ThreadEvents } from '../ring/thread-start.js';
import type { PreparerOptions } from './commands.js';

/** Starts the preparer thread. It ends when the ring is stopping; what it was preparing is removed. */
export function startPreparer(options: PreparerOptions, events: ThreadEvents): Worker {
  return startThread(new URL('./thread.js', import.meta.url), 'preparer', options, events);
}
