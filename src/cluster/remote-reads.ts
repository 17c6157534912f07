/** Linearizable reads on a node that does not lead: the leader is asked for the position that they need. Pure. */
import type { Position } from '../base/units.js';
import type { Core } from './core.js';
import type { Refusal } from './effects.js';
import type { Addressee } from './outbox.js';

/** Reads in wait; beyond it they are refused, and clients ask again. */
const READS_MAX = 10_000;

export class RemoteReads {
  readonly #core: Core;
  /** Request → when it is given up. In the order of asking, so of giving up. */
  readonly #deadlinesMs = new Map<number, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  get deadlineMs(): number {
    for (const deadlineMs of this.#deadlinesMs.values()) return deadlineMs;
    return Number.POSITIVE_INFINITY;
  }

  ask(request: number, leader: Addressee): void {
    const { outbox, nowMs, options } = this.#core;
    if (this.#deadlinesMs.size >= READS_MAX) {
      this.#refuse(request, 'no-leader');
      return;
    }
    this.#deadlinesMs.set(request, nowMs + options.electionTimeoutMs);
    outbox.send(leader, { kind: 'readIndex', request });
  }

  /** `position` -1: the one that was asked is no leader. */
  onReply(request: number, position: Position): void {
    if (!this.#deadlinesMs.delete(request)) return;
    if (position < 0) this.#refuse(request, 'no-leader');
    else this.#core.outbox.push({ kind: 'readReady', request, position });
  }

  tick(): void {
    for (const [request, deadlineMs] of this.#deadlinesMs) {
      if (deadlineMs > this.#core.nowMs) return;
      this.#deadlinesMs.delete(request);
      this.#refuse(request, 'no-leader');
    }
  }

  #refuse(request: number, refusal: Refusal): void {
    this.#core.outbox.push({ kind: 'readRefused', request, refusal });
  }
}
