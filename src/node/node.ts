/**
 * A node: an engine on a data folder, the links and the gossip between it and others, and the server that lets clients, peers and
 * operators at it. Main thread. What dies inside makes the node fail, and whoever started it end the process: an engine that lost a
 * thread can promise nothing any more.
 */
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { CairnError } from '../base/errors.js';
import { MESSAGE_BYTES_MAX } from '../cluster/message-kinds.js';
import { clientAddress, nodeName } from '../config/addresses.js';
import type { NodeOptions } from '../config/options.js';
import { openPlatform } from '../native/platform.js';
import { ClientSession } from '../net/client-session.js';
import type { Router } from '../net/http/router.js';
import { MessageGarbage } from '../net/message-garbage.js';
import { connectionsWithin, openFilesMax } from '../net/open-files.js';
import { isLoopback } from '../net/origin.js';
import { PeerLinks } from '../net/peer-links.js';
import { CLIENT_PATH, EARLY_BYTES_MAX, NodeServer, PEER_PATH, type UpgradePath } from '../net/server.js';
import { sessionLimits } from '../net/session-limits.js';
import { AppendRouter } from './append-router.js';
import { clusterSettings } from './cluster-settings.js';
import type { Engine } from './engine.js';
import { appendLimits, type EngineOptions } from './engine-options.js';
import { NodeService } from './node-service.js';
import { NodeWatch } from './node-watch.js';
import { openEngine } from './open-engine.js';

/** A node that takes clients. */
export interface RunningNode {
  /** URLs. */
  readonly addresses: { readonly client: string; readonly http: string };
  /** Resolves with the reason when the node dies by itself; it can only be followed by the end of the process. */
  readonly failed: Promise<CairnError>;
  /** Answers what was accepted, closes all connections, ends all threads. */
  stop(): Promise<void>;
}

/** How long a leader that is stopped waits until another one leads. */
const HAND_OVER_MS_MAX = 2_000;
/** The members of the largest cluster, and some who want to be. */
const PEERS_MAX = 64;

