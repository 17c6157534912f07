/**
 * Gathers the runs of a stream, wherever in the log they lie, into one piece of memory. Main thread. What is in the ring is copied
 * at once; the rest is read from files, neighbours in one read, several reads at a time, and then checked.
 */
import type { Position } from '../base/units.js';
import type { StreamRuns } from '../indexer/commands.js';
import { logCorrupt, placeOf } from '../log/damage.js';
import { PageBuilder } from './page-builder.js';
import type { ReadSource } from './read-source.js';

/** Neighbours that are no further apart are read together: 64 KiB more cost a disk, or a copy from the cache, less than a second read. */
const GAP_BYTES_MAX = 64 * 1024;
/** What one read fetches at most, unless a single run is longer. */
const WINDOW_BYTES_MAX = 1024 * 1024;
/** Windows of one page that are read at a time: bounds what a page costs beyond its own memory to 4 MiB. */
const WINDOWS_IN_FLIGHT_MAX = 4;

/** Runs `first` to `last` (inclusive, in the order of reading), which one read of `[from, to)` of the log covers. */
interface Window {
  readonly first: number;
  last: number;
  from: number;
  to: number;
}

/** A page's runs and where in the page each is to go. */
interface Job {
  readonly runs: StreamRuns;
  readonly target: PageBuilder;
  readonly starts: Float64Array;
}

export class RunFetcher {
  readonly #source: ReadSource;

  constructor(source: ReadSource) {
    this.#source = source;
  }

  /**
   * Fills `target` with the runs, one behind the other, each in ascending order of records. Returns undefined if all came from
   * the ring and is there; else a promise, which rejects with `log-corrupt` if any of it is damaged.
   */
  fetch(runs: StreamRuns, target: PageBuilder): Promise<void> | undefined {
    const { log, copies } = this.#source;
    const { floor } = log;
    const starts = new Float64Array(runs.runCount);
    const windows: Window[] = [];
    for (let run = 0; run < runs.runCount; run++) {
      const position = runs.positions[run]!;
      const length = runs.bytes[run]!;
      starts[run] = target.at;
      if (position >= floor) log.note(copies, position, length, target.at);
      else addToWindows(windows, run, position, position + length);
      target.at += length;
    }
    log.copyNoted(copies, target.bytes);
    return windows.length === 0 ? undefined : this.#fetchAll(windows, { runs, target, starts });
  }

  async #fetchAll(windows: readonly Window[], job: Job): Promise<void> {
    const queue = windows.values();
    const drain = async () => {
      for (const window of queue) await this.#fetchWindow(window, job);
    };
    await Promise.all(Array.from({ length: Math.min(WINDOWS_IN_FLIGHT_MAX, windows.length) }, drain));
  }

  async #fetchWindow({ first, last, from, to }: Window, job: Job): Promise<void> {
    const { log, checks, copies } = this.#source;
    const length = to - from;
    if (first === last) {
      await log.read(from, job.target.bytes, job.starts[first]!, length);
      return this.#check(first, job);
    }
    const apart = await this.#readApart(from, length);
    const { bytes, view } = apart;
    for (let run = first; run <= last; run++) {
      copies.add(job.runs.positions[run]! - from, job.starts[run]!, job.runs.bytes[run]!);
    }
    copies.copy(bytes, job.target.bytes);
    // The window is a piece of the log: usually one look at it all vouches for the runs. Damage between them is not ours.
    const isAllGood = checks.run({ bytes, view, at: 0, length, position: from }).goodBytes === length;
    apart.release();
    if (isAllGood) return;
    for (let run = first; run <= last; run++) this.#check(run, job);
  }

  async #readApart(from: Position, length: number): Promise<PageBuilder> {
    const content = new PageBuilder(this.#source.pages, 0, length);
    await this.#source.log.read(from, content.bytes, 0, length);
    return content;
  }

  #check(run: number, { runs, target, starts }: Job): void {
    const { log, checks, chunkBytes } = this.#source;
    const { bytes, view } = target;
    const position = runs.positions[run]!;
    const length = runs.bytes[run]!;
    const { goodBytes, damage } = checks.run({ bytes, view, at: starts[run]!, length, position });
    if (goodBytes === length) return;
    const place = placeOf(log.pathAt(position), position + goodBytes, chunkBytes);
    throw logCorrupt(place, damage ?? 'a record has another length than it had');
  }
}

/** Adds a run to the window before it if they are near each other, else as a window of its own. */
function addToWindows(windows: Window[], run: number, from: number, to: number): void {
  const window = windows.at(-1);
  if (window !== undefined && window.last === run - 1) {
    const gap = from >= window.to ? from - window.to : window.from - to;
    const length = Math.max(to, window.to) - Math.min(from, window.from);
    if (gap <= GAP_BYTES_MAX && length <= WINDOW_BYTES_MAX) {
      window.last = run;
      window.from = Math.min(from, window.from);
      window.to = Math.max(to, window.to);
      return;
    }
  }
  windows.push({ first: run, last: run, from, to });
}
