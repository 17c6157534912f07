/**
 * What operators and bad luck do to the membership: each function does one thing. Pure. Changes are asked of the leader, which may refuse
 * them; folders are lost and restored within the budget.
 */
import { type Member, type MembershipChange, votersOf } from '../../cluster/configuration.js';
import type { SimulatedDisk } from '../disk/simulated-disk.js';
import type { SimNode } from '../node/sim-node.js';
import type { FAULT_KINDS } from './fault-plan.js';
import type { NodeFaultContext } from './node-faults.js';

export type MembershipFaultKind = (typeof FAULT_KINDS)['membership'][number];

interface Snapshot {
  readonly disk: SimulatedDisk;
  readonly memberId: string;
}

const PRIORITY_MAX = 3;
const VOTERS_MIN = 2;

export class MembershipFaults {
  readonly #context: NodeFaultContext;
  readonly #snapshots = new Map<SimNode, Snapshot>();
  #request = 0;

  constructor(context: NodeFaultContext) {
    this.#context = context;
  }

  /** Begins the fault; false if there was nobody to hit, or the budget doesn't allow it. */
  begin(kind: MembershipFaultKind): boolean {
    const { cluster, random } = this.#context;
    switch (kind) {
      case 'wipe':
        return this.#wipe(random.pick(cluster.nodes));
      case 'restore':
        return this.#restore(random.pick(cluster.nodes));
      case 'transfer':
        return this.#transfer();
      case 'priority':
        random
          .pick(cluster.nodes)
          .process?.command({ kind: 'priority', priority: random.below(PRIORITY_MAX) });
        return true;
      default:
        return this.#change(kind);
    }
  }

  #wipe(victim: SimNode): boolean {
    const { budget, operator } = this.#context;
    if (!budget.mayDamage(victim)) return false;
    operator.loseFolder(victim);
    return true;
  }

  /** Takes a snapshot at first, and finds the node as it was then a while later. */
  #restore(victim: SimNode): boolean {
    const { budget, operator } = this.#context;
    const snapshot = this.#snapshots.get(victim);
    if (snapshot === undefined || snapshot.memberId !== victim.memberId) {
      const { memberId } = victim;
      if (memberId !== undefined) this.#snapshots.set(victim, { disk: victim.snapshot(), memberId });
      return false;
    }
    if (!budget.mayDamage(victim)) return false;
    this.#snapshots.delete(victim);
    victim.restore(snapshot.disk);
    victim.damage = 'amnesia';
    operator.onDown(victim);
    return true;
  }

  #transfer(): boolean {
    const { cluster, random } = this.#context;
    const { configuration } = cluster.invariants;
    if (configuration === undefined || cluster.leader === undefined) return false;
    const target = random.chance(0.5) ? random.pick(votersOf(configuration)).id : undefined;
    cluster.leader.process?.command(target === undefined ? { kind: 'resign' } : { kind: 'resign', target });
    return true;
  }

  #change(kind: 'remove' | 'promote' | 'demote' | 'resize'): boolean {
    const { cluster, random, budget } = this.#context;
    const { configuration } = cluster.invariants;
    const leader = cluster.leader?.process;
    if (configuration === undefined || leader === undefined || !budget.mayChangeMembership()) return false;
    const isLowOnVoters = votersOf(configuration).length <= VOTERS_MIN;
    if (isLowOnVoters && (kind === 'remove' || kind === 'demote')) return false;
    const member = random.pick(configuration.members);
    const change = this.#changeOf(kind, member);
    budget.changeAsked();
    leader.command({ kind: 'change', request: ++this.#request, change });
    return true;
  }

  #changeOf(kind: 'remove' | 'promote' | 'demote' | 'resize', { id }: Member): MembershipChange {
    const { cluster, random } = this.#context;
    if (kind !== 'resize') return { kind, id };
    const voterNodes = cluster.nodes.filter((node) => node.role === 'voter').length;
    return { kind, clusterSize: random.between(Math.min(VOTERS_MIN, voterNodes), voterNodes) };
  }
}
