/**
 * What members have said about epochs, in all their starts: promises, votes, reigns. Pure. A restart must not make a node forget any of it,
 * and what it says next must not contradict it; the nodes' own memory is not asked.
 */
import type { Epoch } from '../../base/units.js';
import type { MemberId } from '../../cluster/configuration.js';
import type { Message } from '../../cluster/messages.js';
import type { ObservedProcess } from '../node/process-observer.js';
import { BrokenPromise } from './broken-promise.js';
import { forEachRecord } from './logged-event.js';

/** Messages that only somebody may send who has promised their epoch. */
export type EpochWord = Extract<Message, { kind: 'prepareOk' | 'accept' | 'ack' | 'subscribe' }>;

export class PromiseBook {
  /** The highest epoch that a member has promised. */
  readonly #promised = new Map<MemberId, Epoch>();
  /** The highest epoch in which a member has voted. */
  readonly #voted = new Map<MemberId, Epoch>();
  /** Epochs whose Epoch record was written. */
  readonly #begun = new Set<Epoch>();

  promisedBy(member: MemberId): Epoch {
    return this.#promised.get(member) ?? 0;
  }

  /** A member starts, with all of its disk. */
  started({ core, memberId, name }: ObservedProcess): void {
    const { promisedEpoch, state } = core.view;
    const promised = this.promisedBy(memberId);
    require(promisedEpoch >=
      promised, name, 'promise', `promised ${promised}, and remembers ${promisedEpoch}`);
    const voted = this.#voted.get(memberId) ?? 0;
    require(state.acceptedEpoch >= voted, name, 'vote', `voted in ${voted}, and has forgotten it`);
  }

  /** Something is about to leave that speaks for an epoch. */
  said(process: ObservedProcess, message: EpochWord): void {
    const { memberId, name, savedState: saved } = process;
    const { epoch, kind } = message;
    require(saved.promisedEpoch >=
      epoch, name, 'promise', `${kind} of ${epoch} leaves before the promise is durable`);
    const promised = this.promisedBy(memberId);
    require(epoch >= promised, name, 'epoch', `${kind} of epoch ${epoch} after a promise of ${promised}`);
    if (kind === 'prepareOk') {
      require(epoch > promised, name, 'promise', `epoch ${epoch} is promised a second time`);
      requireRank(process, message);
    }
    if (kind === 'accept') {
      require(epoch > (this.#voted.get(memberId) ?? 0), name, 'vote', `a second vote in epoch ${epoch}`);
      this.#voted.set(memberId, epoch);
    }
    this.#promised.set(memberId, Math.max(promised, saved.promisedEpoch));
  }

  /** A leader has written its Epoch record. */
  began({ name }: ObservedProcess, epoch: Epoch): void {
    require(!this.#begun.has(epoch), name, 'one leader', `epoch ${epoch} begins a second time`);
    this.#begun.add(epoch);
  }
}

/** A promise names the epoch of the last record before the position that it names. */
function requireRank(
  { name, log, hasLog }: ObservedProcess,
  message: EpochWord & { kind: 'prepareOk' },
): void {
  const { position, lastEpoch } = message;
  let epoch = 0;
  if (hasLog && position <= log.end.position) {
    forEachRecord(log.read(0, position), ({ header }) => {
      epoch = header.epoch;
    });
  }
  require(lastEpoch ===
    epoch, name, 'promise', `claims epoch ${lastEpoch} up to ${position}, where ${epoch} ends`);
}

function require(holds: boolean, node: string, invariant: string, message: string): asserts holds {
  if (!holds) throw new BrokenPromise(invariant, message, node);
}
