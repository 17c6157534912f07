/**
 * A light load that goes on for as long as it is wanted: appends start at a given rate, whatever the answers do, and are timed from when
 * they were handed over. It rests between them, where {@link OpenLoop} watches the clock: on a machine of few processors its own
 * work would be what it measures. Main thread.
 */
import { CairnError } from '../src/base/errors.js';
import type { AppendResult, Client } from '../src/client/client.js';
import { LatencyHistogram } from './latency-histogram.js';
import { GRACE_MS, nowUs, unanswered } from './load.js';
import { randomSalt, streamName } from './request-frames.js';
import { Schedule } from './schedule.js';
import { benchEvents } from './ws-target.js';

const STREAMS = 16;

/** The appends that began between one call of {@link SteadyLoad.window} and the next. */
export interface Window {
  readonly latency: LatencyHistogram;
  /** Resolves when all of them are answered. Throws what the first one failed with. */
  answered(): Promise<void>;
}

export interface SteadyLoadOptions {
  /** Appended to in turn; by default some of its own. */
  readonly streams?: readonly string[];
  /** Told of each append that was answered. */
  readonly answered?: (result: AppendResult) => void;
}

export class SteadyLoad {
  readonly #client: Client;
  readonly #streams: readonly string[];
  readonly #event;
  readonly #schedule: Schedule;
  #sent = 0;
  #window = new OpenWindow();
  #timer: NodeJS.Timeout;

  readonly #answered: SteadyLoadOptions['answered'];

  /** Starts at once. */
  constructor(client: Client, ratePerSecond: number, eventBytes: number, options: SteadyLoadOptions = {}) {
    const salt = randomSalt();
    this.#client = client;
    this.#streams = options.streams ?? Array.from({ length: STREAMS }, (_, index) => streamName(salt, index));
    this.#answered = options.answered;
    this.#event = benchEvents(1, eventBytes)[0]!;
    this.#schedule = new Schedule(nowUs(), ratePerSecond, Number.POSITIVE_INFINITY);
    this.#timer = setInterval(() => this.#sendDue(), 1);
  }

  /** From now on appends count here. */
  window(): Window {
    this.#window = new OpenWindow();
    return this.#window;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sendDue(): void {
    const due = this.#schedule.dueBy(nowUs());
    while (this.#sent < due) {
      const window = this.#window;
      const startedUs = nowUs();
      window.open++;
      this.#client.append(this.#streams[this.#sent++ % this.#streams.length]!, this.#event).then(
        (result) => {
          window.close(nowUs() - startedUs);
          this.#answered?.(result);
        },
        (error: unknown) => window.fail(error),
      );
    }
  }
}

class OpenWindow implements Window {
  readonly latency = new LatencyHistogram();
  /** Appends without an answer. */
  open = 0;
  #error: CairnError | undefined;
  #whenAnswered: (() => void) | undefined;

  close(latencyUs: number): void {
    this.latency.record(latencyUs);
    this.#closed();
  }

  fail(error: unknown): void {
    // Anything else is a bug, of the client's or ours.
    if (!(error instanceof CairnError)) throw error;
    this.#error ??= error;
    this.#closed();
  }

  async answered(): Promise<void> {
    if (this.open > 0) {
      await new Promise<void>((resolve, reject) => {
        const watchdog = setTimeout(() => reject(unanswered(this.open)), GRACE_MS);
        this.#whenAnswered = () => {
          clearTimeout(watchdog);
          resolve();
        };
      });
    }
    if (this.#error !== undefined) throw this.#error;
  }

  #closed(): void {
    this.open--;
    if (this.open === 0) this.#whenAnswered?.();
  }
}
