/**
 * Who looks after the simulated nodes: restarts what has died, and gives a new folder to what can't be trusted any more. Pure. An operator does
 * it sooner or later; in calm periods soon.
 */
import type { MemberId } from '../../cluster/configuration.js';
import type { SimNode } from '../node/sim-node.js';
import type { Random } from '../random.js';
import type { SimCluster } from '../sim-cluster.js';
import type { FaultBudget } from './fault-budget.js';

/** From a supervisor's restart at once to somebody who has to be woken up. */
const RESTART_MS_MIN = 20;
const RESTART_MS_MAX = 1500;
/** How long the operator waits before a node is wiped that is fenced, broken or damaged. */
const WIPE_MS_MAX = 2000;
const CALM_MS = 20;

export interface OperatorParts {
  readonly cluster: SimCluster;
  readonly budget: FaultBudget;
  readonly random: Random;
  /** Members whose folders are gone, and who'll never come back; the operator adds to it. */
  readonly dead: Set<MemberId>;
}

export class Operator {
  crashes = 0;
  wipes = 0;
  readonly #cluster: SimCluster;
  readonly #budget: FaultBudget;
  readonly #random: Random;
  /** Nodes that something is going to be done about. */
  readonly #attended = new Set<SimNode>();
  readonly #dead: Set<MemberId>;
  #isCalm = true;

  constructor({ cluster, budget, random, dead }: OperatorParts) {
    this.#cluster = cluster;
    this.#budget = budget;
    this.#random = random;
    this.#dead = dead;
  }

  /** From now on everything is put right as soon as possible. */
  calmDown(): void {
    this.#isCalm = true;
    for (const node of this.#cluster.nodes) if (this.#needsHelp(node)) this.#attend(node, CALM_MS);
  }

  endCalm(): void {
    this.#isCalm = false;
    this.#budget.renew();
  }

  /** The node's process has ended. */
  onDown(node: SimNode): void {
    this.crashes++;
    this.#attend(node, this.#delayMs(RESTART_MS_MIN, RESTART_MS_MAX));
  }

  /** Something is wrong with a node that runs: the core has fenced it, or a fault has damaged it. */
  onDoubt(node: SimNode): void {
    this.#attend(node, this.#delayMs(RESTART_MS_MIN, WIPE_MS_MAX));
  }

  /** The node's folder is lost. */
  loseFolder(node: SimNode): void {
    this.#wipe(node);
    this.onDown(node);
  }

  /** All that was wiped and restarted is up and nothing is left to do. */
  get isDone(): boolean {
    return this.#cluster.nodes.every((node) => !this.#needsHelp(node));
  }

  #needsHelp(node: SimNode): boolean {
    return !node.isUp || node.isLost;
  }

  #delayMs(low: number, high: number): number {
    return this.#isCalm ? CALM_MS : this.#random.between(low, high);
  }

  #attend(node: SimNode, delayMs: number): void {
    if (this.#attended.has(node) && !this.#isCalm) return;
    this.#attended.add(node);
    this.#cluster.queue.after(delayMs, () => {
      this.#attended.delete(node);
      this.#help(node);
    });
  }

  #help(node: SimNode): void {
    if (this.#mustWipe(node)) this.#wipe(node);
    if (!node.isUp) node.start();
  }

  #mustWipe(node: SimNode): boolean {
    if (node.isBroken || isFenced(node)) return true;
    if (node.damage === 'none') return false;
    // What rots is found by its checksums sooner or later; until then the node may go on. What is forgotten without a trace is
    // not found: such a node may only come back as itself where nothing hangs on its memory.
    if (this.#isCalm || node.isUp) return true;
    return node.damage === 'amnesia' && !this.#budget.mayForget(node);
  }

  #wipe(node: SimNode): void {
    this.wipes++;
    if (node.memberId !== undefined) this.#dead.add(node.memberId);
    node.disk.lying = false;
    node.wipe();
  }
}

function isFenced(node: SimNode): boolean {
  return node.process?.role === 'fenced';
}
