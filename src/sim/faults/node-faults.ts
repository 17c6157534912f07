/** What can go wrong with a node, its disk and its clocks: each function begins one fault on a random victim. Pure. */
import type { SimNode } from '../node/sim-node.js';
import type { FaultBudget } from './fault-budget.js';
import type { FAULT_KINDS } from './fault-plan.js';
import { durationMs, type FaultContext } from './network-faults.js';
import type { Operator } from './operator.js';

export type NodeFaultKind = (typeof FAULT_KINDS)['crash' | 'disk' | 'clock'][number];

export interface NodeFaultContext extends FaultContext {
  readonly budget: FaultBudget;
  readonly operator: Operator;
}

const STEPS_MAX = 40;
/** A start takes some dozens, the rest is what it does first. */
const STEPS_AFTER_START_MAX = 120;
const STEPS_OF_CATCH_UP_MAX = 10;
const SLOW_MS_MAX = 800;
const JUMP_US_MAX = 30 * 86_400_000_000;
/** A bad quartz is off by a hundred parts per million; a virtual machine under load by much more. */
const DRIFT_MAX = 0.1;
/** What is left on a full disk: from nothing to a chunk. */
const SPACE_LEFT_MAX = 100_000;

/** Begins the fault; false if there was nobody to hit, or the budget doesn't allow it. */
export function beginNodeFault(kind: NodeFaultKind, context: NodeFaultContext): boolean {
  const { random, cluster } = context;
  if (kind === 'crash-all') return crashAll(context);
  const up = cluster.nodes.filter((node) => node.isUp);
  if (up.length === 0) return false;
  // Leaders are hit more often than their share: most goes wrong there.
  const victim = random.chance(0.4) ? (cluster.leader ?? random.pick(up)) : random.pick(up);
  return hit(kind, victim, context);
}

function hit(kind: Exclude<NodeFaultKind, 'crash-all'>, victim: SimNode, context: NodeFaultContext): boolean {
  const { random, active, operator } = context;
  switch (kind) {
    case 'crash':
      victim.crash(random.chance(0.7) ? 'torn' : 'lose-all');
      operator.onDown(victim);
      return true;
    case 'kill':
      victim.crash('keep-all');
      operator.onDown(victim);
      return true;
    case 'crash-step':
      victim.crashAtStep(random.below(STEPS_MAX));
      return true;
    case 'crash-again':
      victim.crash('keep-all');
      victim.crashAfterStart(
        random.chance(0.5)
          ? { operations: random.below(STEPS_AFTER_START_MAX), whileCatchingUp: false }
          : { operations: random.below(STEPS_OF_CATCH_UP_MAX), whileCatchingUp: true },
      );
      operator.onDown(victim);
      return true;
    case 'pause':
      victim.pause();
      active.add(durationMs(random), () => victim.resume());
      return true;
    case 'sync-error':
      victim.disk.failNextSync = true;
      return true;
    case 'full-disk':
      fill(victim, context);
      return true;
    case 'slow-disk':
      victim.speed.latencyMaxMs = random.between(5, SLOW_MS_MAX);
      active.add(durationMs(random), () => victim.healSpeed());
      return true;
    case 'drift':
      victim.clock.drift(context.cluster.queue.nowMs, 1 + (random.fraction() * 2 - 1) * DRIFT_MAX);
      active.add(durationMs(random), () => victim.clock.drift(context.cluster.queue.nowMs, 1));
      return true;
    case 'jump':
      victim.clock.jump((random.fraction() * 2 - 1) * JUMP_US_MAX);
      return true;
    default:
      return damage(kind, victim, context);
  }
}

function crashAll({ cluster, random, operator }: NodeFaultContext): boolean {
  for (const node of cluster.nodes) {
    if (!node.isUp) continue;
    node.crash(random.chance(0.7) ? 'torn' : 'lose-all');
    operator.onDown(node);
  }
  return true;
}

function fill({ disk }: SimNode, { active, random }: NodeFaultContext): void {
  disk.spaceBytes = disk.usedBytes + random.below(SPACE_LEFT_MAX);
  active.add(durationMs(random), () => {
    disk.spaceBytes = Number.POSITIVE_INFINITY;
  });
}

/** What leaves a disk with other content than its node believes. */
function damage(
  kind: 'bit-flip' | 'misdirected' | 'lost-write' | 'lying',
  victim: SimNode,
  { budget, operator, random }: NodeFaultContext,
): boolean {
  if (!budget.mayDamage(victim)) return false;
  const { disk } = victim;
  switch (kind) {
    case 'bit-flip':
      if (disk.flipRandomBit(() => true) === undefined) return false;
      victim.damage = 'rot';
      break;
    case 'misdirected':
      disk.misdirectNextWrite = true;
      victim.damage = 'amnesia';
      break;
    case 'lost-write':
      disk.loseNextWrite = true;
      victim.damage = 'amnesia';
      break;
    case 'lying':
      disk.lying = true;
      victim.damage = 'amnesia';
      break;
  }
  // Often a crash brings it to light.
  if (random.chance(0.5)) victim.crashAtStep(random.below(STEPS_MAX));
  operator.onDoubt(victim);
  return true;
}
