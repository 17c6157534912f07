/** A subscriber of a random history: each event that it is given has to be the next one of the model that it wants, over any number of openings. */
import type { Client, EventFilter, ReadMessage } from '../../../src/client/client.js';
import { until } from '../within.js';
import { checkEvent } from './model-check.js';
import type { ModelEvent, StoreModel } from './store-model.js';

/** A stream, or the whole log, perhaps filtered. */
export interface FollowerWish {
  readonly name: string;
  readonly stream?: string;
  readonly filter?: EventFilter;
  readonly wants: (event: ModelEvent) => boolean;
}

const DEADLINE_MS = 20_000;
/** A moment for others: this one is slow. */
const SLOW_MS = 5;

export class ModelFollower {
  readonly wish: FollowerWish;
  readonly #model: StoreModel;
  readonly #isSlow: boolean;
  /** What it wants of the model, as far as that was looked through; what was there before it began is not for it. */
  readonly #wanted: ModelEvent[] = [];
  #looked: number;
  #after: number | 'end';
  #seen = 0;
  #hasCaughtUp = false;
  #messages: AsyncIterableIterator<ReadMessage> | undefined;
  #running: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /** `isFromEnd`: it wants what comes from now on. */
  constructor(model: StoreModel, wish: FollowerWish, { isFromEnd = false, isSlow = false }) {
    this.#model = model;
    this.wish = wish;
    this.#isSlow = isSlow;
    this.#looked = isFromEnd ? model.events.length : 0;
    this.#after = isFromEnd ? 'end' : -1;
  }

  get isOpen(): boolean {
    return this.#messages !== undefined;
  }

  /** Goes on after what it has. Resolves at once, but for one from the end: that has to be there before more is written. */
  async open(client: Client): Promise<void> {
    const place = this.#after === 'end' ? ({ from: 'end' } as const) : { after: this.#after };
    const { stream, filter } = this.wish;
    const read =
      stream === undefined
        ? client.subscribeAll(filter === undefined ? place : { ...place, filter })
        : client.subscribe(stream, place);
    const messages = read.messages();
    this.#messages = messages;
    this.#running = this.#follow(messages).catch((error: Error) => {
      this.#failure = error;
    });
    if (this.#after !== 'end') return;
    await this.#until('has begun at the end', () => this.#hasCaughtUp);
  }

  async close(): Promise<void> {
    await this.#messages?.return?.();
    this.#messages = undefined;
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when it has all that the model has for it. */
  async untilCaughtUp(): Promise<void> {
    const expected = this.#expected().length;
    await this.#until(`has its ${expected} events`, () => this.#seen >= expected);
  }

  async #until(what: string, isReached: () => boolean): Promise<void> {
    await until(DEADLINE_MS, `the follower of ${this.wish.name} ${what}`, () => {
      if (this.#failure !== undefined) throw this.#failure;
      return isReached();
    });
  }

  async #follow(messages: AsyncIterableIterator<ReadMessage>): Promise<void> {
    for await (const message of messages) {
      if (this.#messages !== messages) return;
      if (message.kind === 'caught-up') this.#hasCaughtUp = true;
      if (message.kind === 'caught-up' || message.kind === 'checkpoint') this.#after = message.checkpoint;
      if (message.kind !== 'events') continue;
      const expected = this.#expected();
      for (const event of message.events) {
        checkEvent(`the follower of ${this.wish.name}, event ${this.#seen}`, event, expected[this.#seen]);
        this.#seen++;
        this.#after = this.wish.stream === undefined ? event.position : event.revision;
      }
      if (this.#isSlow) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    }
  }

  #expected(): readonly ModelEvent[] {
    const { events } = this.#model;
    for (; this.#looked < events.length; this.#looked++) {
      const event = events[this.#looked]!;
      if (this.wish.wants(event)) this.#wanted.push(event);
    }
    return this.#wanted;
  }
}
