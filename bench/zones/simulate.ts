/**
 * `cairn zones simulate`: real nodes on this machine, links as in the topology, a client in its zone; the time of each write by ack policy, beside what the
 * model says. What this machine itself takes is measured first, on even links. Main thread.
 */

import { type Client, connect } from '../../src/client/client.js';
import type { AckPolicy } from '../../src/cluster/ack-policy.js';
import { GRACE_MS } from '../load.js';
import { withScratchFolder } from '../scratch-folder.js';
import { percentileOf } from './distribution.js';
import { followersIn, type ModelInput, predict } from './latency-model.js';
import {
  type Commit,
  commitsOf,
  costsOf,
  drawsOf,
  type MeasuredCosts,
  mergedCosts,
  messagesPerWrite,
  type Run,
} from './stages.js';
import type { Topology } from './topology.js';
import { latenciesMs, WriteLoop } from './write-loop.js';
import { evenLinks, ZoneCluster } from './zone-cluster.js';
import type { ZoneRun } from './zone-flags.js';

export interface SimulateOptions extends ZoneRun {
  readonly topology: Topology;
  readonly policies: readonly AckPolicy[];
}

/** One policy, measured and predicted. Times in ms. */
export interface PolicyResult {
  readonly policy: AckPolicy;
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The lowest and the highest median of a round: what the machine does to a median. */
  readonly spreadMs: readonly [number, number];
  readonly predictedP50Ms: number;
  readonly predictedP99Ms: number;
  /** (predicted - measured) / measured, of the medians. */
  readonly p50Error: number;
  readonly messagesPerWrite: number;
  readonly latenciesMs: Float64Array;
  readonly predictedMs: Float64Array;
  /** One write of the median length. */
  readonly example: Commit | undefined;
}

export interface SimulationReport {
  readonly topology: Topology;
  readonly costs: MeasuredCosts;
  readonly results: readonly PolicyResult[];
}

/** For this machine's own costs: near enough to zones, and far enough that nodes don't want the processors at the same time. */
const CALIBRATION_DELAY_MS = 1;
/** Short against what other work on a machine lasts; a policy's time is made of such slices, between those of the others. */
const SLICE_SECONDS = 0.2;
/** Where a write takes a tenth of a second a slice is longer. */
const SLICE_WRITES_MIN = 5;
const ROUNDS_MIN = 4;
const CLIENT = {
  name: 'cairn zones',
  reconnect: false,
  discover: false,
  requestTimeoutMs: GRACE_MS,
} as const;
const DRAWS = 20_000;

/** Throws `CairnError` if the nodes don't start, or an append fails. */
export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const { topology, syncMode, seed, progress } = options;
  return await withScratchFolder(options.directory, async (folder) => {
    progress(`starting ${topology.nodes.length} nodes`);
    const zones = await ZoneCluster.start({ topology, folder, syncMode, seed });
    try {
      const url = zones.clientUrl(topology.leader);
      const client = await connect(url, CLIENT);
      try {
        return await new Simulation(zones, client, options).run();
      } finally {
        await client.close();
      }
    } finally {
      await zones.stop();
    }
  });
}

class Simulation {
  readonly #zones: ZoneCluster;
  readonly #options: SimulateOptions;
  readonly #lone: WriteLoop;
  readonly #loop: WriteLoop;
  readonly #rounds: number;

  constructor(zones: ZoneCluster, client: Client, options: SimulateOptions) {
    this.#zones = zones;
    this.#options = options;
    this.#lone = new WriteLoop(client, 1, options.eventBytes);
    this.#loop = new WriteLoop(client, options.writers, options.eventBytes);
    this.#rounds = Math.max(ROUNDS_MIN, Math.round(options.seconds / SLICE_SECONDS));
  }

