/** How long the main thread has been at work. On Linux that is time on a processor: what others took of it doesn't count. Main thread. */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** The main thread's number is the process's. First field: nanoseconds on a processor (Linux, Documentation/scheduler/sched-stats). */
const SCHEDULER_STATISTICS = `/proc/self/task/${process.pid}/schedstat`;

/** µs so far, since some moment that stays the same. */
export function mainThreadUs(): number {
  return processorUs() ?? performance.eventLoopUtilization().active * 1000;
}

function processorUs(): number | undefined {
  try {
    const ns = Number(readFileSync(SCHEDULER_STATISTICS, 'utf8').split(' ')[0]);
    return ns > 0 ? ns / 1000 : undefined;
  } catch {
    // Not Linux, or a kernel without these statistics: the event loop's own account is the next best.
    return undefined;
  }
}
