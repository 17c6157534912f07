/** A node as HTTP sees it, in the state that a test wants, and a server on loopback that shows it. */
import { onTestFinished } from 'vitest';
import type { Configuration, MembershipChange } from '../../src/cluster/configuration.js';
import type { GossipMember } from '../../src/cluster/gossip.js';
import type { GossipEntry } from '../../src/cluster/gossip-entry.js';
import type { GossipMessage } from '../../src/net/gossip-message.js';
import type { GossipPort, GossipReply } from '../../src/net/gossip-port.js';
import { adminRoutes } from '../../src/net/http/admin-routes.js';
import { clusterInfo } from '../../src/net/http/cluster-info.js';
import { gossipRoutes } from '../../src/net/http/gossip-routes.js';
import { infoRoute, liveRoute, metricsRoute, readyRoute } from '../../src/net/http/node-routes.js';
import { Router } from '../../src/net/http/router.js';
import { scavengeRoutes } from '../../src/net/http/scavenge-routes.js';
import { statusFacts } from '../../src/net/http/status-facts.js';
import { NodeMetrics } from '../../src/net/metrics.js';
import type { AdminPort, NodeStatus } from '../../src/net/node-port.js';
import { NodeServer, type UpgradePath } from '../../src/net/server.js';
import { configurationOf, idOf } from '../cluster/ids.js';

export const CLUSTER_ID = idOf(1000);
export const WALL_MS = Date.UTC(2026, 0, 1);

export function nameOf(number: number): string {
  return `node-${number}:2113`;
}

/** Node 1, which leads three. */
export function statusOf(changes: Partial<NodeStatus> = {}): NodeStatus {
  const progress = { role: 'voter' as const, isStreaming: true };
  return {
    ...{
      name: nameOf(1),
      memberId: idOf(1),
      zone: 'a',
      role: 'leader',
      memberRole: 'voter',
      leader: nameOf(1),
    },
    ...{ epoch: 5, epochPosition: 4096, lagBytes: 0, promisedEpoch: 5, clusterId: CLUSTER_ID, priority: 3 },
    configuration: configurationOf(3),
    ...{ published: 9000, durable: 8000, committed: 7000, indexed: 6000 },
    writer: {
      ...{ batches: 10, recordBytes: 5000, diskBytes: 40_960, writeMs: 20, syncMs: 30, chunks: 2 },
      batchSizes: [0, 0, 4, 6, ...new Array<number>(20).fill(0)],
    },
    ...{ repairs: 0, damagedChunks: 0 },
    scrub: {
      ...{ isUnderWay: true, chunksLeft: 2, rounds: 1, lastRoundEndedAt: 1_767_225_600_000 },
      ...{ chunks: 9, bytes: 9_000, damaged: 1, indexDamaged: 2 },
    },
    scavenge: {
      ...{
        state: 'running',
        why: null,
        chunksDone: 3,
        chunksTotal: 8,
        bytesBefore: 80_000,
        bytesAfter: 65_000,
      },
      point: { position: 9_000, writtenAt: '2026-01-01T00:00:00.000Z', throttlePercent: 30 },
      ...{ bytesPerSecond: 5_000, secondsLeft: 10, lastEndedAt: 1_767_225_600_000 },
      ...{ chunks: 4, rewrittenChunks: 2, removedRecords: 70, freedBytes: 15_000 },
    },
    diskSpace: {
      ...{ level: 'ok', freeBytes: 600_000, totalBytes: 1_000_000 },
      ...{ warningBytes: 100_000, reserveBytes: 20_000 },
    },
    streamHeads: { streams: 12, bytes: 9000, lookups: 7 },
    streamsWithMetadata: { streams: 3, bytes: 300 },
    ...{ pendingAppends: 4, ringBytes: 1 << 20, ringBytesUsed: 2000, isReady: true },
    subscriptions: { open: 5, live: 3, events: 1000, bytes: 90_000, fallsBehind: 2 },
    members: [
      { ...progress, id: idOf(2), name: nameOf(2), zone: 'b', lagBytes: 100, silentMs: 50 },
      { ...progress, id: idOf(3), name: nameOf(3), zone: 'c', lagBytes: 5_000_000, silentMs: 9000 },
    ],
    ...changes,
  };
}

