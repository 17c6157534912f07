/**
 * What a user iterates over to read events. Node and browsers. It is only a description until it is iterated: each iteration is a
 * read of its own, which ends at the server when the loop is left.
 */

import type { Exchange } from './exchange.js';
import type { OpenRead, ReadBatch, ReadRange } from './open-read.js';
import type { RecordedEvent } from './recorded-event.js';

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** What a read or a subscription has to say, in order. */
export type ReadMessage =
  | { readonly kind: 'events'; readonly events: readonly RecordedEvent[] }
  /**
   * A subscription has everything that was committed; said again each time that it had fallen behind. `checkpoint`: what a later subscription gets
   * as `after` to go on from here.
   */
  | { readonly kind: 'caught-up'; readonly checkpoint: number }
  /** A subscription that had caught up fell behind, and reads older parts of the log again: it was slow, or its node was exchanged for a slower one. */
  | { readonly kind: 'behind' }
  /** With a filter: nothing fitted for some megabytes of the log, up to here. A read backwards goes on with this as `from`. */
  | { readonly kind: 'checkpoint'; readonly checkpoint: number };

/**
 * Events of a stream or of the whole log, in order: `for await (const event of client.readStream('orders'))`. Holds no more
 * than `readWindowBytes` in memory, however slow the loop; a lost connection is bridged without a gap or a repetition. Iterating
 * throws a `CairnError` such as `stream-not-found`, `bad-position`, `timeout`, `connection-lost`. A subscription goes on until the loop is left.
 */
export class EventRead implements AsyncIterable<RecordedEvent> {
  readonly #exchange: Exchange;
  readonly #range: ReadRange;

  /** @internal */
  constructor(exchange: Exchange, range: ReadRange) {
    this.#exchange = exchange;
    this.#range = range;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<RecordedEvent> {
    return new EventIterator(this.batches());
  }

  /** The same events by the frame, some thousands at a time: less work per event. No batch is empty. */
  batches(): AsyncIterableIterator<readonly RecordedEvent[]> {
    return new FrameIterator(this.#exchange, this.#range, ({ events }, queue) => {
      if (events.length > 0) queue.push(events);
    });
  }

  /** The events as {@link batches} gives them, and between them what else there is to know. */
  messages(): AsyncIterableIterator<ReadMessage> {
    // Before the first record there is nothing to be after: −1.
    const offset = this.#range.isBackwards ? 0 : -1;
    return new FrameIterator(this.#exchange, this.#range, (batch: ReadBatch, queue: ReadMessage[]) =>
      pushMessages(batch, batch.next + offset, queue),
    );
  }

  /** All events in one array: for reads with a `count`, or of streams known to be short. */
  async toArray(): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for await (const batch of this.batches()) for (const event of batch) events.push(event);
    return events;
  }
}

function pushMessages(
  { events, isCaughtUp, isBehind }: ReadBatch,
  checkpoint: number,
  queue: ReadMessage[],
): void {
  if (isBehind) queue.push({ kind: 'behind' });
  if (events.length > 0) queue.push({ kind: 'events', events });
  if (isCaughtUp) queue.push({ kind: 'caught-up', checkpoint });
  else if (events.length === 0 && !isBehind) queue.push({ kind: 'checkpoint', checkpoint });
}

/** What comes of each frame, some things or nothing, one by one. */
class FrameIterator<Item> implements AsyncIterableIterator<Item> {
  readonly #exchange: Exchange;
  readonly #range: ReadRange;
  readonly #open: (batch: ReadBatch, queue: Item[]) => void;
  readonly #queue: Item[] = [];
  #read: OpenRead | undefined;
  #isDone = false;

  /** `open` puts what is in a batch into the queue. */
  constructor(exchange: Exchange, range: ReadRange, open: (batch: ReadBatch, queue: Item[]) => void) {
    this.#exchange = exchange;
    this.#range = range;
    this.#open = open;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    while (!this.#isDone) {
      const item = this.#queue.shift();
      if (item !== undefined) return { done: false, value: item };
      this.#read ??= this.#exchange.read(this.#range);
      const batch = await this.#read.nextBatch();
      if (batch === undefined) this.#isDone = true;
      else if (!this.#isDone) this.#open(batch, this.#queue);
    }
    return DONE;
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isDone = true;
    this.#read?.cancel();
    return DONE;
  }
}

/** By hand rather than as a generator, because a generator costs three turns of the promise queue for each event. */
class EventIterator implements AsyncIterableIterator<RecordedEvent> {
  readonly #batches: AsyncIterableIterator<readonly RecordedEvent[]>;
  #batch: readonly RecordedEvent[] = [];
  #at = 0;
  #isDone = false;
  #refill: Promise<unknown> | undefined;

  constructor(batches: AsyncIterableIterator<readonly RecordedEvent[]>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RecordedEvent, undefined>> {
    const value = this.#batch[this.#at];
    if (value !== undefined) {
      this.#at++;
      return Promise.resolve({ done: false, value });
    }
    if (this.#isDone) return Promise.resolve(DONE);
    // Whoever asks ahead waits for the batch that is on its way.
    const refill = this.#refill ?? this.#nextBatch();
    return refill.then(() => this.next());
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isDone = true;
    this.#batch = [];
    await this.#batches.return?.();
    return DONE;
  }

  #nextBatch(): Promise<unknown> {
    const refill = this.#batches.next().then(({ done, value }) => {
      if (done === true) this.#isDone = true;
      this.#batch = done === true ? [] : value;
      this.#at = 0;
    });
    this.#refill = refill.finally(() => {
      this.#refill = undefined;
    });
    return this.#refill;
  }
}
