/**
 * A node: an engine on a data folder, the links to other nodes, and the server that lets clients and peers at it. Main thread. What dies
 * inside makes the node fail, and whoever started it end the process: an engine that lost a thread can promise nothing any more.
 */
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { CairnError } from '../base/errors.js';
import { MESSAGE_BYTES_MAX } from '../cluster/message-kinds.js';
import type { NodeOptions } from '../config/options.js';
import { openPlatform } from '../native/platform.js';
import { ChunkRoutes, type ChunkSource } from '../net/chunk-routes.js';
import { ClientSession } from '../net/client-session.js';
import { MessageGarbage } from '../net/message-garbage.js';
import { connectionsWithin, openFilesMax } from '../net/open-files.js';
import { isLoopback } from '../net/origin.js';
import { PeerLinks } from '../net/peer-links.js';
import { ClientServer, type ServerSession } from '../net/server.js';
import { sessionLimits } from '../net/session-limits.js';
import { AppendRouter } from './append-router.js';
import { clusterSettings, nodeName } from './cluster-settings.js';
import type { Engine } from './engine.js';
import { appendLimits, type EngineOptions } from './engine-options.js';
import { NodeService } from './node-service.js';
import { openEngine } from './open-engine.js';
import { RunningRepair } from './repair/running-repair.js';
import { StartRepair } from './repair/start-repair.js';

/** A node that takes clients. */
export interface RunningNode {
  /** URLs. */
  readonly addresses: { readonly client: string; readonly http: string };
  /** Resolves with the reason when the node dies by itself; it can only be followed by the end of the process. */
  readonly failed: Promise<CairnError>;
  /** Answers what was accepted, closes all connections, ends all threads. */
  stop(): Promise<void>;
}

/** RFC 6455's registry: try again later. */
const CLOSE_TRY_AGAIN = 1013;
/** How long a leader that is stopped waits until another one leads. */
const HAND_OVER_MS_MAX = 2_000;

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

type Warn = (message: string, facts: Readonly<Record<string, unknown>>) => void;

class Node implements RunningNode {
  readonly failed: Promise<CairnError>;
  readonly #options: NodeOptions;
  readonly #logger: Logger;
  readonly #version: string;
  readonly #death = new EventEmitter<{ failed: [CairnError] }>();
  readonly #garbage = new MessageGarbage();
  readonly #startedAt = new Date().toISOString();
  readonly #blocked = new Set<string>();
  #server: ClientServer | undefined;
  #links: PeerLinks | undefined;
  #engine: Engine | undefined;
  #startRepair: StartRepair | undefined;
  #repairs: RunningRepair | undefined;
  #router: AppendRouter | undefined;
  #service: NodeService | undefined;
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
    const options = this.#options;
    const name = nodeName(options, this.#server.address);
    const links = this.#openLinks(name);
    this.#links = links;
    const seeds = () => options.gossipSeed;
    const warn: Warn = (message, facts) => this.#logger.warn(facts, message);
    const repair = this.#prepareRepairs(name, seeds, warn);
    const engine = await repair.open(() =>
      openEngine({
        options: engineOptions(options),
        cluster: clusterSettings(options, name, seeds),
        transport: links,
        events: {
          note: (message, facts) => this.#logger.info(facts, message),
          warn,
          failed: (error) => this.#death.emit('failed', error),
          damaged: (error, who) => this.#repairs!.report(error, who),
          changed: () => this.#router?.update(),
        },
      }),
    );
    this.#engine = engine;
    const router = new AppendRouter({
      engine,
      clientName: `cairn node ${name}`,
      patienceMs: 2 * options.leaderElectionTimeoutMs,
      urlOf: (peer) => `ws://${peer}/client`,
    });
    this.#router = router;
    router.update();
    const { zone, maxInFlightAppends, maxOpenReads } = options;
    const parts = { engine, router, name, zone, maxInFlightAppends, maxOpenReads };
    const gossip = () => ({ members: [] });
    const block = (names: readonly string[]) => this.#block(names);
    const chunks = () => this.#chunkCounts();
    this.#service = new NodeService({ ...parts, gossip, block, chunks }, options.nodePriority);
    if (options.clusterSize === 1 && options.gossipSeed.length === 0) await this.#untilLeading(engine);
  }

