/**
 * The network between the nodes: a link for each ordered pair of names, that carries encoded bytes. Pure. By default a link is like a
 * connection: what arrives, arrives in order, and a loss takes everything along that is under way. In chaotic mode each message
 * goes its own way: it may be lost, doubled, overtaken. Either way old messages may be replayed, also those of nodes' earlier lives.
 */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import { decodeMessage, encodeMessage } from '../cluster/message-codec.js';
import type { Message } from '../cluster/messages.js';
import type { EventQueue } from './event-queue.js';
import type { Random } from './random.js';
import type { Trace } from './trace.js';

/** How well the network works at present; all links alike, except for cuts and slow nodes. */
export interface NetworkQuality {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** How often a message is lost; in connection mode, with all that is under way on its link. */
  readonly lossChance: number;
  readonly isChaotic: boolean;
  /** Chaotic mode: how often a message arrives twice, and how often one is held back for long. */
  readonly duplicateChance: number;
  readonly lateChance: number;
  /** How often sending a message brings back an old one besides. */
  readonly replayChance: number;
}

/** A local network on a good day. */
export const GOOD_NETWORK: NetworkQuality = {
  delayMinMs: 0.1,
  delayMaxMs: 1,
  lossChance: 0,
  isChaotic: false,
  duplicateChance: 0,
  lateChance: 0,
  replayChance: 0,
};

export interface NetworkParts {
  readonly queue: EventQueue;
  readonly trace: Trace;
  readonly random: Random;
  /** Hands a message to the node with this name, if there is one that runs. */
  readonly deliver: (to: string, message: Message) => void;
}

interface Link {
  readonly from: string;
  readonly to: string;
  /** How many faults cut it at present. */
  cuts: number;
  /** Grows when the connection breaks: what was sent before doesn't arrive. */
  connection: number;
  /** Connection mode: nothing arrives before what was sent before it. */
  lastArrivalMs: number;
}

interface Recorded {
  readonly link: Link;
  readonly bytes: Bytes;
}

/** Messages that may be replayed. A random one makes room, so that very old ones stay among them. */
const RECORDED_MAX = 256;
/** A late message is late by up to so much: some election timeouts. */
const LATE_MS_MAX = 5000;

export class Network {
  quality: NetworkQuality = GOOD_NETWORK;
  readonly #parts: NetworkParts;
  readonly #links = new Map<string, Map<string, Link>>();
  /** Milliseconds that everything from or to a node takes longer. */
  readonly #extraDelayMs = new Map<string, number>();
  readonly #recorded: Recorded[] = [];

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  send(from: string, to: string, message: Message): void {
    const link = this.#link(from, to);
    const bytes = encodeMessage(message);
    const { quality } = this;
    const { random } = this.#parts;
    if (quality.replayChance > 0) this.#recordAndReplay({ link, bytes });
    if (link.cuts > 0) return;
    if (random.chance(quality.lossChance)) {
      if (!quality.isChaotic) this.#break(link);
      return;
    }
    this.#transmit(link, bytes);
    if (quality.isChaotic && random.chance(quality.duplicateChance)) this.#transmit(link, bytes);
  }

  /** One way. Cuts are counted: each needs its own {@link mend}. */
  cut(from: string, to: string): void {
    const link = this.#link(from, to);
    link.cuts++;
    this.#break(link);
  }

  mend(from: string, to: string): void {
    const link = this.#link(from, to);
    if (link.cuts > 0) link.cuts--;
  }

  isCut(from: string, to: string): boolean {
    return this.#link(from, to).cuts > 0;
  }

  /** Everything from or to this node takes so much longer from now on. */
  slowDown(name: string, byMs: number): void {
    this.#extraDelayMs.set(name, byMs);
  }

  /** The process with this name has died. What it has sent still arrives; what is under way to it doesn't, unless in chaos. */
  disconnect(name: string): void {
    if (this.quality.isChaotic) return;
    for (const links of this.#links.values()) {
      for (const link of links.values()) if (link.to === name) this.#break(link);
    }
  }

  #link(from: string, to: string): Link {
    let links = this.#links.get(from);
    if (links === undefined) {
      links = new Map();
      this.#links.set(from, links);
    }
    let link = links.get(to);
    if (link === undefined) {
      link = { from, to, cuts: 0, connection: 0, lastArrivalMs: 0 };
      links.set(to, link);
    }
    return link;
  }

  #break(link: Link): void {
    link.connection++;
    link.lastArrivalMs = 0;
  }

  #transmit(link: Link, bytes: Bytes): void {
    const { queue } = this.#parts;
    const { isChaotic } = this.quality;
    const { connection } = link;
    let arrivalMs = queue.nowMs + this.#delayMs(link);
    if (!isChaotic) {
      arrivalMs = Math.max(arrivalMs, link.lastArrivalMs);
      link.lastArrivalMs = arrivalMs;
    }
    queue.at(arrivalMs, () => {
      if (link.cuts > 0 || (!isChaotic && link.connection !== connection)) return;
      this.#arrive(link, bytes);
    });
  }

  #delayMs(link: Link): number {
    const { random } = this.#parts;
    const { delayMinMs, delayMaxMs, isChaotic, lateChance } = this.quality;
    const extraMs = (this.#extraDelayMs.get(link.from) ?? 0) + (this.#extraDelayMs.get(link.to) ?? 0);
    const lateMs = isChaotic && random.chance(lateChance) ? random.below(LATE_MS_MAX) : 0;
    return delayMinMs + random.fraction() * (delayMaxMs - delayMinMs) + extraMs + lateMs;
  }

  #recordAndReplay(sent: Recorded): void {
    const { random } = this.#parts;
    const recorded = this.#recorded;
    if (recorded.length < RECORDED_MAX) recorded.push(sent);
    else recorded[random.below(RECORDED_MAX)] = sent;
    if (!random.chance(this.quality.replayChance)) return;
    const old = random.pick(recorded);
    if (old.link.cuts === 0) this.#transmit(old.link, old.bytes);
  }

  #arrive({ from, to }: Link, bytes: Bytes): void {
    const { queue, trace, deliver } = this.#parts;
    const message = decodeMessage(bytes);
    assert(message.kind !== 'invalid', 'what was encoded can be decoded');
    trace.note(queue.nowMs, to, message.kind, () => `from ${from} ${describeMessage(message)}`).bytes(bytes);
    deliver(to, message);
  }
}

/** A message's own fields, without the envelope and without the bytes of records. */
export function describeMessage(message: Message): string {
  const { kind: _kind, clusterId: _clusterId, from: _from, fromName: _fromName, to: _to, ...facts } = message;
  return JSON.stringify(facts, (_key, value: unknown) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  );
}
