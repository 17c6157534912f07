/** Several appenders at once against one node, through any number of its lives, with one history of it all. */
import { Appender } from './appender.js';
import { History } from './history.js';
import { SeededRandom } from './random.js';
import { within } from './within.js';

export interface LoadOptions {
  readonly seed: number;
  readonly appenders?: number;
  /** Of each appender. */
  readonly inFlight?: number;
  readonly largestBytes?: number;
}

/** Far longer than a node takes for any number of acknowledgements that a test waits for. */
const DEADLINE_MS = 30_000;

export class Load {
  readonly history: History;
  readonly #appenders: readonly Appender[];
  #ended: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  #progress: (() => void) | undefined;
  #refusedForSpace = 0;

  constructor({ seed, appenders = 4, inFlight = 32, largestBytes = 100_000 }: LoadOptions) {
    this.history = new History(seed);
    const acknowledged = () => this.#progress?.();
    const putBack = (code: string) => {
      if (code === 'disk-full') this.#refusedForSpace++;
      this.#progress?.();
    };
    this.#appenders = Array.from({ length: appenders }, (_, index) => {
      const options = { name: `own-${index}`, inFlight, largestBytes, acknowledged, putBack };
      return new Appender(this.history, new SeededRandom(seed + index), options);
    });
  }

  /** Sets all appenders upon the node. They go on until `stop`, or until it is gone. */
  start(url: string): void {
    this.#ended = Promise.all(this.#appenders.map((appender) => appender.run(url))).catch((error: Error) => {
      this.#failure = error;
      this.#progress?.();
    });
  }

  /** Resolves when so many more requests are acknowledged than were when it was called. */
  async untilAcknowledged(more: number): Promise<void> {
    const goal = this.history.acknowledged + more;
    await within(
      DEADLINE_MS,
      `${more} more requests are acknowledged`,
      this.#until(() => this.history.acknowledged >= goal),
    );
  }

  /** Resolves when so many more requests were refused because the disk is full. */
  async untilRefusedForSpace(more: number): Promise<void> {
    const goal = this.#refusedForSpace + more;
    await within(
      DEADLINE_MS,
      `${more} requests are refused because the disk is full`,
      this.#until(() => this.#refusedForSpace >= goal),
    );
  }

  /** Waits until everything is answered. */
  async stop(): Promise<void> {
    for (const appender of this.#appenders) appender.stop();
    await this.ended();
  }

  /** Resolves when all connections are over, because of `stop` or of what happened to the node. Rejects at a wrong answer. */
  async ended(): Promise<void> {
    await within(DEADLINE_MS, 'all appenders end', this.#ended);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#progress = resolve;
      });
    }
  }
}
