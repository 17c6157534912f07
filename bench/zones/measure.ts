/**
 * `cairn zones measure`: what commits of a live cluster wait for, from what its nodes tell at /info and /metrics within a while. Main thread. Nodes have to run with
 * ProfileWrites, and somebody has to write meanwhile; `writesPerSecond` does.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../../src/base/errors.js';
import { connect } from '../../src/client/client.js';
import {
  type Buckets,
  bucketsBetween,
  growth,
  type Metrics,
  parseMetrics,
} from '../statistics/metrics-text.js';
import { SteadyLoad } from '../steady-load.js';
import { percentileOf, rising } from './distribution.js';

export interface MeasureOptions {
  readonly urls: readonly string[];
  readonly seconds: number;
  /** 0: only what others write. */
  readonly writesPerSecond: number;
  readonly eventBytes: number;
  readonly signal: AbortSignal;
}

/** A member as it was seen. Times of histograms in seconds. */
export interface MemberMeasurement {
  readonly name: string;
  readonly zone: string;
  readonly role: string;
  readonly isLeader: boolean;
  /** From here, ms: the median round trip; undefined if it does not answer. */
  readonly roundTripMs: number | undefined;
  /** A batch's write and sync on its disk, on average, ms; undefined if it wrote none. */
  readonly diskMs: number | undefined;
  /** Of a follower: from when its range has left the leader until its ack is there. */
  readonly ack: Buckets | undefined;
}

export interface ClusterMeasurement {
  readonly leader: string;
  readonly members: readonly MemberMeasurement[];
  /** From publishing to the quorum. */
  readonly commit: Buckets;
  /** The leader's own disk: waiting for the writer, writing, syncing, hearing of it. Medians are not to be added up, but these come close. */
  readonly disk: ReadonlyMap<string, Buckets>;
}

interface NodeFacts {
  readonly name: string;
  readonly role: string;
  readonly leader: string | null;
  readonly members: readonly { readonly name: string; readonly zone: string; readonly role: string }[];
}

const ASK_TIMEOUT_MS = 5000;
const ROUND_TRIPS = 9;
const DISK_STAGES = ['wait', 'write', 'sync', 'notice'] as const;

/** Throws `CairnError`: nobody answers, nobody leads, nobody writes, or the leader does not profile writes. */
export async function measureCluster(options: MeasureOptions): Promise<ClusterMeasurement> {
  const { leader, members } = await findLeader(options.urls);
  const names = [leader, ...members.map(({ name }) => name).filter((name) => name !== leader)];
  const before = await scrapeAll(names);
  await writeMeanwhile(leader, options);
  const after = await scrapeAll(names);
  const [old, now] = [before.get(leader), after.get(leader)];
  if (old === undefined || now === undefined)
    throw new CairnError('timeout', `${leader} leads, and does not show its metrics`, { leader });
  const stage = (name: string) => bucketsBetween(old, now, 'cairn_write_stage_seconds', { stage: name });
  const commit = stage('quorum');
  if (commit === undefined) throw nothingSeen(now, leader);
  const disk = new Map(
    DISK_STAGES.flatMap((name) => {
      const buckets = stage(name);
      return buckets === undefined ? [] : [[name, buckets] as const];
    }),
  );
  const measured: MemberMeasurement[] = [];
  for (const { name, zone, role } of members) {
    const ack = bucketsBetween(old, now, 'cairn_replication_stage_seconds', {
      stage: 'follower',
      member: name,
    });
    const diskMs = diskOf(before.get(name), after.get(name));
    measured.push({
      name,
      zone,
      role,
      isLeader: name === leader,
      roundTripMs: await roundTrip(name),
      diskMs,
      ack,
    });
  }
  return { leader, members: measured, commit, disk };
}

function nothingSeen(metrics: Metrics, leader: string): CairnError {
  const isProfiled = [...metrics.keys()].some((series) => series.startsWith('cairn_write_stage_seconds'));
  if (isProfiled)
    return new CairnError(
      'timeout',
      `${leader} took no writes meanwhile: write something, or let --write do it`,
      { leader },
    );
  return new CairnError(
    'not-ready',
    `${leader} does not tell where the time of writes goes, or took none since its start: run the nodes with --profile-writes, and write something, or let --write do it`,
    { leader },
  );
}

async function findLeader(
  urls: readonly string[],
): Promise<{ leader: string; members: NodeFacts['members'] }> {
  for (const url of urls) {
    const facts = await ask(hostOf(url), '/info');
    if (facts === undefined) continue;
    const { node, leader, configuration } = JSON.parse(facts) as {
      node: string;
      leader?: string;
      configuration?: { members: NodeFacts['members'] };
    };
    if (leader === undefined || leader === null || configuration === undefined)
      throw new CairnError('no-leader', `${node} knows no leader`, { node });
    return { leader, members: configuration.members };
  }
  throw new CairnError('connection-refused', `none of these answers: ${urls.join(', ')}`);
}

async function writeMeanwhile(
  leader: string,
  { seconds, writesPerSecond, eventBytes, signal }: MeasureOptions,
): Promise<void> {
  if (writesPerSecond === 0) return await rest(seconds, signal);
  const client = await connect(leader);
  try {
    const load = new SteadyLoad(client, writesPerSecond, eventBytes);
    const window = load.window();
    await rest(seconds, signal);
    load.stop();
    await window.answered();
  } finally {
    await client.close();
  }
}

/** Ends early, and in order, when interrupted: what there is by then counts. */
async function rest(seconds: number, signal: AbortSignal): Promise<void> {
  await pause(seconds * 1000, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
}

async function scrapeAll(names: readonly string[]): Promise<ReadonlyMap<string, Metrics>> {
  const texts = await Promise.all(names.map(async (name) => [name, await ask(name, '/metrics')] as const));
  return new Map(
    texts.flatMap(([name, text]) => (text === undefined ? [] : [[name, parseMetrics(text)] as const])),
  );
}

function diskOf(before: Metrics | undefined, after: Metrics | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const of = (series: string) => growth(before, after, `cairn_writer_${series}`);
  const batches = of('flush_duration_seconds_count');
  if (batches === 0) return undefined;
  return ((of('flush_duration_seconds_sum') + of('write_duration_seconds_sum')) / batches) * 1000;
}

/** Of a request over a connection that is open. */
async function roundTrip(name: string): Promise<number | undefined> {
  const times: number[] = [];
  for (let trip = 0; trip <= ROUND_TRIPS; trip++) {
    const startMs = performance.now();
    if ((await ask(name, '/health/live')) === undefined) return undefined;
    if (trip > 0) times.push(performance.now() - startMs);
  }
  return percentileOf(rising(times), 50);
}

/** Undefined if there is no answer. */
async function ask(name: string, path: string): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${name}${path}`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return await response.text();
  } catch {
    // Whatever keeps it from answering: it is shown as one that does not.
    return undefined;
  }
}

function hostOf(url: string): string {
  return new URL(/^\w+:\/\//.test(url) ? url : `http://${url}`).host;
}
