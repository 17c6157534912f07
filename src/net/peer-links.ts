/**
 * The connections between this node and the others: one that it has dialled to each node it has something to say to, and those that
 * others have dialled. Messages go out on the own one; ranges on the follower's, because what a server sends is not masked. Messages
 * may be lost: nothing is kept for a node that can't be reached, and no more than a limit for one that is slow. Main thread.
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { RecordKernel } from '../base/ports.js';
import { encodeMessage } from '../cluster/message-codec.js';
import { MESSAGE_BYTES_MAX, PROTOCOL_VERSION } from '../cluster/message-kinds.js';
import type { Message, MessageOf } from '../cluster/messages.js';
import type { SessionLog } from './client-session.js';
import { FrameIntake } from './frame-intake.js';
import type { MessageGarbage } from './message-garbage.js';
import { type LinkEnd, PeerLink, type PeerLinkEvents } from './peer-link.js';
import { PEER_PATH, type ServerSession } from './server.js';

export interface PeerLinksOptions {
  /** This node's own name. */
  readonly name: string;
  /** The cluster that this node belongs to; undefined as long as it belongs to none. */
  readonly clusterId: () => string | undefined;
  /** Someone's word. What is in its `bytes`, if it has any, is the callee's until it returns. */
  readonly receive: (message: Message) => void;
  /** A node's process is gone: its connection has closed, and nobody listens there any more. */
  readonly unreachable: (name: string) => void;
  /** For trials: nothing is sent to these nodes, and nothing of theirs is taken. */
  readonly isBlocked: (name: string) => boolean;
  readonly log: SessionLog;
  readonly kernel: RecordKernel;
  readonly garbage: MessageGarbage;
}

/** Unsent bytes to one node beyond which its messages are dropped: it reads too slowly, and what it missed it asks for again. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 2_000;
/** A node that can't be reached is dialled again after so long, if there is something to say. */
const REDIAL_MS = 100;
/** How soon, and how often, a connection that breaks while it is being made is tried again: together longer than a process takes to die. */
const PROBE_PAUSE_MS = 10;
const PROBES_MAX = 100;
/** Far more than a cluster has members; the one that was dialled the longest ago is forgotten first. */
const NAMES_MAX = 256;
const NOTHING = new Uint8Array(0);
const HEADER = { protocol: 'cairn-peer-protocol', cluster: 'cairn-cluster', name: 'cairn-name' } as const;