  /** In turn, again and again: a machine's mood then falls upon all of them alike. */
  async run(): Promise<SimulationReport> {
    const { topology, policies, progress, signal } = this.#options;
    const runs = policies.map((): Run[] => []);
    const costs: MeasuredCosts[] = [];
    const isOver = () => signal?.aborted === true;
    // The first round warms everything up, and does not count.
    for (let round = 0; round <= this.#rounds && !isOver(); round++) {
      progress(`round ${round} of ${this.#rounds}`);
      const own = await this.#calibrate();
      if (round > 0) costs.push(own);
      await this.#zones.setLinks(topology.links);
      for (const [index, policy] of policies.entries()) {
        const run = isOver() ? undefined : await this.#slice(this.#loop, policy);
        if (run !== undefined && round > 0) runs[index]!.push(run);
      }
    }
    const merged = mergedCosts(costs);
    const results = policies.map((policy, index) =>
      resultOf({ policy, runs: runs[index]!, costs: merged, options: this.#options }),
    );
    return { topology, costs: merged, results: results.filter((result) => result !== undefined) };
  }

  async #calibrate(): Promise<MeasuredCosts> {
    const { topology } = this.#options;
    await this.#zones.setLinks(evenLinks(topology, CALIBRATION_DELAY_MS));
    const leader = await this.#slice(this.#lone, 'leader');
    const all = await this.#slice(this.#lone, 'all');
    return costsOf(
      leader,
      all,
      followersIn(topology).map(({ name }) => name),
    );
  }

  async #slice(loop: WriteLoop, policy: AckPolicy): Promise<Run> {
    const plan = {
      policy,
      seconds: SLICE_SECONDS,
      writesMin: SLICE_WRITES_MIN,
      signal: this.#options.signal,
    };
    const writes = await loop.run(plan, () => this.#zones.record());
    return { writes, passages: await this.#zones.recorded() };
  }
}

interface Measured {
  readonly policy: AckPolicy;
  readonly runs: readonly Run[];
  readonly costs: MeasuredCosts;
  readonly options: SimulateOptions;
}

function resultOf({ policy, runs, costs, options }: Measured): PolicyResult | undefined {
  const input = modelInput(options.topology, costs, options.eventBytes);
  const predicted = predict(input, { policy, draws: DRAWS, seed: options.seed });
  const writes = runs.flatMap((run) => run.writes);
  if (predicted === undefined || writes.length === 0) return undefined;
  const sorted = latenciesMs(writes);
  const p50Ms = percentileOf(sorted, 50);
  const passages = runs.flatMap((run) => run.passages);
  const commits = commitsOf(passages);
  const medians = runs.map((run) => percentileOf(latenciesMs(run.writes), 50));
  return {
    policy,
    writes: writes.length,
    p50Ms,
    p99Ms: percentileOf(sorted, 99),
    spreadMs: [Math.min(...medians), Math.max(...medians)],
    predictedP50Ms: predicted.p50Ms,
    predictedP99Ms: predicted.p99Ms,
    p50Error: (predicted.p50Ms - p50Ms) / p50Ms,
    messagesPerWrite: messagesPerWrite(passages, commits.length),
    latenciesMs: sorted,
    predictedMs: predicted.latenciesMs,
    example: options.writers === 1 ? nearestTo(commits, p50Ms) : undefined,
  };
}

/** What is sent besides an event's data: names, ids, headers, on the way to the leader and from there on. */
const MESSAGE_OVERHEAD_BYTES = 200;

/** A model of this machine behind the topology's links. */
export function modelInput(topology: Topology, costs: MeasuredCosts, eventBytes: number): ModelInput {
  return { topology, costs: drawsOf(costs), messageBytes: eventBytes + MESSAGE_OVERHEAD_BYTES };
}

/** The write that took most nearly so long. */
function nearestTo(commits: readonly Commit[], ms: number): Commit | undefined {
  const distance = ({ append, appended }: Commit) => Math.abs(appended.leftMs - append.enteredMs - ms);
  return commits.reduce<Commit | undefined>(
    (best, commit) => (best === undefined || distance(commit) < distance(best) ? commit : best),
    undefined,
  );
}
