/**
 * What a user iterates over to read events. Node and browsers. It is only a description until it is iterated: each iteration is a
 * read of its own, which ends at the server when the loop is left.
 */

import type { Exchange } from './exchange.js';
import type { OpenRead, ReadRange } from './open-read.js';
import type { RecordedEvent } from './recorded-event.js';

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Events of a stream or of the whole log, in order: `for await (const event of client.readStream('orders'))`. Holds no more
 * than `readWindowBytes` in memory, however slow the loop; a lost connection is bridged without a gap or a repetition. Iterating
 * throws a `CairnError` such as `stream-not-found`, `bad-position`, `timeout`, `connection-lost`.
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
    return new EventIterator(new BatchIterator(this.#exchange, this.#range));
  }

  /** The same events by the frame, some thousands at a time: less work per event. No batch is empty. */
  batches(): AsyncIterableIterator<readonly RecordedEvent[]> {
    return new BatchIterator(this.#exchange, this.#range);
  }

  /** All events in one array: for reads with a `count`, or of streams known to be short. */
  async toArray(): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for await (const batch of this.batches()) for (const event of batch) events.push(event);
    return events;
  }
}

class BatchIterator implements AsyncIterableIterator<readonly RecordedEvent[]> {
  readonly #exchange: Exchange;
  readonly #range: ReadRange;
  #read: OpenRead | undefined;
  #isDone = false;

  constructor(exchange: Exchange, range: ReadRange) {
    this.#exchange = exchange;
    this.#range = range;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<readonly RecordedEvent[], undefined>> {
    if (this.#isDone) return DONE;
    this.#read ??= this.#exchange.read(this.#range);
    const events = await this.#read.nextBatch();
    if (events !== undefined && !this.#isDone) return { done: false, value: events };
    this.#isDone = true;
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
  readonly #batches: BatchIterator;
  #batch: readonly RecordedEvent[] = [];
  #at = 0;
  #isDone = false;
  #refill: Promise<unknown> | undefined;

  constructor(batches: BatchIterator) {
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
    return this.#batches.return();
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