  /** The reign is handed over; no new clients; then everything accepted is answered; then the connections close. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#handOver();
    this.#server?.stopAccepting();
    this.#router?.stop();
    await this.#repairs?.stop();
    await this.#engine?.stop();
    await this.#server?.stop();
  }

  /** A leader that others can replace lets one of them lead first, so that nobody has to notice its end. */
  async #handOver(): Promise<void> {
    const engine = this.#engine;
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

  /** What mends the log before the node is open; and sets up what does so afterwards. */
  #prepareRepairs(name: string, seeds: () => readonly string[], warn: Warn): StartRepair {
    const { db: folder, repairTimeoutSec } = this.#options;
    const isBlocked = (peer: string) => this.#blocked.has(peer);
    const parts = { folder, name, patienceMs: repairTimeoutSec * 1000, warn };
    this.#repairs = new RunningRepair({
      ...parts,
      peers: () => otherNames(this.#engine).filter((peer) => !isBlocked(peer)),
      store: () => this.#engine?.store,
      failed: (error) => this.#engine?.failed(error),
    });
    this.#startRepair = new StartRepair({ ...parts, platform: openPlatform(), seeds, isBlocked });
    return this.#startRepair;
  }

  #chunkCounts() {
    const { repairs = 0, damagedChunks = 0 } = this.#repairs ?? {};
    return { repairs: repairs + (this.#startRepair?.repairs ?? 0), damagedChunks };
  }

  #openLinks(name: string): PeerLinks {
    return new PeerLinks({
      name,
      clusterId: () => this.#engine?.view.state.clusterId,
      receive: (message) => this.#engine?.receive(message),
      unreachable: (peer) => this.#engine?.take({ kind: 'unreachable', name: peer }),
      isBlocked: (peer) => this.#blocked.has(peer),
      log: this.#logger,
    });
  }

  #listen(): Promise<ClientServer> {
    const options = this.#options;
    const chunks = new ChunkRoutes({
      source: () => this.#startRepair?.source ?? storeChunks(this.#engine),
      isBlocked: (peer) => this.#blocked.has(peer),
    });
    return ClientServer.listen({
      answer: (request, response) => chunks.answer(request, response),
      host: options.nodeIp,
      port: options.nodePort,
      connectionsMax: connectionsMax(options.maxConnections, this.#logger),
      // An existing log may have smaller chunks, and then Welcome says less.
      limits: sessionLimits(
        appendLimits(engineOptions(options), options.chunkSize),
        options.maxInFlightAppends,
        options.maxOpenReads,
      ),
      info: () => ({
        ...{ version: this.#version, startedAt: this.#startedAt, platform: openPlatform().describe },
        ...this.#service?.status(),
      }),
      accept: (socket, remote) => this.#openSession(socket, remote),
      peers: {
        messageBytesMax: MESSAGE_BYTES_MAX,
        refuse: (request) =>
          this.#links === undefined ? '503 Service Unavailable' : this.#links.refuse(request),
        accept: (socket, request) => this.#links?.accept(socket, request),
      },
    });
  }

  #openSession(socket: WebSocket, remote: string): ServerSession {
    const node = this.#service;
    if (node === undefined) return turnedAway(socket);
    const [serverVersion, log, garbage] = [this.#version, this.#logger, this.#garbage];
    return new ClientSession(socket, remote, { node, serverVersion, log, garbage });
  }

  #block(names: readonly string[]): void {
    this.#blocked.clear();
    for (const name of names) this.#blocked.add(name);
    this.#links?.applyBlocks();
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

function otherNames(engine: Engine | undefined): string[] {
  const members = engine?.view.configuration?.members ?? [];
  return members.filter(({ id }) => id !== engine?.memberId).map((member) => member.name);
}

/** While its log is mended a node serves nobody. */
function turnedAway(socket: WebSocket): ServerSession {
  socket.close(CLOSE_TRY_AGAIN, 'the node is starting');
  return { isGreeted: true, tooMuchBeforeHello: () => undefined, stop: () => socket.terminate() };
}

/** What other members may be given; nothing of a node that is out of order. */
function storeChunks(engine: Engine | undefined): ChunkSource | undefined {
  const store = engine?.role === 'fenced' ? undefined : engine?.store;
  if (store === undefined) return undefined;
  const { logId, chunkSize, committed, reader } = store;
  return { logId, chunkSize, committed, read: (position, target) => reader.readRaw(position, target) };
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
