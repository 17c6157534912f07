/**
 * Subscribers of all kinds, for tests that let nodes die under them: each notes the positions of the events that it was given until one says that it is
 * the last, and is then compared with what the log holds.
 */
import type { Client, EventRead, RecordedEvent, SubscribeAllOptions } from '../../src/client/client.js';

/** The type of the events that end it: one in each stream. */
export const LAST = 'Last';

/** Whom a subscriber wants: a stream, or the whole log, perhaps filtered. */
export interface Wish {
  readonly name: string;
  readonly stream?: string;
  readonly options?: SubscribeAllOptions;
  /** Whether it wants this event. */
  readonly wants: (event: NotedEvent) => boolean;
}

export interface NotedEvent {
  readonly stream: string;
  readonly type: string;
  readonly position: number;
}

export class Subscriber {
  readonly wish: Wish;
  /** Positions, in the order in which they came. */
  readonly seen: number[] = [];
  readonly #client: Client;
  #waiting: (() => void)[] = [];

  constructor(client: Client, wish: Wish) {
    this.#client = client;
    this.wish = wish;
  }

  /** Takes everything as it comes. `lasts`: how many events that end it there will be. */
  async follow(lasts: number): Promise<void> {
    let left = lasts;
    for await (const event of this.#subscribe({})) {
      this.#note(event);
      if (event.type === LAST && --left === 0) return;
    }
  }

  /** Takes some events, stops until `released`, and goes on. */
  async followWithStop(events: number, released: Promise<unknown>, lasts: number): Promise<void> {
    let left = lasts;
    for await (const event of this.#subscribe({})) {
      this.#note(event);
      if (this.seen.length === events) await released;
      if (event.type === LAST && --left === 0) return;
    }
  }

  /** Leaves after each so many events, and subscribes again after the last one: as a program that is started again and again. */
  async followInPieces(events: number, lasts: number): Promise<void> {
    let left = lasts;
    let after: number | undefined;
    while (left > 0) {
      let taken = 0;
      for await (const event of this.#subscribe(after === undefined ? {} : { after })) {
        this.#note(event);
        after = this.wish.stream === undefined ? event.position : event.revision;
        if (event.type === LAST) left--;
        if (++taken === events || left === 0) break;
      }
    }
  }

  /** Resolves when it has seen so many events. */
  async until(events: number): Promise<void> {
    while (this.seen.length < events) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #subscribe(options: SubscribeAllOptions): EventRead {
    const { stream } = this.wish;
    if (stream !== undefined) return this.#client.subscribe(stream, options);
    return this.#client.subscribeAll({ ...this.wish.options, ...options });
  }

  #note(event: RecordedEvent): void {
    this.seen.push(event.position);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Every event of the log, in order. */
export async function eventsOf(client: Client): Promise<NotedEvent[]> {
  const events: NotedEvent[] = [];
  for await (const { stream, type, position } of client.readAll()) events.push({ stream, type, position });
  return events;
}

/** Those that a subscriber should have seen. */
export function expectedBy({ wants }: Wish, events: readonly NotedEvent[]): number[] {
  return events.filter(wants).map(({ position }) => position);
}
