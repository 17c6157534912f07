/** The thread behind {@link Alarm}: sleeps until the time that stands in the shared memory, says so once, and sleeps on. */
import { parentPort, workerData } from 'node:worker_threads';
import { ALARM, monotonicMs } from './alarm.js';

const memory = workerData as SharedArrayBuffer;
const settings = new Int32Array(memory, ALARM.settings, 1);
const due = new Float64Array(memory, ALARM.dueAt, 1);

for (;;) {
  const seen = Atomics.load(settings, 0);
  const waitMs = due[0]! - monotonicMs();
  if (waitMs > 0) {
    Atomics.wait(settings, 0, seen, waitMs === Number.POSITIVE_INFINITY ? undefined : waitMs);
    continue;
  }
  due[0] = Number.POSITIVE_INFINITY;
  parentPort!.postMessage(undefined);
}
