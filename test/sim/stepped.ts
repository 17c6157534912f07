/** A cluster without faults that a test moves on event by event. */
import { SimCluster } from '../../src/sim/sim-cluster.js';

const LENGTH_MS = 3000;

export class Stepped {
  readonly #cluster: SimCluster;

  constructor(seed: number) {
    const ignore = (): undefined => undefined;
    const size = { nodes: 3, clones: 0, replicas: 0 };
    this.#cluster = new SimCluster({ seed, ...size, onDown: ignore, onFenced: ignore });
    this.#cluster.start();
  }

  get hash(): string {
    return this.#cluster.trace.hash;
  }

  /** One event; false if there is none left. */
  step(): boolean {
    const event = this.#cluster.queue.next(LENGTH_MS);
    event?.run();
    return event !== undefined;
  }
}
