/** Peer links of one node, behind a real server on loopback, and what they told it. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { MESSAGE_BYTES_MAX } from '../../src/cluster/message-kinds.js';
import type { Message, MessageOf } from '../../src/cluster/messages.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { MessageGarbage } from '../../src/net/message-garbage.js';
import { PeerLinks } from '../../src/net/peer-links.js';
import { ENVELOPE } from '../cluster/golden-messages.js';
import { until } from '../process/within.js';

const DEADLINE_MS = 20_000;
/** From this round on heartbeats only try whether they arrive. */
const REACHING = 1_000_000;

export class PeerRig {
  clusterId: string | undefined = ENVELOPE.clusterId;
  readonly received: Message[] = [];
  /** Names of nodes whose process is gone. */
  readonly unreachable: string[] = [];
  readonly invalid: string[] = [];
  readonly blocked = new Set<string>();
  /** How many connections others have made. */
  accepted = 0;
  readonly #server: Server;
  readonly #webSockets = new Set<WebSocket>();
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #links: PeerLinks | undefined;

  constructor() {
    const upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: MESSAGE_BYTES_MAX,
    });
    this.#server = createServer();
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const refusal = this.links.refuse(request);
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\n\r\n`);
        return;
      }
      upgrades.handleUpgrade(request, socket, head, (webSocket) => {
        this.accepted++;
        this.#webSockets.add(webSocket);
        this.links.accept(webSocket, request);
      });
    });
  }

  static async start(): Promise<PeerRig> {
    const rig = new PeerRig();
    await rig.listen();
    return rig;
  }

  get name(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get links(): PeerLinks {
    this.#links ??= new PeerLinks({
      name: this.name,
      clusterId: () => this.clusterId,
      receive: (message) => this.received.push(message),
      unreachable: (name) => this.unreachable.push(name),
      isBlocked: (name) => this.blocked.has(name),
      kernel: javascriptKernel,
      garbage: new MessageGarbage(),
      log: { debug: (facts) => this.invalid.push(String((facts as { reason?: string }).reason)) },
    });
    return this.#links;
  }

  /** On the port that it had, if it had one. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As if the process were gone: nobody listens, and every connection is reset. */
  async vanish(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** Ends all connections that others have made. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.links.stop();
    if (this.#server.listening) await this.vanish();
  }

  heartbeat(round: number): MessageOf<'heartbeat'> {
    return { ...ENVELOPE, fromName: this.name, kind: 'heartbeat', epoch: 1, round, commit: 0, end: 0 };
  }

  range(position: number, bytes: Uint8Array): MessageOf<'range'> {
    return {
      ...ENVELOPE,
      fromName: this.name,
      kind: 'range',
      epoch: 1,
      attempt: 1,
      position,
      commit: 0,
      bytes,
    };
  }

  /** Sends a heartbeat until the other has it: a message may be lost before there is a connection. */
  async reach(other: PeerRig): Promise<void> {
    const round = REACHING + other.received.length;
    await until(DEADLINE_MS, 'a message arrives', () => {
      this.links.send(other.name, this.heartbeat(round));
      return other.received.some((message) => message.kind === 'heartbeat' && message.round === round);
    });
  }

  /** The rounds of the heartbeats that it has got, but for those that only tried whether they arrive. */
  get rounds(): number[] {
    return this.received.flatMap((message) =>
      message.kind === 'heartbeat' && message.round < REACHING ? [message.round] : [],
    );
  }

  /** The ranges that it has got. */
  get ranges(): MessageOf<'range'>[] {
    return this.received.filter((message) => message.kind === 'range');
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    await until(DEADLINE_MS, what, isSo);
  }
}