/** Starts a node, or throws what keeps it from starting. One that is a cluster of its own takes appends then, unless its disk is full. */
export async function startNode(options: NodeOptions, logger: Logger, version: string): Promise<RunningNode> {
  if (!options.insecure && !isLoopback(options.nodeIp)) {
    throw new CairnError(
      'invalid-configuration',
      `${options.nodeIp} can be reached from other machines, and there is no TLS yet: add --insecure to allow it`,
      { nodeIp: options.nodeIp },
    );
  }
  const node = new Node(options, logger, version);
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

/** What there is once the engine is open. */
interface Parts {
  readonly engine: Engine;
  readonly links: PeerLinks;
  readonly appends: AppendRouter;
  readonly service: NodeService;
  readonly watch: NodeWatch;
  readonly http: Router;
}

class Node implements RunningNode {
  readonly failed: Promise<CairnError>;
  readonly #options: NodeOptions;
  readonly #logger: Logger;
  readonly #version: string;
  readonly #death = new EventEmitter<{ failed: [CairnError] }>();
  readonly #garbage = new MessageGarbage();
  readonly #blocked = new Set<string>();
  #server: NodeServer | undefined;
  #watch: NodeWatch | undefined;
  #parts: Parts | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: NodeOptions, logger: Logger, version: string) {
    this.#options = options;
    this.#logger = logger;
    this.#version = version;
    this.failed = once(this.#death, 'failed').then(([error]: CairnError[]) => error!);
  }

  get addresses(): RunningNode['addresses'] {
    const { address } = this.#server!;
    return { client: `ws://${address}`, http: `http://${address}` };
  }

  async start(): Promise<void> {
    // First, because a node's name has its port in it.
    this.#server = await this.#listen();
    const watch = this.#makeWatch(this.#server);
    this.#watch = watch;
    // Before the engine: who names others doesn't found a cluster of its own.
    await watch.seeds.start();
    this.#parts = this.#open(this.#server, watch);
    const { appends, engine } = this.#parts;
    appends.update();
    watch.start();
    const { clusterSize } = this.#options;
    if (clusterSize === 1 && watch.seeds.names.length === 0) await this.#untilLeading(engine);
  }

  /** The reign is handed over; no new clients; then everything accepted is answered; then the connections close. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#handOver();
    this.#server?.stopAccepting();
    this.#watch?.stop();
    this.#parts?.appends.stop();
    await this.#parts?.engine.stop();
    await this.#server?.stop();
  }

  /** Synchronous, so that all of it is there before the first connection is heard. */
  #open(server: NodeServer, watch: NodeWatch): Parts {
    const options = this.#options;
    const logger = this.#logger;
    const name = nodeName(options, server.port);
    const isBlocked = (peer: string): boolean => this.#blocked.has(peer);
    const links = new PeerLinks({
      ...{ name, isBlocked, log: logger, garbage: this.#garbage, kernel: openPlatform().kernel },
      clusterId: () => this.#parts?.engine.view.state.clusterId,
      receive: (message) => this.#parts?.engine.receive(message),
      unreachable: (peer) => {
        watch.noteGone(peer);
        this.#parts?.engine.take({ kind: 'unreachable', name: peer });
      },
    });
    const engine = openEngine({
      options: engineOptions(options),
      cluster: clusterSettings(options, name, () => watch.seeds.names),
      transport: links,
      events: {
        note: (message, facts) => logger.info(facts, message),
        warn: (message, facts) => logger.warn(facts, message),
        failed: (error) => this.#death.emit('failed', error),
        changed: () => this.#changed(),
        quorumAck: (seconds) => watch.metrics.observeQuorumAck(seconds),
      },
    });
    const urlOf = (peer: string): string => `ws://${watch.clientAddressOf(peer) ?? peer}${CLIENT_PATH}`;
    const patienceMs = 2 * options.leaderElectionTimeoutMs;
    const appends = new AppendRouter({ engine, clientName: `cairn node ${name}`, patienceMs, urlOf });
    const { zone, maxInFlightAppends, maxOpenReads } = options;
    const service = new NodeService(
      {
        ...{ engine, appends, name, zone, maxInFlightAppends, maxOpenReads },
        gossip: () => watch.gossipView(),
        block: (names) => this.#block(names),
      },
      options.nodePriority,
    );
    const { start } = engine.view.state;
    const http = watch.open({ service, memberId: engine.memberId, start });
    return { engine, links, appends, service, watch, http };
  }

  #makeWatch(server: NodeServer): NodeWatch {
    const options = this.#options;
    return new NodeWatch({
      ...{ options, logger: this.#logger, version: this.#version },
      isBlocked: (peer) => this.#blocked.has(peer),
      clientAddress: clientAddress(options, server.port),
      service: () => this.#parts?.service,
      connections: () => server.connections,
    });
  }

  #changed(): void {
    this.#parts?.appends.update();
    this.#parts?.watch.changed();
  }

  /** A leader that others can replace lets one of them lead first, so that nobody has to notice its end. */
  async #handOver(): Promise<void> {
    const engine = this.#parts?.engine;
    if (engine?.isLeading !== true || engine.progress().length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, HAND_OVER_MS_MAX);
    });
    try {
      await Promise.race([engine.requests.resign(), late]);
    } catch (error) {
      // There is nobody: the cluster has to notice.
      this.#logger.info({ reason: (error as Error).message }, 'the leader could not hand over');
    } finally {
      clearTimeout(timer);
    }
  }

  #listen(): Promise<NodeServer> {
    const { nodeIp: host, nodePort: port } = this.#options;
    return NodeServer.listen({
      ...{ host, port },
      answer: (request, response) => {
        if (this.#parts === undefined) response.writeHead(503).end();
        else this.#parts.http.handle(request, response);
      },
      upgrades: new Map([
        [CLIENT_PATH, this.#clients()],
        [PEER_PATH, this.#peers()],
      ]),
    });
  }

  #clients(): UpgradePath {
    const options = this.#options;
    const { maxInFlightAppends, maxOpenReads } = options;
    // An existing log may have smaller chunks, and then Welcome says less.
    const appends = appendLimits(engineOptions(options), options.chunkSize);
    return {
      connectionsMax: connectionsMax(options.maxConnections, this.#logger),
      messageBytesMax: sessionLimits(appends, maxInFlightAppends, maxOpenReads).messageBytesMax,
      earlyBytesMax: EARLY_BYTES_MAX,
      takesBrowsers: true,
      refuse: () => this.#whyNotYet(),
      accept: (socket, remote) => {
        const node = this.#parts!.service;
        const [serverVersion, log, garbage] = [this.#version, this.#logger, this.#garbage];
        return new ClientSession(socket, remote, { node, serverVersion, log, garbage });
      },
    };
  }

  #peers(): UpgradePath {
    return {
      connectionsMax: PEERS_MAX,
      messageBytesMax: MESSAGE_BYTES_MAX,
      earlyBytesMax: EARLY_BYTES_MAX,
      takesBrowsers: false,
      refuse: (request) => this.#whyNotYet() ?? this.#parts!.links.refuse(request),
      accept: (socket, _remote, request) => this.#parts!.links.accept(socket, request),
    };
  }

  #whyNotYet(): string | undefined {
    return this.#parts === undefined ? '503 Service Unavailable' : undefined;
  }

  #block(names: readonly string[]): void {
    this.#blocked.clear();
    for (const name of names) this.#blocked.add(name);
    this.#parts?.links.applyBlocks();
  }

  /** Resolves when the engine takes appends, or its disk is full; rejects with what killed it. */
  async #untilLeading(engine: Engine): Promise<void> {
    const leading = new Promise<void>((resolve) => {
      const check = (): void => {
        if (engine.isLeading || engine.role === 'fenced') resolve();
        else if (engine.store?.outOfSpace !== undefined) {
          this.#logger.warn('the disk is full: reads work, writes are refused until there is space');
          resolve();
        } else engine.appends.whenRoom(check);
      };
      check();
    });
    const death = await Promise.race([leading, this.failed]);
    if (death !== undefined) throw death;
  }
}

function connectionsMax(asked: number, logger: Logger): number {
  const filesMax = openFilesMax();
  const allowed = connectionsWithin(asked, filesMax);
  if (allowed < asked) {
    const facts = { maxConnections: asked, openFilesMax: filesMax, allowed };
    logger.warn(
      facts,
      'too few open files for MaxConnections, so fewer are taken; raise the limit (ulimit -n)',
    );
  }
  return allowed;
}

function engineOptions(options: NodeOptions): EngineOptions {
  const { db, chunkSize, ringSize, batchBytesMax, syncMode, maxAppendSize, maxAppendEventSize } = options;
  const { retryWindowEvents } = options;
  const limits = { maxAppendSize, maxAppendEventSize, retryWindowEvents };
  return { folder: db, chunkSize, ringSize, batchBytesMax, syncMode, ...limits };
}
