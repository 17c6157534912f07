/**
 * How much may be damaged at a time: so much that a majority's data always survives, and a cluster can always be made whole by its own
 * means. Pure. What crashes and comes back is not counted; what loses memory is, from the fault until the member that lost it has no vote
 * any more and everybody else has caught up.
 */
import { type Configuration, type MemberId, quorumOf, votersOf } from '../../cluster/configuration.js';
import type { Invariants } from '../checks/invariants.js';
import type { SimNode } from '../node/sim-node.js';

export interface FaultBudgetWorld {
  readonly nodes: readonly SimNode[];
  readonly invariants: Invariants;
  /** Members whose folders are gone. */
  readonly dead: ReadonlySet<MemberId>;
}

export class FaultBudget {
  readonly #world: FaultBudgetWorld;
  /** Whether the operator has asked for a change of the membership that may still begin: a paused leader takes its time. */
  #isChangeAsked = false;

  constructor(world: FaultBudgetWorld) {
    this.#world = world;
  }

  /** Whether this node may lose what it has on its disk, or be made to lie about it. */
  mayDamage(node: SimNode): boolean {
    const { nodes, dead } = this.#world;
    const configuration = this.#settled();
    if (configuration === undefined || node.isLost || this.#isChangeAsked) return false;
    const isLost = (id: MemberId): boolean =>
      dead.has(id) || nodes.some((other) => other.memberId === id && other.isLost);
    // Clones count as well: they may be voters soon.
    const lost = configuration.members.filter(({ id, role }) => role !== 'replica' && isLost(id));
    // Where there are more voters than there should be, the leader is about to take votes away.
    const voters = Math.min(votersOf(configuration).length, configuration.clusterSize);
    return lost.length + 1 <= (voters - 1) >> 1;
  }

  changeAsked(): void {
    this.#isChangeAsked = true;
  }

  /** A time of calm is over: what was asked for before it has long been done, or never will be. */
  renew(): void {
    this.#isChangeAsked = false;
  }

  /** Whether the operator may change the membership: not while members are missing that a smaller one would need. */
  mayChangeMembership(): boolean {
    const { nodes, dead } = this.#world;
    const configuration = this.#settled();
    if (configuration === undefined) return false;
    const isWell = (id: MemberId): boolean =>
      !dead.has(id) && nodes.some((node) => node.memberId === id && node.isUp && !node.isLost);
    return configuration.members.every(({ id }) => isWell(id));
  }

  /**
   * Whether a node that has forgotten something without knowing it may come back as itself: every majority that it is in needs somebody
   * else who has all that it may have forgotten.
   */
  mayForget(node: SimNode): boolean {
    const { nodes, invariants } = this.#world;
    const configuration = this.#settled();
    if (configuration === undefined || node.memberId === undefined) return false;
    const promised = Math.max(node.promisedEpoch, invariants.promisedBy(node.memberId));
    const others = votersOf(configuration).filter(({ id }) => id !== node.memberId);
    const lacking = others.filter(({ id }) => {
      const other = nodes.find((candidate) => candidate.memberId === id);
      return other === undefined || !this.#remembers(other, node, promised);
    });
    return lacking.length <= quorumOf(configuration) - 2;
  }

  #remembers(other: SimNode, node: SimNode, promisedEpoch: number): boolean {
    const { process } = other;
    if (process?.hasLog !== true || other.isLost) return false;
    return process.savedState.promisedEpoch >= promisedEpoch && process.log.durable >= node.logEnd;
  }

  /** The configuration, if it is committed and nobody has a later one. */
  #settled(): Configuration | undefined {
    const { nodes, invariants } = this.#world;
    const { configuration } = invariants;
    if (configuration === undefined) return undefined;
    const isLatest = nodes.every((node) => node.configurationVersion <= configuration.version);
    return isLatest ? configuration : undefined;
  }
}
