/** Several clients at once on a cluster, with one history of it all. */
import { SeededRandom } from '../random.js';
import { until, within } from '../within.js';
import { ClusterHistory } from './cluster-history.js';
import { ClusterWorker } from './cluster-worker.js';
import { eventIdOf } from './event-content.js';
import { NodeConnection, type Target } from './node-connection.js';

export interface ClusterLoadOptions {
  readonly seed: number;
  readonly workers?: number;
  readonly targets: () => readonly Target[];
}

/** Longer than all attempts at an append may take. */
const STOP_DEADLINE_MS = 60_000;
const ANSWER_MS = 2_000;

export class ClusterLoad {
  readonly history = new ClusterHistory();
  readonly #options: ClusterLoadOptions;
  readonly #workers: readonly ClusterWorker[];
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterLoadOptions) {
    this.#options = options;
    const { seed, workers = 6, targets } = options;
    const heads = new Map<string, number>();
    const { history } = this;
    this.#workers = Array.from({ length: workers }, (_, index) => {
      const random = new SeededRandom(seed * 1000 + index);
      return new ClusterWorker({ name: `own-${index}`, salt: seed, random, history, targets, heads });
    });
  }

  start(): void {
    this.#running = Promise.all(this.#workers.map((worker) => worker.run()));
    // Whoever stops the load is told.
    this.#running.catch(() => undefined);
  }

  /** Resolves when so many more appends are acknowledged than were when it was called. */
  async untilAcknowledged(more: number, deadlineMs: number): Promise<void> {
    const goal = this.history.acknowledged + more;
    await until(deadlineMs, `${more} more appends are acknowledged`, () => this.history.acknowledged >= goal);
  }

  /** Waits until all that was begun has ended. Rejects if a client met what it can't explain. */
  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.stop();
    await within(STOP_DEADLINE_MS, 'all clients end', this.#running);
  }

  /** Appends one event more, by whoever takes it; resolves to its position. Says why if nobody does in time. */
  async mark(deadlineMs: number): Promise<number> {
    const { history } = this;
    const { seed, targets } = this.#options;
    const eventIds = [eventIdOf(seed, history.appends.length, 0)];
    const append = history.ask({ client: 'marker', stream: 'marker', expected: 'any', eventIds });
    await until(deadlineMs, 'a write is accepted', async () => {
      for (const target of targets()) {
        const connection = await NodeConnection.open(target, history, 'marker', ANSWER_MS);
        const verdict = await connection?.append(append);
        await connection?.close();
        if (verdict === 'yes') return true;
      }
      return false;
    });
    return append.acknowledgements[0]!.position;
  }
}
