/**
 * `cairn zones compare`: ways to replicate on one topology, each with real nodes: what a write takes and how many messages it needs, and what is lost when the leader's
 * zone burns down. Main thread.
 */
import { connect } from '../../src/client/client.js';
import { Random } from '../../src/sim/random.js';
import { GRACE_MS } from '../load.js';
import { withScratchFolder } from '../scratch-folder.js';
import { median } from '../statistics/spread.js';
import { type Burn, burnLeaderZone } from './burn.js';
import { percentileOf } from './distribution.js';
import type { ReplicationStyle } from './replication-styles.js';
import { commitsOf, messagesPerWrite } from './stages.js';
import { latenciesMs, WriteLoop } from './write-loop.js';
import { ZoneCluster } from './zone-cluster.js';
import type { ZoneRun } from './zone-flags.js';

/** `writers` write when the zone burns; before, what is timed is one write after the other. */
export interface CompareOptions extends ZoneRun {
  readonly styles: readonly ReplicationStyle[];
  /** How often the zone burns, each time on a cluster of its own. */
  readonly burns: number;
}

export interface StyleResult {
  readonly style: string;
  readonly means: string;
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly messagesPerWrite: number;
  readonly burns: readonly Burn[];
  readonly acknowledged: number;
  readonly lost: number;
  /** Median of the burns; undefined if nobody could lead. */
  readonly leaderlessMs: number | undefined;
}

const WRITES_MIN = 20;

/** Each result as it is ready. */
export async function compare(options: CompareOptions, tell: (result: StyleResult) => void): Promise<void> {
  for (const style of options.styles) {
    if (options.signal?.aborted === true) return;
    const result = await withScratchFolder(options.directory, (folder) => runStyle(style, options, folder));
    if (result !== undefined) tell(result);
  }
}

async function runStyle(
  style: ReplicationStyle,
  options: CompareOptions,
  folder: string,
): Promise<StyleResult | undefined> {
  const { burns, progress, signal } = options;
  const random = new Random(options.seed);
  const fires: Burn[] = [];
  let measured: Awaited<ReturnType<typeof measureStyle>> | undefined;
  for (let burn = 0; burn < Math.max(1, burns) && signal?.aborted !== true; burn++) {
    progress(`${style.name}: cluster ${burn + 1} of ${Math.max(1, burns)}`);
    const { topology, policy } = style;
    const { syncMode, seed, writers, eventBytes } = options;
    const zones = await ZoneCluster.start({
      topology,
      folder: `${folder}/${burn}`,
      syncMode,
      seed: seed + burn,
    });
    try {
      await zones.setLinks(topology.links);
      measured ??= await measureStyle(zones, style, options);
      if (burns > 0)
        fires.push(await burnLeaderZone(zones, { topology, policy, writers, eventBytes, random }));
    } finally {
      await zones.stop();
    }
  }
  if (measured === undefined) return undefined;
  const leaderless = fires.map(({ leaderlessMs }) => leaderlessMs).filter((ms) => ms !== undefined);
  return {
    style: style.name,
    means: style.means,
    ...measured,
    burns: fires,
    acknowledged: fires.reduce((sum, fire) => sum + fire.acknowledged, 0),
    lost: fires.reduce((sum, fire) => sum + fire.lost, 0),
    leaderlessMs: leaderless.length === 0 ? undefined : median(leaderless),
  };
}

async function measureStyle(
  zones: ZoneCluster,
  { topology, policy, rounds }: ReplicationStyle,
  options: CompareOptions,
) {
  const { seconds, eventBytes, signal } = options;
  const settings = { reconnect: false, discover: false, requestTimeoutMs: GRACE_MS } as const;
  const client = await connect(zones.clientUrl(topology.leader), settings);
  try {
    const loop = new WriteLoop(client, 1, eventBytes, rounds);
    const writes = await loop.run({ policy, seconds, writesMin: WRITES_MIN, signal }, () => zones.record());
    const passages = await zones.recorded();
    const sorted = latenciesMs(writes);
    const appends = commitsOf(passages).length;
    return {
      writes: writes.length,
      p50Ms: percentileOf(sorted, 50),
      p99Ms: percentileOf(sorted, 99),
      messagesPerWrite: messagesPerWrite(passages, appends / rounds),
    };
  } finally {
    await client.close();
  }
}
