/**
 * One connection through a gate: two directions, each a queue of messages that leave their link in order. Main thread of the proxy. An end travels like
 * a message: who is far away hears later that the other one has hung up.
 */
import type { Socket } from 'node:net';
import { Direction } from './direction.js';
import { FrameSplitter, type Piece, payloadOf } from './frame-splitter.js';
import type { Party, ProxyCore } from './proxy-core.js';

export interface Ends {
  /** Who has connected. */
  readonly inbound: Socket;
  /** The node behind the gate. */
  readonly outbound: Socket;
  readonly target: Party;
  readonly client: Party | undefined;
  readonly partyOf: (name: string) => Party | undefined;
}

/** What waits for a sender to say who it is; more is passed on without knowing. */
const UNIDENTIFIED_PIECES_MAX = 8;
const NODE_NAME_HEADER = /^cairn-name: *(\S+)/im;
const GOSSIP_FROM = /"from":"([^"]+)"/;
/** The name of a node in a Hello, by which it forwards appends to its leader. */
const FORWARDER = /(?:\d{1,3}\.){3}\d{1,3}:\d{1,5}/;

export class Connection {
  readonly #core: ProxyCore;
  readonly #ends: Ends;
  readonly #up: Direction;
  readonly #down: Direction;
  #path = '';
  #source: Party | undefined;
  #isIdentified: boolean;
  readonly #waiting: Piece[] = [];

  constructor(core: ProxyCore, ends: Ends) {
    this.#core = core;
    this.#ends = ends;
    this.#source = ends.client;
    this.#isIdentified = ends.client !== undefined;
    const isPeer = () => this.#path === '/peer';
    this.#up = new Direction(core, ends.inbound, ends.outbound, isPeer);
    this.#down = new Direction(core, ends.outbound, ends.inbound, isPeer);
  }

  start(): void {
    if (this.#source !== undefined) this.#joined(this.#source);
    const { inbound, outbound } = this.#ends;
    const [fromInbound, fromOutbound] = [new FrameSplitter(), new FrameSplitter()];
    inbound.on('data', (bytes) => {
      fromInbound.push(bytes, (piece) => {
        if (piece.kind === 'head') fromInbound.switched(this.#request(piece.bytes));
        this.#fromInbound(piece);
      });
    });
    outbound.on('data', (bytes) => {
      fromOutbound.push(bytes, (piece) => {
        if (piece.kind === 'head') fromOutbound.switched(isSwitch(piece.bytes));
        this.#down.send(piece);
      });
    });
    this.#up.endWith();
    this.#down.endWith();
  }

  #fromInbound(piece: Piece): void {
    if (!this.#isIdentified) {
      const verdict = this.#identify(piece);
      if (verdict === 'wait') {
        this.#waiting.push(piece);
        return;
      }
      if (verdict === 'known') this.#isIdentified = true;
    }
    for (const waiting of this.#waiting.splice(0)) this.#up.send(waiting);
    this.#up.send(piece);
  }

  /** Reads a request's head; answers whether it asks for a WebSocket. */
  #request(head: Buffer): boolean {
    const text = head.toString('latin1');
    this.#path = text.split(' ', 2)[1] ?? '';
    return /^upgrade: *websocket/im.test(text);
  }

  /** `pass`: not known yet, and not to be held up for that. */
  #identify(piece: Piece): 'known' | 'wait' | 'pass' {
    if (piece.kind === 'frame') return this.#known(FORWARDER.exec(payloadOf(piece).toString('latin1'))?.[0]);
    const text = piece.bytes.toString('latin1');
    if (piece.kind === 'raw') {
      const name = GOSSIP_FROM.exec(text)?.[1];
      return name === undefined && this.#waiting.length < UNIDENTIFIED_PIECES_MAX
        ? 'wait'
        : this.#known(name);
    }
    const name = NODE_NAME_HEADER.exec(text)?.[1];
    if (name !== undefined) return this.#known(name);
    // A client says who it is only after the answer to its upgrade.
    if (this.#path === '/client') return 'pass';
    return text.startsWith('POST /gossip') ? 'wait' : this.#known(undefined);
  }

  #known(name: string | undefined): 'known' {
    this.#source = name === undefined ? undefined : this.#ends.partyOf(name);
    if (this.#source !== undefined) this.#joined(this.#source);
    return 'known';
  }

  #joined(source: Party): void {
    const { target } = this.#ends;
    this.#up.between(source, target);
    this.#down.between(target, source);
    // The handshake of TCP.
    this.#up.holdFor(
      this.#core.pipe(source, target).shape.delayMs + this.#core.pipe(target, source).shape.delayMs,
    );
  }
}

function isSwitch(head: Buffer): boolean {
  return head.toString('latin1', 0, 12).endsWith(' 101');
}
