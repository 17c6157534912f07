/**
 * What machines say about processes: when one has died, nobody listens at its address any more, and its machine tells whoever tries to connect.
 * Pure. The others hear of it at times of their own, some never, some so late that the next process is there. Faults say it of processes
 * that live.
 */
import type { EventQueue } from './event-queue.js';
import type { Network } from './network.js';
import type { Random } from './random.js';
import type { Trace } from './trace.js';

export interface AlarmsParts {
  readonly queue: EventQueue;
  readonly trace: Trace;
  readonly random: Random;
  readonly network: Network;
  /** All nodes. */
  readonly names: readonly string[];
  /** Tells the node `to`, if its process runs, that nobody listens at `about`. */
  readonly tell: (to: string, about: string) => void;
}

/** How often somebody hears of a death, drawn for each run: silence has to do in some, and is hardly ever waited for in others. */
const HEARD_CHANCES = [0, 0.5, 0.95];
/** A connection closes, and another one is refused. */
const DELAY_MS_MAX = 20;
/** From about as long as a restart takes to far more. */
const LATE_MS_MAX = 1000;
const LATE_CHANCE = 0.1;

export class Alarms {
  readonly #parts: AlarmsParts;
  readonly #heardChance: number;

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
    this.#heardChance = parts.random.pick(HEARD_CHANCES);
  }

  /** The process with this name has died. */
  processGone(name: string): void {
    const { names, queue, random, network } = this.#parts;
    for (const other of names) {
      if (other === name || !random.chance(this.#heardChance)) continue;
      const delayMs = random.fraction() * (random.chance(LATE_CHANCE) ? LATE_MS_MAX : DELAY_MS_MAX);
      queue.after(delayMs, () => {
        // The question, or the answer, doesn't get through.
        if (network.isCut(other, name) || network.isCut(name, other)) return;
        this.raise(other, name);
      });
    }
  }

  /** Tells a node so, true or not. */
  raise(to: string, about: string): void {
    const { queue, trace, tell } = this.#parts;
    trace.note(queue.nowMs, to, 'unreachable', () => about).word(about);
    tell(to, about);
  }
}
