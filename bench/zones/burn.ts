/**
 * The leader's zone burns down while clients write: its processes are killed at a random instant, and nothing more enters or leaves it; what is on a link from
 * or to it at that instant is lost as well, which is the worst case. Counted is what was acknowledged before and is not there afterwards. Main thread.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../../src/base/errors.js';
import { type AckPolicy, connect } from '../../src/client/client.js';
import type { Random } from '../../src/sim/random.js';
import { randomSalt, streamName } from '../request-frames.js';
import { benchEvents } from '../ws-target.js';
import { nodeNamed, quorumOf, type Topology, votersIn } from './topology.js';
import type { ZoneCluster } from './zone-cluster.js';

export interface BurnPlan {
  readonly topology: Topology;
  readonly policy: AckPolicy;
  readonly writers: number;
  readonly eventBytes: number;
  readonly random: Random;
}

export interface Burn {
  readonly acknowledged: number;
  /** Acknowledged, and on none of the survivors as far as they go on with it. */
  readonly lost: number;
  /** From the fire until a survivor led; undefined if none could: no quorum was left. */
  readonly leaderlessMs: number | undefined;
}

/** The fire comes so long after the first write, and up to so much later. */
const BURN_AFTER_MS = { least: 300, more: 500 } as const;
/** Elections take some timeouts of a second. */
const ELECTION_MS_MAX = 30_000;
const ASK_MS = 20;

export async function burnLeaderZone(zones: ZoneCluster, plan: BurnPlan): Promise<Burn> {
  const { topology, random } = plan;
  const { zone } = nodeNamed(topology, topology.leader);
  const writing = await startWriting(zones, plan);
  await pause(BURN_AFTER_MS.least + random.fraction() * BURN_AFTER_MS.more);
  const burntMs = performance.now();
  await zones.burn(zone);
  const acknowledged = await writing.stop();
  const voters = votersIn(topology);
  const survivors = voters.filter((node) => node.zone !== zone);
  const count = [...acknowledged.values()].reduce((sum, { length }) => sum + length, 0);
  if (survivors.length < quorumOf(voters.length)) {
    // Nobody leads any more; what a survivor's disk has can be brought back by hand, all of it or up to there.
    const others = topology.nodes.filter((node) => node.zone !== zone);
    const durable = Math.max(0, ...(await Promise.all(others.map(({ name }) => zones.durableOf(name)))));
    const lost = [...acknowledged.values()].flat().filter((position) => position >= durable).length;
    return { acknowledged: count, lost, leaderlessMs: undefined };
  }
  const leader = await untilOneLeads(
    zones,
    survivors.map(({ name }) => name),
  );
  const leaderlessMs = performance.now() - burntMs;
  return { acknowledged: count, lost: await missing(zones.directUrl(leader), acknowledged), leaderlessMs };
}

/** Stream → the positions of its events that were acknowledged, in order. */
type Acknowledged = ReadonlyMap<string, readonly number[]>;

interface Writing {
  /** Ends all writers; what is unanswered then is not acknowledged. */
  stop(): Promise<Acknowledged>;
}

async function startWriting(
  zones: ZoneCluster,
  { topology, policy, writers, eventBytes }: BurnPlan,
): Promise<Writing> {
  const client = await connect(zones.clientUrl(topology.leader), {
    reconnect: false,
    discover: false,
    requestTimeoutMs: 2000,
  });
  const event = benchEvents(1, eventBytes)[0]!;
  const salt = randomSalt();
  const acknowledged = new Map<string, number[]>();
  const state = { isOver: false };
  const write = async (stream: string) => {
    const positions: number[] = [];
    acknowledged.set(stream, positions);
    while (!state.isOver) {
      const { position } = await client.append(stream, event, { ackPolicy: policy });
      if (!state.isOver) positions.push(position);
    }
  };
  const all = Array.from({ length: writers }, (_, index) =>
    write(streamName(salt, index)).catch(untilBroken),
  );
  // The first answer of each: connections are warm, and the fire finds all of them at work.
  while ([...acknowledged.values()].some((positions) => positions.length === 0)) await pause(1);
  return {
    stop: async () => {
      state.isOver = true;
      await client.close();
      await Promise.all(all);
      return acknowledged;
    },
  };
}

/** A fire breaks connections: that ends a writer. */
function untilBroken(error: unknown): void {
  if (!(error instanceof CairnError)) throw error;
}

async function untilOneLeads(zones: ZoneCluster, names: readonly string[]): Promise<string> {
  const deadlineMs = performance.now() + ELECTION_MS_MAX;
  for (;;) {
    for (const name of names) if (await zones.leads(name)) return name;
    if (performance.now() > deadlineMs)
      throw new CairnError('timeout', `no survivor led within ${ELECTION_MS_MAX / 1000} s of the fire`);
    await pause(ASK_MS);
  }
}

/** How many of them are not in the log of who leads now. Each stream was written one event after the other. */
async function missing(url: string, acknowledged: Acknowledged): Promise<number> {
  const client = await connect(url, { discover: false });
  try {
    let lost = 0;
    for (const [stream, positions] of acknowledged) {
      const info = await client.streamInfo(stream, { consistency: 'linearizable' });
      const present = info === undefined ? 0 : info.revision + 1;
      lost += Math.max(0, positions.length - present);
    }
    return lost;
  } finally {
    await client.close();
  }
}