export class PeerLinks {
  readonly #options: PeerLinksOptions;
  /** Dialled by this node, by name. */
  readonly #dialled = new Map<string, PeerLink>();
  /** Dialled by others, by their name: the latest one of each. */
  readonly #accepted = new Map<string, PeerLink>();
  /** When a node may be dialled again: of all that were dialled, the latest last. */
  readonly #notBeforeMs = new Map<string, number>();
  #isStopped = false;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
  }

  send(to: string, message: Message): void {
    if (this.#isStopped || this.#options.isBlocked(to)) return;
    const link = this.#dialled.get(to) ?? this.#dial(to);
    if (link === undefined || link.bufferedBytes > BUFFERED_BYTES_MAX) return;
    link.send(encodeMessage(message));
  }

  /** `sent` is called when the range has left, or is lost. False: there is no connection now. */
  ship(to: string, range: MessageOf<'range'>, sent: () => void): boolean {
    const link = this.#accepted.get(to) ?? this.#dialled.get(to);
    if (this.#isStopped || link?.isOpen !== true || this.#options.isBlocked(to)) return false;
    // Copied natively, and once: JavaScript's own copy out of shared memory is several times as slow.
    const { bytes } = range;
    const head = encodeMessage({ ...range, bytes: NOTHING });
    const memory = link.ranges.take(head.length + bytes.length);
    memory.set(head);
    const run = Int32Array.of(0, head.length, bytes.length);
    this.#options.kernel.copyRuns(bytes, memory, run, 1);
    link.send(memory.subarray(0, head.length + bytes.length), () => {
      link.ranges.give(memory);
      sent();
    });
    return true;
  }

  /** Why another node's connection is not taken, as an HTTP status; undefined if it is. */
  refuse({ headers }: IncomingMessage): string | undefined {
    if (headers[HEADER.protocol] !== String(PROTOCOL_VERSION)) return '426 Upgrade Required';
    const name = headers[HEADER.name];
    if (typeof name !== 'string' || name === '') return '400 Bad Request';
    if (this.#options.isBlocked(name)) return '503 Service Unavailable';
    const [own, other] = [this.#options.clusterId(), headers[HEADER.cluster]];
    const isForeign = own !== undefined && typeof other === 'string' && other !== '' && other !== own;
    return isForeign ? '409 Conflict' : undefined;
  }

  /** Another node has connected. */
  accept(socket: WebSocket, request: IncomingMessage): ServerSession {
    const name = String(request.headers[HEADER.name]);
    const closed = (): void => {
      if (this.#accepted.get(name) === link) this.#accepted.delete(name);
      // A stranger may call itself whatever it likes.
      if (this.#notBeforeMs.has(name)) this.#probe(name, PROBES_MAX);
    };
    const link = new PeerLink(socket, this.#eventsOf(name, closed));
    this.#accepted.get(name)?.close();
    this.#accepted.set(name, link);
    // Each of its messages says who it is, and is checked as a whole before anything is kept.
    return { isGreeted: true, tooMuchBeforeHello: () => link.close(), stop: () => link.finish() };
  }

  /** Cuts the connections to nodes that are blocked now. */
  applyBlocks(): void {
    for (const [name, link] of [...this.#dialled, ...this.#accepted])
      if (this.#options.isBlocked(name)) link.close();
  }

  stop(): void {
    this.#isStopped = true;
    for (const link of [...this.#dialled.values(), ...this.#accepted.values()]) link.finish();
  }

  /** `probesLeft`: how often to try again at once if the other side breaks off. */
  #dial(name: string, probesLeft = 0): PeerLink | undefined {
    const nowMs = performance.now();
    if (nowMs < (this.#notBeforeMs.get(name) ?? 0)) return undefined;
    this.#notBeforeMs.delete(name);
    this.#notBeforeMs.set(name, nowMs + REDIAL_MS);
    if (this.#notBeforeMs.size > NAMES_MAX) this.#notBeforeMs.delete(this.#notBeforeMs.keys().next().value!);
    const intake = new FrameIntake(MESSAGE_BYTES_MAX);
    const socket = this.#open(name, intake);
    if (socket === undefined) return undefined;
    const closed = (end: LinkEnd): void => {
      if (this.#dialled.get(name) === link) this.#dialled.delete(name);
      if (this.#isStopped) return;
      if (end === 'refused') this.#options.unreachable(name);
      else if (end === 'lost') this.#probe(name, PROBES_MAX);
      // The listener of a process that is being killed takes connections for a moment longer.
      else if (end === 'reset' && probesLeft > 0)
        setTimeout(() => this.#probe(name, probesLeft - 1), PROBE_PAUSE_MS).unref();
    };
    const link = new PeerLink(socket, this.#eventsOf(name, closed), intake);
    this.#dialled.set(name, link);
    return link;
  }

  /** Undefined if that is no name that can be dialled: whatever another node calls itself, it must not end this one. */
  #open(name: string, intake: FrameIntake): WebSocket | undefined {
    const { clusterId, log } = this.#options;
    try {
      return new WebSocket(`ws://${name}${PEER_PATH}`, {
        createConnection: intake.connect,
        perMessageDeflate: false,
        maxPayload: MESSAGE_BYTES_MAX,
        handshakeTimeout: CONNECT_TIMEOUT_MS,
        skipUTF8Validation: true,
        headers: {
          [HEADER.protocol]: String(PROTOCOL_VERSION),
          [HEADER.cluster]: clusterId() ?? '',
          [HEADER.name]: this.#options.name,
        },
      });
    } catch (error) {
      log.debug({ peer: name, reason: (error as Error).message }, 'a peer has a name that cannot be dialled');
      return undefined;
    }
  }

  /** A connection has broken: whether the process is gone shows when it is dialled again, at once. */
  #probe(name: string, probesLeft: number): void {
    if (this.#isStopped || this.#dialled.has(name) || this.#options.isBlocked(name)) return;
    this.#notBeforeMs.set(name, 0);
    this.#dial(name, probesLeft);
  }

  #eventsOf(name: string, closed: (end: LinkEnd) => void): PeerLinkEvents {
    const { receive, isBlocked, log, garbage } = this.#options;
    return {
      message: (message) => {
        if (!isBlocked(name)) receive(message);
      },
      buffered: (bytes) => garbage.received(bytes),
      invalid: (reason) => log.debug({ peer: name, reason }, 'a peer sent what is no message'),
      closed,
    };
  }
}
