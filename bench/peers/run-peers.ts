/**
 * Runs a comparison: ours, a peer, ours, the next peer, and so on to ours at the end, each started fresh and put under the same loads one after
 * the other, with a probe of the bare disk before each. Main thread. Ends early when it is told to, with what it has.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CairnError } from '../../src/base/errors.js';
import type { Disk } from '../../src/base/ports.js';
import { knownError } from '../../src/cli/failure.js';
import { packageVersion } from '../../src/cli/version.js';
import { drive } from '../append.js';
import { probeDisk } from '../probe.js';
import { durationText, TimeLeft } from '../sweep/time-left.js';
import { cairn, startCairn } from './cairn.js';
import { findExecutable } from './executables.js';
import { installedVersion } from './install.js';
import { watchOthers } from './others-share.js';
import type { Peer, PeerCluster, PeerDescription } from './peer.js';
import { makePeerRow, type PeerResult, type PeerRow, type SkippedPeer } from './peer-row.js';

export interface PeerPlan {
  readonly inFlights: readonly number[];
  readonly eventBytes: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

export interface PeerListener {
  /** As soon as it is there. */
  result(result: PeerResult): void;
  /** One line about how far it is. */
  progress(line: string): void;
}

export interface PeerSurroundings extends PeerListener {
  readonly disk: Disk;
  /** Data are below it. */
  readonly folder: string;
  readonly interruption: AbortSignal;
}

/** One store, started once. */
export interface Turn {
  readonly description: PeerDescription;
  readonly version: string;
  start(folder: string): Promise<PeerCluster>;
}

/** What starting and ending a store takes, and a probe. */
const START_SECONDS = 6;
const PROBE_SECONDS = 0.5;
const NODES = 3;

/** Measures all of it. Throws what is no failure of a peer. */
export async function runPeers(
  plan: PeerPlan,
  turns: readonly Turn[],
  surroundings: PeerSurroundings,
): Promise<void> {
  const { interruption } = surroundings;
  // A store that refuses to run as root runs as somebody who has to get through.
  chmodSync(surroundings.folder, 0o711);
  const time = new TimeLeft(turns.map(() => secondsOf(plan)));
  surroundings.progress(`${turns.length} stores to start: about ${durationText(time.left)}`);
  for (const [index, turn] of turns.entries()) {
    if (interruption.aborted) return;
    const begunMs = performance.now();
    const failure = await measureTurn(plan, turn, index + 1, surroundings);
    if (interruption.aborted) return;
    if (failure !== undefined) {
      if (turn.description === cairn) throw failure;
      surroundings.result(skippedFor(turn.description, `${failure.message} [${failure.code}]`));
    }
    time.finished((performance.now() - begunMs) / 1000);
    surroundings.progress(
      `${index + 1}/${turns.length} ${turn.description.title}; ${durationText(time.left)} left`,
    );
  }
}

/** Ours before, between and after. */
export function turnsOf(peers: readonly Peer[]): Turn[] {
  const ours: Turn = { description: cairn, version: packageVersion(), start: startCairn };
  const others = peers.map((peer): Turn => {
    return {
      description: peer,
      version: installedVersion(peer),
      start: (folder) => peer.start(folder),
    };
  });
  return [ours, ...others.flatMap((turn) => [turn, ours])];
}

/** Whether a peer can't be measured because it isn't here. `why`: why a package could not be installed, by its name. */
export function missing(peer: Peer, why: ReadonlyMap<string, string>): SkippedPeer | undefined {
  const absent = peer.needs.filter((name) => findExecutable(name) === undefined);
  if (absent.length === 0) return undefined;
  const reason = why.get(peer.debianPackage) ?? 'npm run bench:peers as root installs it';
  return skippedFor(peer, `${absent.join(', ')} not here (Debian's ${peer.debianPackage}): ${reason}`);
}

function skippedFor({ name, title }: PeerDescription, why: string): SkippedPeer {
  return { kind: 'skipped', peer: name, title, why };
}

function secondsOf({ inFlights, seconds, warmupSeconds }: PeerPlan): number {
  return START_SECONDS + inFlights.length * (PROBE_SECONDS + warmupSeconds + seconds);
}

/** Why it could not be measured, if it couldn't. */
async function measureTurn(
  plan: PeerPlan,
  turn: Turn,
  number: number,
  surroundings: PeerSurroundings,
): Promise<CairnError | undefined> {
  const folder = join(surroundings.folder, `turn-${number}`);
  mkdirSync(folder);
  try {
    const cluster = await turn.start(folder);
    try {
      // The largest first: with few in flight a store would long be one that nobody has used yet.
      for (const inFlight of [...plan.inFlights].sort((a, b) => b - a)) {
        if (surroundings.interruption.aborted) break;
        surroundings.result(await measureLoad({ plan, turn, number, cluster }, inFlight, surroundings));
      }
    } finally {
      await cluster.stop();
    }
  } catch (error) {
    const known = knownError(error);
    if (known === undefined) throw error;
    return known;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return undefined;
}

interface Started {
  readonly plan: PeerPlan;
  readonly turn: Turn;
  readonly number: number;
  readonly cluster: PeerCluster;
}

async function measureLoad(
  { plan, turn, number, cluster }: Started,
  inFlight: number,
  { disk, folder }: PeerSurroundings,
): Promise<PeerRow> {
  const { eventBytes, seconds, warmupSeconds } = plan;
  const { name, title, durability, isEqual } = turn.description;
  const othersSince = watchOthers();
  const probe = probeDisk(disk, folder, 'fdatasync');
  const othersPercent = othersSince();
  const target = await cluster.connect({ inFlight, eventBytes });
  try {
    const load = { inFlight, warmupSeconds, seconds, ratePerSecond: 0, eventsPerRequest: 1 };
    const measured = await drive(target, load);
    if (measured.requests === 0 && target.firstError !== undefined) throw target.firstError;
    const identity = {
      ...{ peer: name, title, version: turn.version, durability, isEqual },
      ...{ turn: number, nodes: NODES, connections: target.connections, inFlight, eventBytes, othersPercent },
    };
    return makePeerRow(identity, probe, measured);
  } finally {
    await target.close();
  }
}
