/** What main sees of the writer thread: start it, be told if it dies. All else goes through the ring. */
import type { Worker } from 'node:worker_threads';
import { startThread, type ThreadEvents } from '../ring/thread-start.js';
import type { WriterOptions } from './commands.js';

/** Starts the writer thread. It ends when the ring is stopping and all that is published is durable. */
export function startWriter(options: WriterOptions, events: ThreadEvents): Worker {
  return startThread(new URL('./thread.js', import.meta.url), 'writer', options, events);
}
