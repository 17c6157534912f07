/**
 * Follows `$scavenges`: hands on all that the stream has, then each further event. Main thread. Its places come from the index, as nobody may hide points
 * by metadata of that stream; that there is something new is told by the feed of subscriptions.
 */
import { CairnError } from '../../base/errors.js';
import { SCAVENGES_STREAM } from '../../base/stream-metadata.js';
import type { StreamLookup } from '../../indexer/commands.js';
import { decodeHeader, decodeRecord } from '../../log/decoded-record.js';
import { occupiedBytes } from '../../log/record.js';
import type { LogReader } from '../../reader/log-reader.js';
import type { LogRead } from '../../reader/read-page.js';
import { type ScavengeEvent, scavengeEventIn } from '../../scavenge/scavenge-events.js';

export interface FollowerParts {
  readonly reader: Pick<LogReader, 'readRaw' | 'wholeRecords' | 'followStream'>;
  readonly lookup: StreamLookup;
  /** The first time all that there are. */
  readonly take: (events: readonly ScavengeEvent[]) => void;
  readonly warn: (message: string, facts: Readonly<Record<string, unknown>>) => void;
  /** Resolves after so long, or when `signal` is aborted. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** What is read of the stream at once; its events are small. */
const PAGE_BYTES = 256 * 1024;
/** After trouble: damage is mended, an index made anew. */
const REST_MS = 5_000;

export class ScavengeFollower {
  readonly #parts: FollowerParts;
  readonly #stream = new TextEncoder().encode(SCAVENGES_STREAM);
  readonly #stopped = new AbortController();
  #next = 0;
  #read: LogRead | undefined;
  #hasFailed = false;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  async follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#followOnce();
        // It has a tombstone: nothing will ever come.
        return;
      } catch (error) {
        if (!(error instanceof CairnError)) throw error;
        if (signal.aborted) return;
        this.#tell(error);
      } finally {
        this.#read?.close?.();
      }
      await this.#parts.pause(REST_MS, signal);
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.#read?.close?.();
  }

  async #followOnce(): Promise<void> {
    const { signal } = this.#stopped;
    const from = Number.POSITIVE_INFINITY;
    const read = this.#parts.reader.followStream({ stream: this.#stream, from, eventsMax: from });
    this.#read = read;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const page = await read.nextPage(PAGE_BYTES);
      const isMore = page.kind === 'page' && page.eventCount > 0;
      if (page.kind === 'page') page.release();
      if (isFirst || isMore) await this.#takeNew();
      if (page.kind !== 'page') return;
      this.#hasFailed = false;
      await read.whenReady?.();
    }
  }

  /** All that the index has beyond what was taken. */
  async #takeNew(): Promise<void> {
    const { lookup, take } = this.#parts;
    const events: ScavengeEvent[] = [];
    let next = this.#next;
    const query = {
      stream: this.#stream,
      direction: 'forwards',
      eventsMax: Number.POSITIVE_INFINITY,
    } as const;
    for (let head = next; next <= head; ) {
      const runs = await lookup.lookup({ ...query, from: next, bytesMax: PAGE_BYTES });
      head = runs.head;
      if (next > head) break;
      if (runs.runCount === 0)
        throw new CairnError('not-ready', 'the scavenge points can not be looked up yet');
      for (let run = 0; run < runs.runCount; run++)
        events.push(...(await this.#eventsAt(runs.positions[run]!, runs.bytes[run]!)));
      next = runs.next;
    }
    if (this.#stopped.signal.aborted) return;
    // Not a page sooner: what was read before an error counts as not read.
    this.#next = next;
    take(events);
  }

  async #eventsAt(position: number, length: number): Promise<ScavengeEvent[]> {
    const { reader, warn } = this.#parts;
    const bytes = new Uint8Array(length);
    await reader.readRaw(position, bytes);
    const events: ScavengeEvent[] = [];
    for (let at = 0; at < length; at += occupiedBytes(decodeHeader(bytes, at).length)) {
      reader.wholeRecords(position + at, bytes.subarray(at));
      const event = scavengeEventIn(decodeRecord(bytes, at));
      if (event.kind === 'invalid')
        warn('an event of $scavenges is not valid, and is left out', {
          position: position + at,
          reason: event.reason,
        });
      events.push(event);
    }
    return events;
  }

  #tell({ message: reason }: CairnError): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#parts.warn('scavenge points can not be read at present: none is carried out', { reason });
  }
}
