/** What operators have asked the cluster core for, until it has answered. Main thread. */
import { CairnError } from '../base/errors.js';
import type { Configuration, MemberId, MembershipChange } from '../cluster/configuration.js';
import type { Effect, Input, Refusal } from '../cluster/effects.js';

type Answer = Extract<Effect, { kind: 'changed' | 'changeRefused' | 'resignRefused' }>;
type Ask = Extract<Input, { kind: 'resign' | 'change' | 'priority' }>;

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: CairnError): void;
}

export class Requests {
  readonly #ask: (input: Ask) => void;
  readonly #changes = new Map<number, Waiting<Configuration>>();
  #resignations: Waiting<void>[] = [];
  #next = 1;

  constructor(ask: (input: Ask) => void) {
    this.#ask = ask;
  }

  /** Resolves when the change is committed. Rejects with `not-leader`, `no-leader` or `change-refused`. */
  change(change: MembershipChange): Promise<Configuration> {
    return new Promise((resolve, reject) => {
      const request = this.#next++;
      this.#changes.set(request, { resolve, reject });
      this.#ask({ kind: 'change', request, change });
    });
  }

  /** Resolves when this node leads no more. Rejects as {@link change}. */
  resign(target?: MemberId): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resignations.push({ resolve, reject });
      this.#ask({ kind: 'resign', ...(target === undefined ? {} : { target }) });
    });
  }

  setPriority(priority: number): void {
    this.#ask({ kind: 'priority', priority });
  }

  answered(answer: Answer): void {
    if (answer.kind === 'resignRefused') {
      for (const { reject } of this.#resignations.splice(0)) reject(refused(answer.refusal));
      return;
    }
    const waiting = this.#changes.get(answer.request);
    this.#changes.delete(answer.request);
    if (answer.kind === 'changed') waiting?.resolve(answer.configuration);
    else waiting?.reject(refused(answer.refusal));
  }

  /** This node doesn't lead, or not any more: who asked for that has it. */
  leadsNoMore(): void {
    for (const { resolve } of this.#resignations.splice(0)) resolve();
  }
}

const REASONS: Readonly<Record<Exclude<Refusal, 'not-leader' | 'no-leader'>, string>> = {
  'change-in-progress': 'another change is not committed yet; try again in a moment',
  'invalid-change':
    'it makes no sense in this configuration, or would leave no voter; look at cairn cluster status',
  'not-caught-up': 'the clone is too far behind, or does not answer; try again when it has caught up',
  'quorum-needed': 'without this vote the voters that are alive would be no quorum',
  'no-successor': 'no other voter is alive and has caught up',
};

function refused(refusal: Refusal): CairnError {
  if (refusal === 'not-leader')
    return new CairnError('not-leader', 'this node does not lead the cluster; ask the leader');
  if (refusal === 'no-leader')
    return new CairnError('no-leader', 'there is no leader at the moment, or it is not ready yet; try again');
  return new CairnError('change-refused', `refused: ${REASONS[refusal]}`, { reason: refusal });
}
