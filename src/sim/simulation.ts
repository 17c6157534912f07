/**
 * A run, from its seed to its verdict: a cluster is founded, times of faults alternate with times of calm, and everything is checked as it
 * happens. Pure. In each calm writes must be accepted again within a bound; at the end everybody must have the same log, and what clients were
 * told must be strictly serializable. The first broken promise ends the run.
 */
import { AssertionFailure } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { votersOf } from '../cluster/configuration.js';
import { BrokenPromise } from './checks/broken-promise.js';
import { checkHistory } from './checks/history-checker.js';
import { FaultBudget } from './faults/fault-budget.js';
import { FaultInjector, makeContext } from './faults/fault-injector.js';
import { drawPlan } from './faults/fault-plan.js';
import { Operator } from './faults/operator.js';
import type { SimNode } from './node/sim-node.js';
import { describeCluster, SimCluster } from './sim-cluster.js';
import type { SimulationOptions, SimulationResult, SimulationStats, Violation } from './simulation-result.js';
import { FOUNDING_BOUND_MS, RECOVERY_BOUND_MS, REPAIR_BOUND_MS, SETTLE_BOUND_MS } from './timing.js';

/** Times of faults last from an election to some. */
const TURBULENCE_MS_MIN = 500;
const TURBULENCE_MS_MAX = 4000;
const CALM_MS_MAX = 1500;
/** A run that doesn't come to an end is a bug, too. */
const EVENTS_MAX = 20_000_000;

/** Runs a seed. The same options give the same result, to the last byte. */
export function runSimulation(options: SimulationOptions): SimulationResult {
  return new Simulation(options).run();
}

