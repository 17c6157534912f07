/**
 * A leader that hands over (Ongaro, thesis, section 3.10): takes no writes any more, waits until a successor has all of its log,
 * tells it to hold an election at once. If that leads nowhere within an election timeout it goes on as leader. Pure.
 */
import type { Position } from '../base/units.js';
import { type Member, type MemberId, votersOf } from './configuration.js';
import type { Core } from './core.js';
import type { Reign } from './reign.js';

export class Resignation {
  readonly #core: Core;
  readonly #reign: Reign;
  #target: MemberId | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #isTold = false;

  constructor(core: Core, reign: Reign) {
    this.#core = core;
    this.#reign = reign;
  }

  get isUnderWay(): boolean {
    return this.#deadlineMs < Number.POSITIVE_INFINITY;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** `target`: who is to take over; else who has most of the log. */
  begin(target: MemberId | undefined): void {
    if (this.isUnderWay) return;
    if (this.#successors(target).length === 0) {
      this.#core.outbox.push({ kind: 'resignRefused', refusal: 'no-successor' });
      return;
    }
    this.#target = target;
    this.#isTold = false;
    this.#deadlineMs = this.#core.nowMs + this.#core.options.electionTimeoutMs;
    this.onProgress();
  }

  /** Somebody acked: perhaps a successor has all there is now. */
  onProgress(): void {
    if (!this.isUnderWay || this.#isTold) return;
    const { outbox, log } = this.#core;
    const ready = this.#successors(this.#target).find(({ id }) => this.#reign.durableOf(id) >= log.end);
    if (ready === undefined) return;
    this.#isTold = true;
    outbox.send(ready, { kind: 'transfer', epoch: this.#reign.epoch });
  }

  tick(): void {
    if (this.#core.nowMs < this.#deadlineMs) return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#core.outbox.push({ kind: 'resignRefused', refusal: 'no-successor' });
  }

  /** Voters that live, who has most of the log first; of those, the higher priority. */
  #successors(target: MemberId | undefined): Member[] {
    const { configuration, me, options } = this.#core;
    if (configuration === undefined) return [];
    const durable = (member: Member): Position => this.#reign.durableOf(member.id);
    const priority = ({ id }: Member): number => this.#reign.progress.get(id)?.priority ?? 0;
    return votersOf(configuration)
      .filter(({ id }) => id !== me && (target === undefined || id === target))
      .filter(({ id }) => this.#reign.hasHeard(id, options.electionTimeoutMs))
      .sort((a, b) => durable(b) - durable(a) || priority(b) - priority(a) || (a.id < b.id ? -1 : 1));
  }
}
