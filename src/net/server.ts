/**
 * The listening socket: HTTP requests, and WebSocket connections at a few paths (of clients, of other nodes), each of which becomes a
 * session of what stands behind its path. Everything a stranger can make it hold has a limit here. Main thread only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { CairnError } from '../base/errors.js';
import { isAllowedOrigin } from './origin.js';

export interface ServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
  /** Path → what becomes of WebSocket connections there. */
  readonly upgrades: ReadonlyMap<string, UpgradePath>;
}

export interface UpgradePath {
  /** Sessions at a time. All sockets, HTTP's too, may be as many as the sum of all paths. */
  readonly connectionsMax: number;
  readonly messageBytesMax: number;
  /** Who has not said Hello may not make us hold more than this. */
  readonly earlyBytesMax: number;
  /** Whether pages in browsers may connect (origin.ts says which). */
  readonly takesBrowsers: boolean;
  /** Why a connection is not taken, as an HTTP status; undefined if it is. */
  readonly refuse?: (request: IncomingMessage) => string | undefined;
  /** Somebody has connected; `stop` is called on the session when the node shuts down. */
  readonly accept: (socket: WebSocket, remote: string, request: IncomingMessage) => ServerSession;
}

export interface ServerSession {
  /** Whether the other side has said Hello, or is being turned away. */
  readonly isGreeted: boolean;
  /** The other side sent more than a Hello needs, and no Hello; closes. */
  tooMuchBeforeHello(): void;
  /** Tells the other side that the node shuts down, and closes. */
  stop(): void;
}

/** Where clients connect, and other nodes. */
export const CLIENT_PATH = '/client';
export const PEER_PATH = '/peer';
/** For {@link UpgradePath.earlyBytesMax}: room for any Hello, with requests right behind it. */
export const EARLY_BYTES_MAX = 64 * 1024;
/** Requests here are one short line; Node's defaults (16 KiB, 60 s, no limit on idle sockets) are for the open web. */
const HEADER_BYTES_MAX = 8 * 1024;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;
/** ws: fragments and chunks of one message, so that tiny pieces can't cost more than their bytes. */
const FRAGMENTS_MAX = 1024;
const BUFFERED_CHUNKS_MIN = 16_384;
/** The largest message may come in pieces as small as this: networks carry some 1,400 bytes at a time, few less than 512. */
const CHUNK_BYTES_MIN = 512;
/** Asks a silent client's machine after this time whether it is still there; the kernel gives up after some more. */
const KEEP_ALIVE_MS = 30_000;

/** One path, and who is connected there. */
interface Gate {
  readonly path: UpgradePath;
  readonly sockets: WebSocketServer;
  readonly sessions: Set<ServerSession>;
}

export class NodeServer {
  readonly #options: ServerOptions;
  readonly #http: Server;
  readonly #gates = new Map<string, Gate>();

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#http = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      options.answer,
    );
    for (const [name, path] of options.upgrades)
      this.#gates.set(name, { path, sockets: socketsOf(path), sessions: new Set() });
    this.#http.maxConnections = [...options.upgrades.values()].reduce(
      (sum, path) => sum + path.connectionsMax,
      0,
    );
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens, or throws `listen-failed`. */
  static async listen(options: ServerOptions): Promise<NodeServer> {
    const server = new NodeServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#http.once('error', (error: NodeJS.ErrnoException) => reject(listenFailed(options, error)));
      server.#http.listen(options.port, options.host, resolve);
    });
    return server;
  }

  /** `host:port` as it can be put into a URL. */
  get address(): string {
    const { address, family, port } = this.#http.address() as AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** Path → sessions that there are. */
  get connections(): ReadonlyMap<string, number> {
    return new Map([...this.#gates].map(([name, { sessions }]) => [name, sessions.size]));
  }

  /** Takes no more connections. */
  stopAccepting(): void {
    this.#http.close();
  }

  /** Tells every client, closes all connections, and resolves when they are gone. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#http.listening) this.#http.close(() => resolve());
      else
        this.#http.getConnections((_error, count) =>
          count === 0 ? resolve() : this.#http.once('close', resolve),
        );
    });
    for (const { sessions } of this.#gates.values()) for (const session of sessions) session.stop();
    this.#http.closeAllConnections();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const gate = this.#gates.get(request.url?.split('?', 1)[0] ?? '');
    const refusal = gate === undefined ? '404 Not Found' : this.#refusal(request, gate);
    if (refusal === undefined) accept(gate!, request, { socket, head });
    else turnAway(socket, refusal);
  }

  #refusal(request: IncomingMessage, { path, sessions }: Gate): string | undefined {
    const { origin } = request.headers;
    const isWelcome = path.takesBrowsers ? isAllowedOrigin(origin, this.#options.host) : origin === undefined;
    if (!isWelcome) return '403 Forbidden';
    if (sessions.size >= path.connectionsMax) return '503 Service Unavailable';
    return path.refuse?.(request);
  }
}

interface Upgraded {
  readonly socket: Duplex;
  readonly head: Buffer;
}

function accept(
  { path, sockets, sessions }: Gate,
  request: IncomingMessage,
  { socket, head }: Upgraded,
): void {
  (socket as Socket).setNoDelay(true);
  (socket as Socket).setKeepAlive(true, KEEP_ALIVE_MS);
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const session = path.accept(webSocket, request.socket.remoteAddress ?? '', request);
    sessions.add(session);
    watchEarlyBytes(socket, session, path.earlyBytesMax);
    webSocket.once('close', () => sessions.delete(session));
  });
}

function socketsOf({ messageBytesMax }: UpgradePath): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    maxFragments: FRAGMENTS_MAX,
    maxBufferedChunks: Math.max(BUFFERED_CHUNKS_MIN, Math.ceil(messageBytesMax / CHUNK_BYTES_MIN)),
    clientTracking: false,
  } as ConstructorParameters<typeof WebSocketServer>[0]);
}

/** Answers, and closes without waiting for the client, which might never do its part. */
function turnAway(socket: Duplex, status: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Counts bytes as they arrive, because ws gathers a message, up to its limit, before a session sees any of it. */
function watchEarlyBytes(socket: Duplex, session: ServerSession, earlyBytesMax: number): void {
  let bytes = 0;
  const count = (data: Buffer) => {
    bytes += data.length;
    if (!session.isGreeted && bytes <= earlyBytesMax) return;
    socket.off('data', count);
    if (!session.isGreeted) session.tooMuchBeforeHello();
  };
  socket.on('data', count);
}

function listenFailed({ host, port }: ServerOptions, error: NodeJS.ErrnoException): CairnError {
  const advice =
    error.code === 'EADDRINUSE'
      ? 'another process uses this port; stop it, or choose another with --node-port'
      : 'choose another address with --node-ip and --node-port';
  return new CairnError(
    'listen-failed',
    `cannot listen on ${host}:${port} (${error.code ?? error.message}): ${advice}`,
    { host, port, errno: error.code ?? '' },
    error,
  );
}
