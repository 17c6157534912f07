/** Several paths for WebSockets on one port: each with its own limits, none of which is another's. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import {
  CLIENT_PATH,
  NodeServer,
  PEER_PATH,
  type ServerSession,
  type UpgradePath,
} from '../../src/net/server.js';

class Session implements ServerSession {
  isGreeted = false;
  readonly received: number[] = [];
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.received.push(data.length));
    socket.on('error', () => socket.terminate());
  }

  tooMuchBeforeHello(): void {
    this.#socket.close(4000);
  }

  stop(): void {
    this.#socket.close(4001);
  }
}

class Path implements UpgradePath {
  readonly sessions: Session[] = [];
  readonly earlyBytesMax = 4096;

  constructor(
    readonly connectionsMax: number,
    readonly messageBytesMax: number,
    readonly takesBrowsers: boolean,
    readonly isGreeted: boolean,
  ) {}

  readonly accept = (socket: WebSocket): Session => {
    const session = new Session(socket);
    session.isGreeted = this.isGreeted;
    this.sessions.push(session);
    return session;
  };
}

async function serve(): Promise<{ clients: Path; peers: Path; server: NodeServer; url: string }> {
  const clients = new Path(2, 1000, true, true);
  const peers = new Path(1, 100_000, false, false);
  const server = await NodeServer.listen({
    host: '127.0.0.1',
    port: 0,
    answer: (_request, response) => response.end(),
    upgrades: new Map([
      [CLIENT_PATH, clients],
      [PEER_PATH, peers],
    ]),
  });
  onTestFinished(() => server.stop());
  return { clients, peers, server, url: `ws://${server.address}` };
}

async function open(url: string, origin?: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { ...(origin !== undefined && { origin }), perMessageDeflate: false });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

describe('a path', () => {
  it('has its own number of connections', async () => {
    const { server, url } = await serve();
    await open(url + PEER_PATH);
    await expect(open(url + PEER_PATH)).rejects.toThrow('503');
    await open(url + CLIENT_PATH);
    expect(server.connections).toEqual(
      new Map([
        [CLIENT_PATH, 1],
        [PEER_PATH, 1],
      ]),
    );
  });

  it('has its own size of messages', async () => {
    const { clients, url } = await serve();
    const client = await open(url + CLIENT_PATH);
    client.send(new Uint8Array(1000));
    client.send(new Uint8Array(1001));
    expect((await once(client, 'close'))[0]).toBe(1009);
    expect(clients.sessions[0]!.received).toEqual([1000]);
  });

  it('has its own limit on what is sent before Hello', async () => {
    const { url } = await serve();
    const peer = await open(url + PEER_PATH);
    peer.send(new Uint8Array(5000));
    expect((await once(peer, 'close'))[0]).toBe(4000);
    const client = await open(url + CLIENT_PATH);
    for (let i = 0; i < 10; i++) client.send(new Uint8Array(900));
    client.close(4002);
    expect((await once(client, 'close'))[0]).toBe(4002);
  });

  it('of the nodes takes no browser, not even from this machine', async () => {
    const { url } = await serve();
    await expect(open(url + PEER_PATH, 'http://localhost')).rejects.toThrow('403');
    await open(url + CLIENT_PATH, 'http://localhost');
  });

  it('that is none is 404', async () => {
    const { url } = await serve();
    await expect(open(`${url}/elsewhere`)).rejects.toThrow('404');
    await open(`${url}${PEER_PATH}?from=node-1`);
  });

  it('hears when the node stops', async () => {
    const { server, url } = await serve();
    const sockets = [await open(url + CLIENT_PATH), await open(url + PEER_PATH)];
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    await server.stop();
    expect((await closed).map(([code]) => code as number)).toEqual([4001, 4001]);
    await expect(open(url + CLIENT_PATH)).rejects.toThrow('ECONNREFUSED');
  });
});
