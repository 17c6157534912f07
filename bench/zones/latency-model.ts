/**
 * How long a write takes from a client's request to its answer, by drawing it many times (Monte Carlo). Pure, from a seed. What is modelled is one
 * write at a time, as Cairn does it: the leader's disk and the ranges to all followers go at the same time, a follower acks what
 * its own disk has, and the answer leaves when the ack policy is met, never before the leader's own disk is done unless the policy says so.
 */
import type { AckPolicy } from '../../src/cluster/ack-policy.js';
import { Random } from '../../src/sim/random.js';
import { logNormal, percentileOf, rising } from './distribution.js';
import { transitMs, transmissionMs } from './link-shape.js';
import { linkOf, nodeNamed, quorumOf, type Topology, type TopologyNode, votersIn } from './topology.js';

/** What one write costs besides the links, in ms. */
export interface WriteCosts {
  /** In the client. */
  readonly client: number;
  /** At the leader: from the request until its own disk is done and an answer could leave. */
  readonly local: number;
  /** At the leader: from the ack that decides until the answer has left. */
  readonly after: number;
  /** For each follower, by its place in {@link ModelInput.followers}. */
  readonly followers: readonly FollowerCosts[];
}

export interface FollowerCosts {
  /** At the leader: from the request until the range has left for it. */
  readonly before: number;
  /** At the follower: from the range until its ack has left. */
  readonly follower: number;
}

/** Draws the costs of a write as a whole: what happens at the same time on one machine is not independent. `policy`: what the write waits for. */
export type DrawCosts = (random: Random, policy: AckPolicy) => WriteCosts;

export interface ModelInput {
  readonly topology: Topology;
  readonly costs: DrawCosts;
  /** Of a request, and of a range. */
  readonly messageBytes: number;
}

export interface ModelOptions {
  readonly policy: AckPolicy;
  readonly draws: number;
  readonly seed: number;
}

export interface Prediction {
  /** Rising, ms. */
  readonly latenciesMs: Float64Array;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Who was waited for last, as a share of all writes: a node's name; the leader's means its own disk. */
  readonly decidedBy: ReadonlyMap<string, number>;
}

/** An ack, and an answer, are this long on the wire. */
const SMALL_BYTES = 128;

/** The voters that don't lead, in the order in which {@link WriteCosts.followers} has them. */
export function followersIn(topology: Topology): readonly TopologyNode[] {
  return votersIn(topology).filter(({ name }) => name !== topology.leader);
}

/** What the figures of a topology file say: a node's disk, and half of its processing before and half after the disk or the followers. */
export function costsFromFigures(topology: Topology): DrawCosts {
  const leader = nodeNamed(topology, topology.leader);
  const half = leader.processingMs / 2;
  const disk = logNormal(leader.diskMs.p50, leader.diskMs.p99);
  const followers = followersIn(topology).map((node) => {
    return { processingMs: node.processingMs, disk: logNormal(node.diskMs.p50, node.diskMs.p99) };
  });
  return (random) => ({
    client: 0,
    local: half + disk(random) + half,
    after: half,
    followers: followers.map(({ processingMs, disk }) => ({
      before: half,
      follower: processingMs + disk(random),
    })),
  });
}

/** Undefined if this placement can't meet the policy: quorum-and-zone within a single zone. */
export function predict(input: ModelInput, { policy, draws, seed }: ModelOptions): Prediction | undefined {
  const write = new WriteModel(input, policy);
  if (!write.canBeMet) return undefined;
  const random = new Random(seed);
  const latencies = new Float64Array(draws);
  const decided = new Map<string, number>();
  for (let draw = 0; draw < draws; draw++) {
    latencies[draw] = write.draw(random);
    decided.set(write.decidedBy, (decided.get(write.decidedBy) ?? 0) + 1 / draws);
  }
  const sorted = rising(latencies);
  return {
    latenciesMs: sorted,
    p50Ms: percentileOf(sorted, 50),
    p99Ms: percentileOf(sorted, 99),
    decidedBy: new Map([...decided].sort(([, a], [, b]) => b - a)),
  };
}

interface Arrival {
  readonly name: string;
  readonly isInOtherZone: boolean;
  ms: number;
}

class WriteModel {
  decidedBy = '';
  readonly canBeMet: boolean;
  readonly #input: ModelInput;
  readonly #policy: AckPolicy;
  readonly #leader: TopologyNode;
  readonly #followers: readonly TopologyNode[];
  /** Reused for each draw: as the followers stand, and in the order of their acks. */
  readonly #arrivals: readonly Arrival[];
  readonly #inOrder: Arrival[];

  constructor(input: ModelInput, policy: AckPolicy) {
    this.#input = input;
    this.#policy = policy;
    this.#leader = nodeNamed(input.topology, input.topology.leader);
    this.#followers = followersIn(input.topology);
    this.#arrivals = this.#followers.map(({ name, zone }) => {
      return { name, isInOtherZone: zone !== this.#leader.zone, ms: 0 };
    });
    this.#inOrder = [...this.#arrivals];
    this.canBeMet = policy !== 'quorum-and-zone' || this.#arrivals.some(({ isInOtherZone }) => isInOtherZone);
  }

  /** Milliseconds of one write; {@link decidedBy} says who came last. */
  draw(random: Random): number {
    const { topology, messageBytes, costs } = this.#input;
    const write = costs(random, this.#policy);
    const there = this.#onLink(topology.client, this.#leader.zone, messageBytes, random);
    const back = this.#onLink(this.#leader.zone, topology.client, SMALL_BYTES, random);
    return write.client + there + this.#atLeader(write, random) + back;
  }

  #atLeader({ local, followers, after }: WriteCosts, random: Random): number {
    this.decidedBy = this.#leader.name;
    if (this.#policy === 'leader' || this.#followers.length === 0) return local;
    this.#followers.forEach(({ zone }, index) => {
      const out = this.#onLink(this.#leader.zone, zone, this.#input.messageBytes, random);
      const home = this.#onLink(zone, this.#leader.zone, SMALL_BYTES, random);
      const { before, follower } = followers[index]!;
      this.#arrivals[index]!.ms = before + out + follower + home;
    });
    const last = this.#lastNeeded();
    const remote = last.ms + after;
    if (remote <= local) return local;
    this.decidedBy = last.name;
    return remote;
  }

  /** The ack that the policy waits for longest. */
  #lastNeeded(): Arrival {
    const arrivals = this.#inOrder.sort((a, b) => a.ms - b.ms);
    if (this.#policy === 'all') return arrivals.at(-1)!;
    // Its own disk is one of the quorum.
    const quorum = arrivals[quorumOf(arrivals.length + 1) - 2]!;
    if (this.#policy === 'quorum') return quorum;
    const elsewhere = arrivals.find(({ isInOtherZone }) => isInOtherZone)!;
    return elsewhere.ms > quorum.ms ? elsewhere : quorum;
  }

  #onLink(from: string, to: string, bytes: number, random: Random): number {
    const link = linkOf(this.#input.topology, from, to);
    return transmissionMs(link, bytes) + transitMs(link, random);
  }
}
