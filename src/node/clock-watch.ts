/**
 * How far other nodes' clocks are from this one's. Main thread. Only what `$maxAge` hides, and when that is scavenged, depends on
 * clocks, so a difference is told and shown, and no more: a node whose clock is wrong writes wrong times into events.
 */
import type { Logger } from 'pino';

/** Made-up names between two calls of `keep` can't make it hold more than this. */
const PEERS_MAX = 128;

export class ClockWatch {
  readonly #allowedMs: number;
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #differencesMs = new Map<string, number>();
  /** Who was warned about. */
  readonly #tooFar = new Set<string>();

  constructor(allowedMs: number, logger: Pick<Logger, 'info' | 'warn'>) {
    this.#allowedMs = allowedMs;
    this.#logger = logger;
  }

  /** Name → by how much its clock is ahead, in milliseconds; negative if behind. */
  get differencesMs(): ReadonlyMap<string, number> {
    return this.#differencesMs;
  }

  /** Warns when a peer's difference becomes too large, and says so when it is no more. */
  note(name: string, differenceMs: number): void {
    if (!this.#differencesMs.has(name) && this.#differencesMs.size >= PEERS_MAX) return;
    this.#differencesMs.set(name, differenceMs);
    const isTooFar = Math.abs(differenceMs) > this.#allowedMs;
    if (isTooFar === this.#tooFar.has(name)) return;
    const facts = { peer: name, differenceMs, allowedMs: this.#allowedMs };
    if (isTooFar) {
      this.#tooFar.add(name);
      this.#logger.warn(facts, 'clocks differ: set one of them right, or the times in events are wrong');
    } else {
      this.#tooFar.delete(name);
      this.#logger.info(facts, 'clocks agree again');
    }
  }

  /** Drops all but these names. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#differencesMs.keys()) {
      if (names.has(name)) continue;
      this.#differencesMs.delete(name);
      this.#tooFar.delete(name);
    }
  }
}
