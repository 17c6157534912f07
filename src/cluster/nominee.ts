/**
 * Counts the votes for this node, when somebody has proposed it as leader. Pure. It leads an epoch only if it was nominated in this
 * start: votes that are replayed to a later one find nobody who waits for them.
 */
import type { Epoch } from '../base/units.js';
import { isQuorum, type MemberId } from './configuration.js';
import type { Core } from './core.js';
import type { MessageOf } from './messages.js';

export class Nominee {
  readonly #core: Core;
  #nominatedEpoch: Epoch = 0;
  /** Who voted for this node, and in which epoch last: votes may come before the nomination. */
  readonly #accepted = new Map<MemberId, Epoch>();

  constructor(core: Core) {
    this.#core = core;
  }

  nominate(epoch: Epoch): void {
    this.#nominatedEpoch = epoch;
  }

  onAccept({ from, epoch }: MessageOf<'accept'>): void {
    // Only a voter's counts, and its own says that it has voted; there are few of them, so the map stays small.
    const { voters, me } = this.#core;
    if (from === me || voters.some(({ id }) => id === from)) {
      this.#accepted.set(from, Math.max(epoch, this.#accepted.get(from) ?? 0));
    }
  }

  /** The epoch that this node has been given to lead; undefined if there is none. */
  get wonEpoch(): Epoch | undefined {
    const { configuration, promisedEpoch, me } = this.#core;
    const epoch = this.#nominatedEpoch;
    // Who has promised a higher epoch meanwhile doesn't lead this one.
    if (epoch === 0 || epoch !== promisedEpoch || configuration === undefined) return undefined;
    const votes = new Set<MemberId>();
    for (const [id, accepted] of this.#accepted) if (accepted === epoch) votes.add(id);
    // Its own vote comes back to it when it is durable.
    return votes.has(me) && isQuorum(configuration, votes) ? epoch : undefined;
  }

  /** It leads, and won't a second time. */
  inaugurate(): void {
    this.#nominatedEpoch = 0;
    this.#accepted.clear();
  }
}
