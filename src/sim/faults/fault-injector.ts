/**
 * Makes faults happen: while it is on, each kind of the plan comes at random times with its own rate; when it is switched off, all that can
 * heal heals. Pure.
 */

import { GOOD_NETWORK } from '../network.js';
import type { Random } from '../random.js';
import { ActiveFaults } from './active-faults.js';
import { FAULT_KINDS, type FaultKind, type FaultPlan } from './fault-plan.js';
import { type MembershipFaultKind, MembershipFaults } from './membership-faults.js';
import { beginNetworkFault, type NetworkFaultKind } from './network-faults.js';
import { beginNodeFault, type NodeFaultContext } from './node-faults.js';

const MS_PER_SECOND = 1000;

export class FaultInjector {
  /** How many have begun. */
  count = 0;
  readonly #plan: FaultPlan;
  readonly #context: NodeFaultContext;
  readonly #membership: MembershipFaults;
  readonly #random: Random;
  /** Grows when it is switched on or off: what was scheduled before is void. */
  #period = 0;

  constructor(plan: FaultPlan, context: NodeFaultContext) {
    this.#plan = plan;
    this.#context = context;
    this.#membership = new MembershipFaults(context);
    this.#random = context.random;
  }

  get isEmpty(): boolean {
    return this.#plan.perSecond.size === 0;
  }

  begin(): void {
    const period = ++this.#period;
    for (const [kind, perSecond] of this.#plan.perSecond) this.#schedule(kind, perSecond, period);
  }

  /** The calm: nothing new happens, and what goes on ends. */
  end(): void {
    this.#period++;
    const { cluster, active } = this.#context;
    active.healAll();
    cluster.network.quality = GOOD_NETWORK;
    for (const node of cluster.nodes) {
      const { disk } = node;
      node.crashAfterStart(undefined);
      disk.beforeChange = undefined;
      disk.failNextSync = false;
      disk.misdirectNextWrite = false;
      disk.loseNextWrite = false;
    }
  }

  #schedule(kind: FaultKind, perSecond: number, period: number): void {
    const { queue } = this.#context.cluster;
    // Exponentially distributed: independent of what has happened.
    const delayMs = (-Math.log(1 - this.#random.fraction()) / perSecond) * MS_PER_SECOND;
    queue.after(delayMs, () => {
      if (period !== this.#period) return;
      this.#inject(kind);
      this.#schedule(kind, perSecond, period);
    });
  }

  #inject(kind: FaultKind): void {
    const { trace, queue } = this.#context.cluster;
    trace.note(queue.nowMs, '', `fault-${kind}`);
    if (this.#begin(kind)) this.count++;
  }

  #begin(kind: FaultKind): boolean {
    if (isOf('network', kind)) {
      beginNetworkFault(kind, this.#context);
      return true;
    }
    if (isOf('membership', kind)) return this.#membership.begin(kind);
    return beginNodeFault(kind, this.#context);
  }
}

function isOf(group: 'network', kind: FaultKind): kind is NetworkFaultKind;
function isOf(group: 'membership', kind: FaultKind): kind is MembershipFaultKind;
function isOf(group: 'network' | 'membership', kind: FaultKind): boolean {
  return (FAULT_KINDS[group] as readonly FaultKind[]).includes(kind);
}

/** What the injector needs is made here, so that everything that happens draws from one stream. */
export function makeContext(parts: Omit<NodeFaultContext, 'active'>): NodeFaultContext {
  return { ...parts, active: new ActiveFaults(parts.cluster.queue) };
}
