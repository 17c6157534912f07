/**
 * The server of a node: where clients, other nodes and people come in, and what turns them away as long as nothing stands behind it. Main
 * thread.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { MESSAGE_BYTES_MAX } from '../cluster/message-kinds.js';
import type { NodeOptions } from '../config/options.js';
import type { ChunkRoutes } from '../net/chunk-routes.js';
import { ClientSession } from '../net/client-session.js';
import type { Router } from '../net/http/router.js';
import type { MessageGarbage } from '../net/message-garbage.js';
import { connectionsWithin, openFilesMax } from '../net/open-files.js';
import type { PeerLinks } from '../net/peer-links.js';
import { CLIENT_PATH, EARLY_BYTES_MAX, NodeServer, PEER_PATH, type UpgradePath } from '../net/server.js';
import { sessionLimits } from '../net/session-limits.js';
import { appendLimits, countLimits, engineOptions } from './engine-options.js';
import type { NodeService } from './node-service.js';

/** What stands behind the door once the node is open. */
export interface Household {
  readonly links: PeerLinks;
  readonly service: NodeService;
  readonly http: Router;
}

export interface FrontDoorParts {
  readonly options: NodeOptions;
  readonly logger: Logger;
  /** Of the software. */
  readonly version: string;
  readonly garbage: MessageGarbage;
  /** Answered while the log is being mended, too. */
  readonly chunks: ChunkRoutes;
  /** Undefined until the node is open. */
  readonly household: () => Household | undefined;
}

/** The members of the largest cluster, and some who want to be. */
const PEERS_MAX = 64;

/** Listens, or throws `listen-failed`. */
export function openFrontDoor(parts: FrontDoorParts): Promise<NodeServer> {
  const { nodeIp: host, nodePort: port } = parts.options;
  return NodeServer.listen({
    ...{ host, port },
    answer: (request, response) => answer(parts, request, response),
    upgrades: new Map([
      [CLIENT_PATH, clients(parts)],
      [PEER_PATH, peers(parts)],
    ]),
  });
}

function answer(
  { chunks, household }: FrontDoorParts,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (chunks.answer(request, response)) return;
  const node = household();
  if (node === undefined) response.writeHead(503, { connection: 'close' }).end();
  else node.http.handle(request, response);
}

function clients({ options, logger, version, garbage, household }: FrontDoorParts): UpgradePath {
  // An existing log may have smaller chunks, and then Welcome says less.
  const appends = appendLimits(engineOptions(options), options.chunkSize);
  return {
    connectionsMax: connectionsMax(options.maxConnections, logger),
    messageBytesMax: sessionLimits(appends, countLimits(options)).messageBytesMax,
    earlyBytesMax: EARLY_BYTES_MAX,
    takesBrowsers: true,
    refuse: () => (household() === undefined ? NOT_YET : undefined),
    accept: (socket, remote) => {
      const node = household()!.service;
      return new ClientSession(socket, remote, { node, serverVersion: version, log: logger, garbage });
    },
  };
}

function peers({ household }: FrontDoorParts): UpgradePath {
  return {
    connectionsMax: PEERS_MAX,
    messageBytesMax: MESSAGE_BYTES_MAX,
    earlyBytesMax: EARLY_BYTES_MAX,
    takesBrowsers: false,
    refuse: (request) => {
      const node = household();
      return node === undefined ? NOT_YET : node.links.refuse(request);
    },
    accept: (socket, _remote, request) => household()!.links.accept(socket, request),
  };
}

const NOT_YET = '503 Service Unavailable';

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
