/**
 * A node: an engine on a data folder, the links and the gossip between it and others, and the server that lets clients, peers and
 * operators at it. Main thread. What dies inside makes the node fail, and whoever started it end the process: an engine that lost a
 * thread can promise nothing any more.
 */

import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { detachEarly } from '../base/early-detach.js';
import { CairnError } from '../base/errors.js';
import { clientAddress, nodeName } from '../config/addresses.js';
import { isLoopback } from '../config/loopback.js';
import type { NodeOptions } from '../config/options.js';
import { openPlatform } from '../native/platform.js';
import { ChunkRoutes, type ChunkSource } from '../net/chunk-routes.js';
import { MessageGarbage } from '../net/message-garbage.js';
import { PeerLinks } from '../net/peer-links.js';
import { CLIENT_PATH, type NodeServer } from '../net/server.js';
import { AppendRouter } from './append-router.js';
import { clusterSettings } from './cluster-settings.js';
import type { Engine } from './engine.js';
import { countLimits, engineOptions } from './engine-options.js';
import { type Household, openFrontDoor } from './front-door.js';
import { NodeService } from './node-service.js';
import { NodeWatch } from './node-watch.js';
import { openEngine } from './open-engine.js';
import { RunningRepair } from './repair/running-repair.js';
import { StartRepair } from './repair/start-repair.js';
import { Scavenger } from './scavenge/scavenger.js';
import type { DiskSpaceWatch } from './space/disk-space-watch.js';
import { watchNodeSpace } from './space/node-space.js';

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