class Simulation {
  readonly cluster: SimCluster;
  readonly #options: SimulationOptions;
  readonly #operator: Operator;
  readonly #injector: FaultInjector;
  #events = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const onDown = (node: SimNode, reason: unknown): void => {
      requireSound(node, reason);
      this.#operator.onDown(node);
    };
    this.cluster = new SimCluster({ ...options, onDown, onFenced: (node) => this.#operator.onDoubt(node) });
    const { random, nodes, invariants } = this.cluster;
    const dead = new Set<string>();
    const budget = new FaultBudget({ nodes, invariants, dead });
    this.#operator = new Operator({ cluster: this.cluster, budget, random: random.fork(), dead });
    const plan = drawPlan(options.faults, random.fork());
    const operator = this.#operator;
    this.#injector = new FaultInjector(
      plan,
      makeContext({ cluster: this.cluster, random: random.fork(), budget, operator }),
    );
  }

  run(): SimulationResult {
    const violations: Violation[] = [];
    try {
      this.#runPhases();
    } catch (error) {
      violations.push(this.#violationOf(error));
    }
    const { trace, queue } = this.cluster;
    return {
      seed: this.#options.seed,
      violations,
      traceHash: trace.hash,
      virtualMs: queue.nowMs,
      events: this.#events,
      stats: this.#stats(),
      lastEvents: violations.length > 0 ? trace.lines() : [],
    };
  }

  #runPhases(): void {
    const { queue, random } = this.cluster;
    this.cluster.start();
    this.#require(
      this.#runUntil(() => this.#isAcceptingSince(0), FOUNDING_BOUND_MS),
      'no cluster was founded',
    );
    const endMs = this.#options.virtualMs;
    while (queue.nowMs < endMs) {
      if (this.#injector.isEmpty) this.#runFor(endMs - queue.nowMs);
      else
        this.#turbulence(Math.min(endMs - queue.nowMs, random.between(TURBULENCE_MS_MIN, TURBULENCE_MS_MAX)));
      this.#recover();
      if (queue.nowMs < endMs) this.#runFor(random.below(CALM_MS_MAX));
    }
    this.#settle();
    this.#checkHistory();
  }

  #turbulence(lengthMs: number): void {
    this.#operator.endCalm();
    this.#injector.begin();
    this.#runFor(lengthMs);
    this.#injector.end();
  }

  /** All faults have ended, and a majority is whole: writes must be accepted before long. */
  #recover(): void {
    const { cluster } = this;
    const sinceMs = cluster.queue.nowMs;
    this.#operator.calmDown();
    const isAccepting = this.#runUntil(() => this.#isAcceptingSince(sinceMs), RECOVERY_BOUND_MS);
    this.#require(isAccepting, `no write was accepted for ${RECOVERY_BOUND_MS} ms of calm`);
  }

  /** Where nobody asks for anything, a leader will do. */
  #isAcceptingSince(timeMs: number): boolean {
    const { cluster } = this;
    return this.#options.clients === 0 ? cluster.leader !== undefined : cluster.acceptedSinceMs > timeMs;
  }

  /** What was lost is replaced, clients come to an end, and everybody gets everything. */
  #settle(): void {
    const { cluster } = this;
    const isRepaired = this.#runUntil(() => this.#operator.isDone && this.#isComplete(), REPAIR_BOUND_MS);
    this.#require(isRepaired, 'the cluster does not become whole again');
    cluster.stopClients();
    this.#require(
      this.#runUntil(() => cluster.areClientsDone, REPAIR_BOUND_MS),
      'a client waits forever',
    );
    this.#require(
      this.#runUntil(() => this.#isEven(), SETTLE_BOUND_MS),
      'a node does not catch up',
    );
  }

  /** Whether as many live voters as there should be are voters, and every node that runs is a member. */
  #isComplete(): boolean {
    const { nodes, invariants } = this.cluster;
    const { configuration } = invariants;
    if (configuration === undefined) return false;
    const live = new Set(nodes.map((node) => node.memberId));
    const voters = votersOf(configuration);
    const candidates = nodes.filter((node) => node.role === 'voter').length;
    const isStaffed = voters.length >= Math.min(configuration.clusterSize, candidates);
    const areMembers = nodes.every((node) => configuration.members.some(({ id }) => id === node.memberId));
    return isStaffed && areMembers && voters.every(({ id }) => live.has(id));
  }

  /** Whether all logs are the same, and everybody knows that all of it is committed. */
  #isEven(): boolean {
    const { nodes, committedLog } = this.cluster;
    return nodes.every(({ process }) => {
      if (process?.hasLog !== true) return false;
      const { commit, role } = process;
      const isInPlace = role === 'leader' || role === 'following';
      return isInPlace && process.log.end.position === committedLog.end && commit === committedLog.end;
    });
  }

  #checkHistory(): void {
    const { history, committedLog } = this.cluster;
    const { events, marks } = committedLog;
    const anomaly = checkHistory({ operations: history.operations, events, marks })[0];
    if (anomaly !== undefined) throw new BrokenPromise('history', `${anomaly.kind}: ${anomaly.message}`, '');
  }

  #runFor(lengthMs: number): void {
    this.#runUntil(() => false, lengthMs);
  }

  /** Goes on until something holds; false if that takes longer than it may. */
  #runUntil(holds: () => boolean, boundMs: number): boolean {
    const { queue } = this.cluster;
    const limitMs = queue.nowMs + boundMs;
    while (!holds()) {
      const event = queue.next(limitMs);
      if (event === undefined) return holds();
      event.run();
      this.#events++;
      if (this.#events > EVENTS_MAX)
        throw new BrokenPromise('liveness', 'the run does not come to an end', '');
    }
    return true;
  }

  #require(holds: boolean, message: string): void {
    if (!holds) throw new BrokenPromise('liveness', `${message}: ${describeCluster(this.cluster)}`, '');
  }

  #violationOf(error: unknown): Violation {
    const timeMs = this.cluster.queue.nowMs;
    if (error instanceof BrokenPromise) {
      const { invariant, message, node } = error;
      return { invariant, message, timeMs, node };
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const invariant = error instanceof AssertionFailure ? 'assertion' : 'exception';
    return { invariant, message: stack, timeMs, node: '' };
  }

  #stats(): SimulationStats {
    const { history, invariants, committedLog, acceptedCount } = this.cluster;
    const { operations } = history;
    const appends = operations.filter(({ kind }) => kind === 'append').length;
    return {
      elections: invariants.leaders.size,
      crashes: this.#operator.crashes,
      faults: this.#injector.count,
      messages: invariants.messages,
      appendsAccepted: acceptedCount,
      appendsAsked: appends,
      reads: operations.length - appends,
      committedBytes: committedLog.end,
      membershipChanges: invariants.membershipChanges,
      truncations: invariants.truncations,
    };
  }
}

/** What no fault has damaged is never taken for damaged: a crash leaves a log that can be recovered. */
function requireSound({ name, damage, disk }: SimNode, reason: unknown): void {
  const isCorrupt = reason instanceof CairnError && reason.code === 'log-corrupt';
  if (isCorrupt && damage === 'none' && !disk.lying)
    throw new BrokenPromise('recovery', reason.message, name);
}