export function entryOf(number: number, changes: Partial<GossipEntry> = {}): GossipEntry {
  return {
    ...{
      memberId: idOf(number),
      start: 1,
      version: 1,
      name: nameOf(number),
      clientAddress: `pub-${number}:443`,
    },
    ...{ zone: '', role: 'voter', nodeRole: 'following', leader: nameOf(1), epoch: 5, epochPosition: 4096 },
    ...{ commit: 7000, indexed: 6000, end: 8000, priority: 0, release: '1.2.3' },
    ...changes,
  };
}

export function heardOf(number: number, changes: Partial<GossipEntry> = {}, silentMs = 0): GossipMember {
  return { entry: entryOf(number, changes), isAlive: true, silentMs };
}

export class ScriptedNode implements AdminPort, GossipPort {
  current = statusOf();
  known: readonly GossipMember[] = [heardOf(1, { nodeRole: 'leader' }), heardOf(2), heardOf(3)];
  readonly clockDifferencesMs = new Map<string, number>();
  /** What was asked of it, in order. */
  readonly asked: unknown[] = [];
  /** Thrown by whatever is asked next. */
  refusal: Error | undefined;
  reply: GossipReply = { kind: 'answer', message: messageOf([]) };

  async change(change: MembershipChange): Promise<Configuration> {
    this.#ask(change);
    return this.current.configuration!;
  }

  async resign(target?: string): Promise<void> {
    this.#ask({ resign: target });
  }

  setPriority(priority: number): void {
    this.#ask({ priority });
  }

  async startScavenge(throttlePercent: number): Promise<{ position: number }> {
    this.#ask({ startScavenge: throttlePercent });
    return { position: 4_096 };
  }

  async stopScavenge(): Promise<{ position: number }> {
    this.#ask('stopScavenge');
    return { position: 8_192 };
  }

  block(names: readonly string[]): void {
    this.#ask({ block: names });
  }

  receive(message: GossipMessage): GossipReply {
    this.#ask(message);
    return this.reply;
  }

  members(): readonly GossipMember[] {
    return this.known;
  }

  #ask(what: unknown): void {
    this.asked.push(what);
    if (this.refusal !== undefined) throw this.refusal;
  }
}

export function messageOf(
  entries: readonly GossipEntry[],
  changes: Partial<GossipMessage> = {},
): GossipMessage {
  const heard = entries.map((entry) => ({ entry, ageMs: 0 }));
  return {
    ...{ from: nameOf(2), memberId: idOf(2), clusterId: CLUSTER_ID, wallMs: WALL_MS },
    ...{ entries: heard, ...changes },
  };
}

export interface Shown {
  readonly node: ScriptedNode;
  readonly metrics: NodeMetrics;
  /** `http://127.0.0.1:…` */
  readonly url: string;
  readonly server: NodeServer;
}

interface Wishes {
  readonly allowsFaults?: boolean;
  readonly upgrades?: ReadonlyMap<string, UpgradePath>;
}

/** One path for nobody in particular, so that sockets are taken. */
const SOME_PATH: UpgradePath = {
  ...{ connectionsMax: 100, messageBytesMax: 1024, earlyBytesMax: 1024, takesBrowsers: true },
  accept: (socket) => {
    socket.close();
    return { isGreeted: true, tooMuchBeforeHello: () => undefined, stop: () => undefined };
  },
};

/** A server with all routes, until the test is over. */
export async function show({ allowsFaults = false, upgrades }: Wishes = {}): Promise<Shown> {
  const node = new ScriptedNode();
  const status = () => node.current;
  const metrics = new NodeMetrics({
    status,
    connections: () => server.connections,
    clockDifferencesMs: () => node.clockDifferencesMs,
    wallMs: () => WALL_MS,
    release: '1.2.3',
  });
  const clientAddressOf = (name: string) =>
    node.known.find(({ entry }) => entry.name === name)?.entry.clientAddress;
  const router = new Router('127.0.0.1', [
    liveRoute(),
    infoRoute(() => statusFacts(status())),
    readyRoute(status),
    metricsRoute(metrics),
    ...gossipRoutes(node, () => clusterInfo(status(), node.members(), WALL_MS)),
    ...adminRoutes({ admin: node, status, clientAddressOf, allowsFaults }),
    ...scavengeRoutes({ admin: node, status }),
  ]);
  const server: NodeServer = await NodeServer.listen({
    host: '127.0.0.1',
    port: 0,
    answer: (request, response) => router.handle(request, response),
    upgrades: upgrades ?? new Map([['/client', SOME_PATH]]),
  });
  onTestFinished(async () => {
    metrics.stop();
    await server.stop();
  });
  return { node, metrics, server, url: `http://${server.address}` };
}
