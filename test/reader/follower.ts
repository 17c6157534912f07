/** Who follows a live log, for tests: takes pages as a session would, and compares them with what is in the log. */
import { expect } from 'vitest';
import { NameFilter } from '../../src/pattern/name-filter.js';
import type { LogRead, ReadPage } from '../../src/reader/read-page.js';
import type { SampleRecord } from '../indexer/sample-log.js';
import { HEADROOM_BYTES, type LiveLog } from './live-log.js';

/** More pages than there are. */
export const EVERYTHING = 1_000_000;
const encode = (text: string) => new TextEncoder().encode(text);

/** Appends an event to each of these streams, and commits them. */
export function commit(live: LiveLog, streams: readonly string[], dataBytes = 16): void {
  if (streams.length > 0) live.sample.transaction(streams.map((stream) => ({ stream, dataBytes })));
  live.advance();
  live.reader.advanced();
}

/** The callbacks of a few turns of the event loop: more than waking takes. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Whom a read is for: a stream, or the whole log, perhaps filtered. */
export type Wanted = { readonly stream: string } | { readonly prefix: string };

/** A subscriber: takes pages as a session would, and notes what came. */
export class Follower {
  /** Positions of the events. */
  readonly events: number[] = [];
  readonly said: string[] = [];
  next: number;
  readonly #live: LiveLog;
  readonly #wanted: Wanted;
  readonly read: LogRead;

  constructor(live: LiveLog, wanted: Wanted, from = 0) {
    this.#live = live;
    this.#wanted = wanted;
    this.next = from;
    this.read = this.#open(from);
  }

  #open(from: number): LogRead {
    const { reader } = this.#live;
    const eventsMax = Number.POSITIVE_INFINITY;
    if ('stream' in this.#wanted)
      return reader.followStream({ stream: encode(this.#wanted.stream), from, eventsMax });
    const { prefix } = this.#wanted;
    const rule = { field: 'stream', kind: 'prefix', patterns: [prefix] } as const;
    const filter = prefix === '' ? undefined : new NameFilter([rule]);
    return reader.readAll({ direction: 'forwards', from, eventsMax, isLive: true, filter });
  }

  /** Takes up to so many pages; fewer if there is nothing more. */
  async take(pagesMax: number, bytesMax = 20_000): Promise<void> {
    for (let pages = 0; pages < pagesMax; ) {
      const ready = this.read.whenReady?.();
      if (ready === undefined) {
        this.#note(await this.#page(bytesMax));
        pages++;
      } else if ((await Promise.race([ready, turns().then(() => 'nothing')])) === 'nothing') return;
    }
  }

  /** Takes all that comes before it ends, and says with what. */
  async end(bytesMax = 20_000): Promise<string> {
    for (;;) {
      const ready = this.read.whenReady?.();
      if (ready !== undefined && (await Promise.race([ready, turns().then(() => 'nothing')])) === 'nothing')
        return 'nothing';
      const answer = await this.read.nextPage(bytesMax);
      if (answer.kind !== 'page') return answer.kind;
      this.#note(answer);
    }
  }

  async #page(bytesMax: number): Promise<ReadPage> {
    const answer = await this.read.nextPage(bytesMax);
    if (answer.kind !== 'page') expect.fail(`not a page but ${answer.kind}`);
    return answer;
  }

  #note({ bytes, eventCount, next, isLast, isBehind, isCaughtUp }: ReadPage): void {
    if (isBehind === true) this.said.push('behind');
    expect(isLast).toBe(false);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let events = 0;
    for (let at = HEADROOM_BYTES; at < bytes.length; ) {
      const position = Number(view.getBigUint64(at + 8, true));
      const occupied = Math.ceil(view.getUint32(at + 4, true) / 8) * 8;
      const written = this.#live.sample.bytes.subarray(position, position + occupied);
      if (Buffer.compare(bytes.subarray(at, at + occupied), written) !== 0) expect.fail(`record ${position}`);
      if (view.getUint8(at + 40) === 1) {
        this.events.push(position);
        events++;
      }
      at += occupied;
    }
    expect(eventCount).toBe(events);
    this.next = next;
    if (isCaughtUp === true) this.said.push('caught up');
  }

  expected(): number[] {
    const wanted = this.#wanted;
    const fits = (event: SampleRecord) =>
      'stream' in wanted ? event.stream === wanted.stream : event.stream.startsWith(wanted.prefix);
    return this.#live.sample.events.filter(fits).map(({ position }) => position);
  }
}
