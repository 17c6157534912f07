/**
 * A slow, steady writer: one event after the other, so that one sees what an election costs whoever writes. Main thread. It never gives up: an
 * append that fails is made again, with the same event id, until it is answered.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '../../base/errors.js';
import type { Client, NewEvent } from '../../client/client.js';

/** Ten a second: some hundred megabytes a day. */
const PERIOD_MS = 100;
/** Between two tries, when the client library has given up. */
const RETRY_MS = 250;
/** What is shown is about the last seconds. */
const SPAN_MS = 30_000;

interface Wait {
  readonly endMs: number;
  readonly tookMs: number;
}

export class Pulse {
  readonly #waits: Wait[] = [];
  #startedMs: number | undefined;
  #written = 0;

  constructor(
    private readonly connectNodes: () => Promise<Client>,
    private readonly stream: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Writes these again and again until aborted. Throws only what is no `CairnError`. */
  async run(events: readonly Omit<NewEvent, 'id'>[]): Promise<void> {
    let client: Client | undefined;
    for (let turn = 0; !this.signal.aborted; turn++) {
      const event = { ...events[turn % events.length]!, id: randomUUID() };
      this.#startedMs = performance.now();
      client = await this.#write(client, event);
      const tookMs = performance.now() - this.#startedMs;
      this.#startedMs = undefined;
      this.#note(tookMs);
      await this.#pause(PERIOD_MS - tookMs);
    }
    await client?.close();
  }

  /** What to show. */
  line(): string {
    const nowMs = performance.now();
    const recent = this.#waits.filter(({ endMs }) => nowMs - endMs <= SPAN_MS);
    const longestMs = Math.max(0, ...recent.map(({ tookMs }) => tookMs));
    const waitingMs = this.#startedMs === undefined ? 0 : nowMs - this.#startedMs;
    const state =
      waitingMs > 2 * PERIOD_MS ? `waiting for ${formatMs(waitingMs)}` : `${this.#written} written`;
    return `Earthquakes, ten a second, to stream ${this.stream}: ${state}; longest wait of the last 30 s: ${formatMs(longestMs)}`;
  }

  /** Writes the event, however long it takes; returns the connection to go on with. */
  async #write(client: Client | undefined, event: NewEvent): Promise<Client | undefined> {
    let connected = client;
    while (!this.signal.aborted) {
      try {
        connected ??= await this.connectNodes();
        await connected.append(this.stream, event);
        this.#written++;
        return connected;
      } catch (error) {
        if (!(error instanceof CairnError)) throw error;
        await connected?.close();
        connected = undefined;
        await this.#pause(RETRY_MS);
      }
    }
    return connected;
  }

  #note(tookMs: number): void {
    const endMs = performance.now();
    this.#waits.push({ endMs, tookMs });
    while (endMs - this.#waits[0]!.endMs > SPAN_MS) this.#waits.shift();
  }

  async #pause(ms: number): Promise<void> {
    try {
      await delay(Math.max(0, ms), undefined, { signal: this.signal });
    } catch (error) {
      if (!this.signal.aborted) throw error;
    }
  }
}

function formatMs(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}
