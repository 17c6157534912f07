/**
 * Starts a worker thread and watches over it. A worker that ends before it was told to, for whatever reason, is reported
 * at once: the node can't go on without it. Under the tests the sources run as TypeScript, and threads from `dist`.
 */
import { Worker } from 'node:worker_threads';

/** What main wants to know of a thread. */
export interface ThreadEvents {
  /** The thread is no more: it threw (`error`), or it ended. Called once. Fatal unless the ring is stopping. */
  ended(thread: string, error: Error | undefined): void;
}

/** Starts the thread at `entry` with `data`; `name` is what messages call it. */
export function startThread(entry: URL, name: string, data: unknown, events: ThreadEvents): Worker {
  const worker = new Worker(compiledEntry(entry), { workerData: data, name });
  let reported = false;
  const ended = (error: Error | undefined) => {
    if (reported) return;
    reported = true;
    events.ended(name, error);
  };
  worker.on('error', ended);
  worker.on('exit', (code) => ended(code === 0 ? undefined : new Error(`exit code ${code}`)));
  return worker;
}

/** Where the JavaScript of `entry` is. */
export function compiledEntry(entry: URL): URL {
  return entry.pathname.includes('/dist/') ? entry : new URL(entry.href.replace('/src/', '/dist/src/'));
}
