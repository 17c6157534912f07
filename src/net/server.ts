/**
 * The listening socket: HTTP for people and probes (`/health/live`, `/info`), and WebSocket connections of clients at
 * `/client`, each of which becomes a session. Everything a stranger can make it hold has a limit here. Main thread only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { CairnError } from '../base/errors.js';
import { isAllowedOrigin } from './origin.js';
import type { SessionLimits } from './session-limits.js';

export interface ServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly connectionsMax: number;
  readonly limits: SessionLimits;
  /** The body of `GET /info`. */
  readonly info: () => object;
  /** A client has connected; `stop` is called on the session when the node shuts down. */
  readonly accept: (socket: WebSocket, remote: string) => ServerSession;
  /** Answers what it knows the path of; false: it is not its. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Other nodes, at `/peer`. */
  readonly peers?: PeerAcceptor;
}

export interface PeerAcceptor {
  readonly messageBytesMax: number;
  refuse(request: IncomingMessage): string | undefined;
  accept(socket: WebSocket, request: IncomingMessage): void;
}

export interface ServerSession {
  /** Whether the client has said Hello, or is being turned away. */
  readonly isGreeted: boolean;
  /** The client sent more than a Hello needs, and no Hello; closes. */
  tooMuchBeforeHello(): void;
  /** Tells the client that the node shuts down, and closes. */
  stop(): void;
}

const CLIENT_PATH = '/client';
/** Requests here are one short line; Node's defaults (16 KiB, 60 s, no limit on idle sockets) are for the open web. */
const HEADER_BYTES_MAX = 8 * 1024;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;
/** Who has not said Hello may not make us hold more than this: room for any Hello, with requests right behind it. */
const EARLY_BYTES_MAX = 64 * 1024;
/** ws: fragments and chunks of one message, so that tiny pieces can't cost more than their bytes. */
const FRAGMENTS_MAX = 1024;
const BUFFERED_CHUNKS_MIN = 16_384;
/** The largest message may come in pieces as small as this: networks carry some 1,400 bytes at a time, few less than 512. */
const CHUNK_BYTES_MIN = 512;
/** Asks a silent client's machine after this time whether it is still there; the kernel gives up after some more. */
const KEEP_ALIVE_MS = 30_000;

export class ClientServer {
  readonly #options: ServerOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #sessions = new Set<ServerSession>();

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#http = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#http.maxConnections = options.connectionsMax;
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.limits.messageBytesMax,
      maxFragments: FRAGMENTS_MAX,
      maxBufferedChunks: bufferedChunksMax(options.limits),
      clientTracking: false,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
  }

  /** Listens, or throws `listen-failed`. */
  static async listen(options: ServerOptions): Promise<ClientServer> {
    const server = new ClientServer(options);
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

  get connections(): number {
    return this.#sessions.size;
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
    for (const session of this.#sessions) session.stop();
    this.#http.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-content-type-options', 'nosniff');
    if (this.#options.answer?.(request, response) === true) return;
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
    else if (request.url === '/health/live') response.end('{"status":"live"}\n');
    else if (request.url === '/info') response.end(`${JSON.stringify(this.#options.info())}\n`);
    else
      response
        .writeHead(404)
        .end('{"error":"not found; try /info, /health/live, or a WebSocket at /client"}\n');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const { peers } = this.#options;
    if (peers !== undefined && request.url === '/peer') {
      const refusal = peers.refuse(request);
      if (refusal !== undefined) return turnAway(socket, refusal);
      (socket as Socket).setNoDelay(true);
      const sockets = new WebSocketServer({
        noServer: true,
        perMessageDeflate: false,
        skipUTF8Validation: true,
        maxPayload: peers.messageBytesMax,
        clientTracking: false,
      });
      sockets.handleUpgrade(request, socket, head, (webSocket) => peers.accept(webSocket, request));
      return;
    }
    const refusal = this.#refusal(request);
    if (refusal === undefined) this.#accept(request, socket, head);
    else turnAway(socket, refusal);
  }

  #refusal({ url, headers }: IncomingMessage): string | undefined {
    const { host, connectionsMax } = this.#options;
    if (url?.split('?', 1)[0] !== CLIENT_PATH) return '404 Not Found';
    if (!isAllowedOrigin(headers.origin, host)) return '403 Forbidden';
    return this.#sessions.size < connectionsMax ? undefined : '503 Service Unavailable';
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    (socket as Socket).setNoDelay(true);
    (socket as Socket).setKeepAlive(true, KEEP_ALIVE_MS);
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const session = this.#options.accept(webSocket, request.socket.remoteAddress ?? '');
      this.#sessions.add(session);
      watchEarlyBytes(socket, session);
      webSocket.once('close', () => this.#sessions.delete(session));
    });
  }
}

function bufferedChunksMax({ messageBytesMax }: SessionLimits): number {
  return Math.max(BUFFERED_CHUNKS_MIN, Math.ceil(messageBytesMax / CHUNK_BYTES_MIN));
}

/** Answers, and closes without waiting for the client, which might never do its part. */
function turnAway(socket: Duplex, status: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Counts bytes as they arrive, because ws gathers a message, up to its limit, before a session sees any of it. */
function watchEarlyBytes(socket: Duplex, session: ServerSession): void {
  let bytes = 0;
  const count = (data: Buffer) => {
    bytes += data.length;
    if (!session.isGreeted && bytes <= EARLY_BYTES_MAX) return;
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
