/**
 * A node: an engine on a data folder, and the server that lets clients at it. Main thread. What dies inside makes the node
 * fail, and whoever started it end the process: an engine that lost a thread can promise nothing any more.
 */
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { CairnError } from '../base/errors.js';
import type { NodeOptions } from '../config/options.js';
import { openPlatform } from '../native/platform.js';
import { ClientSession } from '../net/client-session.js';
import { infoRoute, liveRoute } from '../net/http/node-routes.js';
import { Router } from '../net/http/router.js';
import { MessageGarbage } from '../net/message-garbage.js';
import { connectionsWithin, openFilesMax } from '../net/open-files.js';
import { isLoopback } from '../net/origin.js';
import { CLIENT_PATH, EARLY_BYTES_MAX, NodeServer, type UpgradePath } from '../net/server.js';
import { sessionLimits } from '../net/session-limits.js';
import type { Engine } from './engine.js';
import type { EngineOptions } from './engine-options.js';
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

/** Starts a node, or throws what keeps it from starting. */
export async function startNode(options: NodeOptions, logger: Logger, version: string): Promise<RunningNode> {
  if (!options.insecure && !isLoopback(options.nodeIp)) {
    throw new CairnError(
      'invalid-configuration',
      `${options.nodeIp} can be reached from other machines, and there is no TLS yet: add --insecure to allow it`,
      { nodeIp: options.nodeIp },
    );
  }
  const death = new EventEmitter<{ failed: [CairnError] }>();
  const failed = once(death, 'failed').then(([error]: CairnError[]) => error!);
  const engine = await openEngine(engineOptions(options), {
    note: (message, facts) => logger.info(facts, message),
    failed: (error) => death.emit('failed', error),
  });
  try {
    const server = await listen(options, { engine, logger, version });
    const { address } = server;
    return {
      addresses: { client: `ws://${address}`, http: `http://${address}` },
      failed,
      stop: () => stopNode(engine, server),
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

interface Serving {
  readonly engine: Engine;
  readonly logger: Logger;
  readonly version: string;
}

function listen(options: NodeOptions, { engine, logger, version }: Serving): Promise<NodeServer> {
  const limits = sessionLimits(engine.limits, options.maxInFlightAppends, options.maxOpenReads);
  const { reader, logId } = engine;
  const garbage = new MessageGarbage();
  const parts = { engine, reader, limits, logId, serverVersion: version, log: logger, garbage };
  const startedAt = new Date().toISOString();
  const info = () => ({
    ...{ name: 'cairn', version, startedAt, logId, chunkSize: engine.chunkSize },
    platform: openPlatform().describe,
    ...engine.statistics(),
  });
  const router = new Router(options.nodeIp, [liveRoute(), infoRoute(info)]);
  const clients: UpgradePath = {
    connectionsMax: connectionsMax(options.maxConnections, logger),
    messageBytesMax: limits.messageBytesMax,
    earlyBytesMax: EARLY_BYTES_MAX,
    takesBrowsers: true,
    accept: (socket, remote) => new ClientSession(socket, remote, parts),
  };
  return NodeServer.listen({
    host: options.nodeIp,
    port: options.nodePort,
    answer: (request, response) => router.handle(request, response),
    upgrades: new Map([[CLIENT_PATH, clients]]),
  });
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

/** No new clients; then everything accepted becomes durable and is answered; then the connections close. */
async function stopNode(engine: Engine, server: NodeServer): Promise<void> {
  server.stopAccepting();
  await engine.stop();
  await server.stop();
}

function engineOptions(options: NodeOptions): EngineOptions {
  const { db, chunkSize, ringSize, batchBytesMax, syncMode, maxAppendSize, maxAppendEventSize } = options;
  const { retryWindowEvents } = options;
  const limits = { maxAppendSize, maxAppendEventSize, retryWindowEvents };
  return { folder: db, chunkSize, ringSize, batchBytesMax, syncMode, ...limits };
}
