/**
 * A client that writes one event after the other and takes the time of each, or several such at once. Main thread. Unlike the load of `cairn bench`
 * it keeps every write: who waited for whom is found out afterwards.
 */
import type { AckPolicy, Client, NewEvent } from '../../src/client/client.js';
import { randomSalt, streamName } from '../request-frames.js';
import { benchEvents } from '../ws-target.js';
import { monotonicMs } from './proxy/alarm.js';

/** One write; times on the clock of {@link monotonicMs}. */
export interface Write {
  readonly startMs: number;
  readonly endMs: number;
}

export interface WritePlan {
  readonly policy: AckPolicy;
  readonly seconds: number;
  /** Goes on until there are so many, though at most for {@link OVERTIME_MS} more. */
  readonly writesMin: number;
  readonly signal?: AbortSignal | undefined;
}

/** How much longer than planned a loop may take on slow links. */
const OVERTIME_MS = 10_000;
/** Writes before the first that counts: what was under way by other links has arrived, and code and caches are warm. */
const WARM_UP_WRITES = 2;

export class WriteLoop {
  readonly #client: Client;
  readonly #event: NewEvent;
  readonly #rounds: number;
  /** One for each that writes at the same time. */
  readonly #streams: readonly string[];

  /** `rounds`: how many appends, one awaited after the other, make a write. */
  constructor(client: Client, writers: number, eventBytes: number, rounds = 1) {
    const salt = randomSalt();
    this.#client = client;
    this.#rounds = rounds;
    this.#event = benchEvents(1, eventBytes)[0]!;
    this.#streams = Array.from({ length: writers }, (_, index) => streamName(salt, index));
  }

  /** Calls `warm` when the first write that counts is about to begin. Throws what an append fails with. */
  async run(plan: WritePlan, warm: () => Promise<void> = () => Promise.resolve()): Promise<Write[]> {
    for (let write = 0; write < WARM_UP_WRITES; write++) await this.#append(this.#streams[0]!, plan.policy);
    await warm();
    const writes: Write[] = [];
    const endMs = monotonicMs() + plan.seconds * 1000;
    const isOver = () => {
      const isEnough = monotonicMs() >= endMs && writes.length >= plan.writesMin;
      return isEnough || monotonicMs() >= endMs + OVERTIME_MS || plan.signal?.aborted === true;
    };
    const writeOn = async (stream: string) => {
      while (!isOver()) {
        const startMs = monotonicMs();
        await this.#append(stream, plan.policy);
        writes.push({ startMs, endMs: monotonicMs() });
      }
    };
    await Promise.all(this.#streams.map(writeOn));
    return writes;
  }

  async #append(stream: string, ackPolicy: AckPolicy): Promise<void> {
    for (let round = 0; round < this.#rounds; round++)
      await this.#client.append(stream, this.#event, { ackPolicy });
  }
}

/** Rising, ms. */
export function latenciesMs(writes: readonly Write[]): Float64Array {
  return Float64Array.from(writes, ({ startMs, endMs }) => endMs - startMs).sort();
}
