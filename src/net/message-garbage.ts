/**
 * Gets rid of messages cheaply. Each is a buffer outside of JavaScript's heap that is garbage as soon as it is
 * handled, or sent; but V8 looks at what lies outside only after every 64 MiB, and then by marking the whole heap, which at some hundred
 * megabytes a second takes more processor time than everything else a node does. A collection of the young generation alone
 * frees them in a fraction of a millisecond: asked for often enough, the big one never comes. Main thread.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Well below V8's limit. */
const COLLECT_EVERY_BYTES = 32 * 1024 * 1024;
/** What is received takes more than its length, as sockets read into buffers of their own, out of which messages are put together. */
const RECEIVED_FACTOR = 3;
/**
 * V8 marks the whole heap when it has grown to four times what was alive, buffers included. A node's is small, so a few messages, or the parts of the index
 * that pass by on the way to a job, would do that twice a second.
 */
const HEADROOM_BYTES = 256 * 1024 * 1024;
/** By which V8 lets the heap grow by itself; for one that is larger than a third of the headroom that is enough. */
const GROWTH_PERCENT = 300;
/** Of a collection that was asked for: kGCCallbackFlagForced. */
const FORCED = constants.NODE_PERFORMANCE_GC_FLAGS_FORCED;

/** V8's function: all of the heap, unless only the young generation is asked for. */
type Collect = (options?: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

/** As Node gives it; its types lack what is told of a collection. */
interface NodeGCPerformanceEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number; readonly flags: number };
}

export class MessageGarbage {
  readonly #collect = exposedCollect();
  #bytes = 0;

  constructor() {
    if (this.#collect === undefined) return;
    const observer = new PerformanceObserver((list) => {
      if (list.getEntries().some(isOwnMarking)) this.#giveHeadroom();
    });
    observer.observe({ entryTypes: ['gc'] });
  }

  /** A message of `bytes` was received. */
  received(bytes: number): void {
    this.#add(RECEIVED_FACTOR * bytes);
  }

  /** A message of `bytes` was handed to a socket. */
  sent(bytes: number): void {
    this.#add(bytes);
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    this.#collect?.({ type: 'minor', execution: 'sync' });
  }

  /**
   * V8 sets the limit for the next time when it has marked, by a flag that it reads then; so it is made to mark once more. The flag is one of the process, and
   * no other thread is to go by it: it is up for this one collection, a few milliseconds.
   */
  #giveHeadroom(): void {
    const percent = Math.round((100 * HEADROOM_BYTES) / getHeapStatistics().used_heap_size);
    if (percent < GROWTH_PERCENT) return;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
    this.#collect?.();
    setFlagsFromString('--heap-growing-percent=0');
  }
}

/** Whether V8 has marked the heap because it had reached its limit. */
function isOwnMarking(entry: PerformanceEntry): boolean {
  const { kind, flags } = (entry as NodeGCPerformanceEntry).detail;
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR && (flags & FORCED) === 0;
}

/** V8's own function, which it gives to contexts made while its flag is up; undefined if this runtime does not. */
function exposedCollect(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  return collect as Collect | undefined;
}