/** Starts a node, or throws what keeps it from starting. One that is a cluster of its own takes appends then, unless its disk is full. */
export async function startNode(options: NodeOptions, logger: Logger, version: string): Promise<RunningNode> {
  if (!options.insecure && !isLoopback(options.nodeIp)) {
    throw new CairnError(
      'invalid-configuration',
      `${options.nodeIp} can be reached from other machines, and there is no TLS yet: add --insecure to allow it`,
      { nodeIp: options.nodeIp },
    );
  }
  detachEarly();
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
interface Parts extends Household {
  readonly engine: Engine;
  readonly appends: AppendRouter;
  readonly watch: NodeWatch;
}

interface Repairs {
  readonly atStart: StartRepair;
  readonly whileRunning: RunningRepair;
}

type Warn = (message: string, facts: Readonly<Record<string, unknown>>) => void;

class Node implements RunningNode {
  readonly failed: Promise<CairnError>;
  readonly #options: NodeOptions;
  readonly #logger: Logger;
  readonly #version: string;
  readonly #death = new EventEmitter<{ failed: [CairnError] }>();
  readonly #garbage = new MessageGarbage();
  readonly #blocked = new Set<string>();
  readonly #space: DiskSpaceWatch;
  readonly #scavenger: Scavenger;
  #server: NodeServer | undefined;
  #watch: NodeWatch | undefined;
  #parts: Parts | undefined;
  #repairs: Repairs | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: NodeOptions, logger: Logger, version: string) {
    this.#options = options;
    this.#logger = logger;
    this.#version = version;
    this.#space = watchNodeSpace({
      ...{ options, logger },
      engine: () => this.#parts?.engine,
      gossip: () => this.#watch?.members ?? [],
    });
    this.#scavenger = new Scavenger({
      folder: options.db,
      store: () => this.#parts?.engine.store,
      diskSpace: () => this.#space.status,
      damaged: (error) => this.#repairs?.whileRunning.report(error, 'reader'),
      note: (message, facts) => logger.info(facts, message),
      warn: (message, facts) => logger.warn(facts, message),
    });
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
    const server = this.#server;
    this.#repairs = this.#prepareRepairs(nodeName(this.#options, server.port), watch);
    this.#parts = await this.#repairs.atStart.open(() => this.#open(server, watch));
    await this.#space.start();
    const { appends, engine } = this.#parts;
    appends.update();
    watch.start();
    this.#scavenger.update();
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
    this.#space.stop();
    this.#parts?.appends.stop();
    await this.#repairs?.whileRunning.stop();
    await this.#scavenger.stop();
    await this.#parts?.engine.stop();
    await this.#server?.stop();
  }

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
        diskSpace: this.#space,
        damaged: (error, who) => this.#repairs!.whileRunning.report(error, who),
        sound: (chunk) => this.#repairs!.whileRunning.foundSound(chunk),
        quorumAck: (seconds) => watch.metrics.observeQuorumAck(seconds),
        ...(options.profileWrites ? { writeStages: watch.metrics.addWriteStages() } : {}),
      },
    });
    const urlOf = (peer: string): string => `ws://${watch.clientAddressOf(peer) ?? peer}${CLIENT_PATH}`;
    const patienceMs = 2 * options.leaderElectionTimeoutMs;
    const appends = new AppendRouter({ engine, clientName: `cairn node ${name}`, patienceMs, urlOf });
    const { zone, maxSubscriptions } = options;
    const service = new NodeService(
      {
        ...{ engine, appends, name, zone, counts: countLimits(options), maxSubscriptions },
        gossip: () => watch.gossipView(),
        diskSpace: () => this.#space.status,
        scavenger: this.#scavenger,
        block: (names) => this.#block(names),
        chunks: () => this.#chunkCounts(),
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
    this.#scavenger.update();
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

  /** What mends the log before the node is open; and what does so afterwards. */
  #prepareRepairs(name: string, watch: NodeWatch): Repairs {
    const { db: folder, repairTimeoutSec } = this.#options;
    const isBlocked = (peer: string): boolean => this.#blocked.has(peer);
    const warn: Warn = (message, facts) => this.#logger.warn(facts, message);
    const parts = { folder, name, warn, patienceMs: repairTimeoutSec * 1000 };
    const engine = () => this.#parts?.engine;
    const whileRunning = new RunningRepair({
      ...parts,
      peers: () => otherNames(engine()).filter((peer) => !isBlocked(peer)),
      store: () => engine()?.store,
      failed: (error) => engine()?.failed(error),
      hold: () => this.#scavenger.hold(),
      mended: (chunk) => this.#scavenger.mended(chunk),
    });
    const seeds = () => watch.seeds.names;
    return {
      whileRunning,
      atStart: new StartRepair({ ...parts, platform: openPlatform(), seeds, isBlocked }),
    };
  }

  #chunkCounts(): { repairs: number; damagedChunks: number } {
    const { whileRunning, atStart } = this.#repairs!;
    const { repairs, damagedChunks } = whileRunning;
    return { repairs: repairs + atStart.repairs, damagedChunks };
  }

  #listen(): Promise<NodeServer> {
    return openFrontDoor({
      ...{ options: this.#options, logger: this.#logger, version: this.#version, garbage: this.#garbage },
      household: () => this.#parts,
      chunks: new ChunkRoutes({
        source: () => this.#repairs?.atStart.source ?? storeChunks(this.#parts?.engine),
        isBlocked: (peer) => this.#blocked.has(peer),
      }),
    });
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

function otherNames(engine: Engine | undefined): string[] {
  const members = engine?.view.configuration?.members ?? [];
  return members.filter(({ id }) => id !== engine?.memberId).map(({ name }) => name);
}

/** What other members may be given; nothing of a node that is out of order. */
function storeChunks(engine: Engine | undefined): ChunkSource | undefined {
  const store = engine?.role === 'fenced' ? undefined : engine?.store;
  if (store === undefined) return undefined;
  const { logId, chunkSize, committed, reader } = store;
  return {
    ...{ logId, chunkSize, committed },
    read: (position, target) => reader.readPiece(position, target),
    fileVersionOf: (chunk) => reader.fileVersionOf(chunk),
  };
}
