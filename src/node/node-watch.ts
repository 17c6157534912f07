/**
 * What people, clients and other nodes can see of a node, and how it finds others: seeds, gossip, metrics and the routes over HTTP. Main
 * thread. Nothing here decides anything.
 */
import type { Logger } from 'pino';
import type { MemberId } from '../cluster/configuration.js';
import type { GossipMember } from '../cluster/gossip.js';
import type { GossipFacts } from '../cluster/gossip-entry.js';
import type { NodeOptions } from '../config/options.js';
import { openPlatform } from '../native/platform.js';
import { adminRoutes } from '../net/http/admin-routes.js';
import { clusterInfo } from '../net/http/cluster-info.js';
import { gossipRoutes } from '../net/http/gossip-routes.js';
import { infoRoute, liveRoute, metricsRoute, readyRoute } from '../net/http/node-routes.js';
import { Router } from '../net/http/router.js';
import { scavengeRoutes } from '../net/http/scavenge-routes.js';
import { statusFacts } from '../net/http/status-facts.js';
import { NodeMetrics } from '../net/metrics.js';
import { GossipAgent } from './gossip-agent.js';
import type { NodeService } from './node-service.js';
import { Seeds, SYSTEM_RESOLVER } from './seeds.js';

export interface NodeWatchParts {
  readonly options: NodeOptions;
  readonly logger: Logger;
  /** Of the software. */
  readonly version: string;
  /** `host:port` for clients. */
  readonly clientAddress: string;
  readonly isBlocked: (name: string) => boolean;
  /** Undefined until {@link NodeWatch.open} was told of it. */
  readonly service: () => NodeService | undefined;
  /** Path → WebSocket connections there. */
  readonly connections: () => ReadonlyMap<string, number>;
}

/** The node that is to be seen. */
export interface WatchedNode {
  readonly service: NodeService;
  readonly memberId: MemberId;
  /** The number of this start. */
  readonly start: number;
}

export class NodeWatch {
  readonly metrics: NodeMetrics;
  readonly #parts: NodeWatchParts;
  /** Where to look for the cluster; to be started first. */
  readonly seeds: Seeds;
  readonly #startedAt = new Date().toISOString();
  #gossip: GossipAgent | undefined;
  #leader: string | undefined;

  constructor(parts: NodeWatchParts) {
    this.#parts = parts;
    const { options, logger, connections, version: release } = parts;
    this.seeds = new Seeds({
      fixed: options.gossipSeed,
      dns:
        options.clusterDns === '' || !options.discoverViaDns
          ? undefined
          : { name: options.clusterDns, port: options.clusterGossipPort },
      resolver: SYSTEM_RESOLVER,
      isAlone: () => this.#gossip?.isAlone() !== false,
      logger,
    });
    this.metrics = new NodeMetrics({
      status: () => parts.service()!.status(),
      connections,
      clockDifferencesMs: () => this.#gossip?.clockDifferencesMs ?? new Map(),
      wallMs: Date.now,
      release,
    });
  }

  /** The routes, with what stands behind them. */
  open({ service, memberId, start }: WatchedNode): Router {
    const { options, logger, version, isBlocked } = this.#parts;
    const status = () => service.status();
    const gossip = new GossipAgent({
      ...{ memberId, start, logger, isBlocked, seeds: this.seeds },
      facts: () => this.#facts(service),
      clusterId: () => service.status().clusterId,
      intervalMs: options.gossipIntervalMs,
      timeoutMs: options.gossipTimeoutMs,
      allowedDifferenceMs: options.gossipAllowedDifferenceMs,
      forgetAfterMs: options.deadMemberRemovalPeriodSec * 1000,
      clock: { wallUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
      random: Math.random,
      observe: (seconds, isSuccessful) => this.metrics.observeGossip(seconds, isSuccessful),
    });
    this.#gossip = gossip;
    const platform = openPlatform().describe;
    const info = () => {
      const { writer, ringBytes, ringBytesUsed } = service.status();
      const { logId, chunkSize } = service.log ?? {};
      return {
        ...{ name: 'cairn', version, startedAt: this.#startedAt, platform, logId, chunkSize },
        ...statusFacts(status()),
        ...{ role: service.status().role, writer, ringBytes, ringBytesUsed },
      };
    };
    return new Router(options.nodeIp, [
      liveRoute(),
      readyRoute(status),
      infoRoute(info),
      metricsRoute(this.metrics),
      ...gossipRoutes(gossip, () => this.gossipView()),
      ...adminRoutes({
        admin: service,
        status,
        clientAddressOf: (name) => this.clientAddressOf(name),
        allowsFaults: options.faultInjection,
      }),
      ...scavengeRoutes({ admin: service, status }),
    ]);
  }

  /** Begins to gossip. */
  start(): void {
    this.#gossip?.start();
  }

  stop(): void {
    this.seeds.stop();
    this.#gossip?.stop();
    this.metrics.stop();
  }

  /** The node's role or leader has changed: everybody is told at once. */
  changed(): void {
    this.#gossip?.announce();
    const leader = this.#parts.service()?.status().leader;
    if (leader !== undefined && leader !== this.#leader) this.metrics.noteElection();
    this.#leader = leader;
  }

  /** Nobody listens there any more. */
  noteGone(name: string): void {
    this.#gossip?.noteGone(name);
  }

  /** `host:port` for clients of the node of this name, if anything was heard of it. */
  clientAddressOf(name: string): string | undefined {
    return this.#gossip?.clientAddressOf(name);
  }

  /** Who was heard of. */
  get members(): readonly GossipMember[] {
    return this.#gossip?.members() ?? [];
  }

  /** Who is in the cluster: the body of `GET /gossip`. */
  gossipView(): object {
    const service = this.#parts.service();
    if (service === undefined) return { members: [] };
    return clusterInfo(service.status(), this.members, Date.now());
  }

  #facts(service: NodeService): GossipFacts {
    const { options, clientAddress, version } = this.#parts;
    const { name, zone, role, memberRole, leader, epoch, epochPosition, priority, diskSpace, ...log } =
      service.status();
    return {
      ...{ name, clientAddress, zone, epoch, epochPosition, priority },
      role: memberRole ?? (options.readOnlyReplica ? 'replica' : 'clone'),
      nodeRole: role,
      leader: leader ?? '',
      commit: log.committed,
      indexed: log.indexed,
      end: log.published,
      diskSpace: diskSpace.level,
      release: version,
    };
  }
}
