/**
 * Linearizable reads that wait until a majority has confirmed that this node still leads (read index: Ongaro, thesis, section
 * 6.4). Pure. The position is taken before the question is asked, and each read has a round of its own or a later one: an answer to
 * an earlier round says nothing about it.
 */
import type { Position } from '../base/units.js';
import { type Core, senderOf } from './core.js';
import type { MessageOf } from './messages.js';

interface PendingRead {
  readonly request: number;
  /** The follower that asks; undefined if it is this node. */
  readonly from: MessageOf<'readIndex'> | undefined;
  readonly position: Position;
  /** The heartbeat round that must be answered by a majority. */
  readonly round: number;
}

/** Reads in wait; beyond it they are refused, and clients ask again. */
const READS_MAX = 10_000;

export class ReadQueue {
  readonly #core: Core;
  /** By growing round. */
  #reads: PendingRead[] = [];

  constructor(core: Core) {
    this.#core = core;
  }

  /** The round that the last of them waits for; 0 if there are none. */
  get lastRound(): number {
    return this.#reads.at(-1)?.round ?? 0;
  }

  add(read: PendingRead): void {
    if (this.#reads.length >= READS_MAX) this.refuse(read.request, read.from);
    else this.#reads.push(read);
  }

  /** A majority has answered this round: so the reads that wait for it, or an earlier one, are answered. */
  confirm(round: number): void {
    let answered = 0;
    while (answered < this.#reads.length && this.#reads[answered]!.round <= round) {
      this.#answer(this.#reads[answered]!);
      answered++;
    }
    if (answered > 0) this.#reads = this.#reads.slice(answered);
  }

  refuse(request: number, from: MessageOf<'readIndex'> | undefined): void {
    if (from !== undefined) this.#core.reply(from, { kind: 'readIndexReply', request, position: -1 });
    else this.#core.outbox.push({ kind: 'readRefused', request, refusal: 'no-leader' });
  }

  refuseAll(): void {
    for (const { request, from } of this.#reads) this.refuse(request, from);
    this.#reads = [];
  }

  #answer({ request, from, position }: PendingRead): void {
    if (from === undefined) this.#core.outbox.push({ kind: 'readReady', request, position });
    else this.#core.outbox.send(senderOf(from), { kind: 'readIndexReply', request, position });
  }
}
