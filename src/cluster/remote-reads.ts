/** Linearizable reads on a node that does not lead: the leader is asked for the position that they need. Pure. */
import type { Core } from './core.js';
import type { Refusal } from './effects.js';
import type { MessageOf } from './messages.js';
import type { Addressee } from './outbox.js';

/** Reads in wait; beyond it they are refused, and clients ask again. */
const READS_MAX = 10_000;
/** A node asks less often than that in a life; 2^53 leaves room for two million starts. */
const READS_PER_START = 2 ** 32;

interface RemoteRead {
  readonly request: number;
  readonly deadlineMs: number;
}

export class RemoteReads {
  readonly #core: Core;
  /** By the number under which the leader was asked. In the order of asking, so of giving up. */
  readonly #reads = new Map<number, RemoteRead>();
  /** Never the same in two starts: an answer that a former life of this node was given may be older than the question now. */
  #number: number;

  constructor(core: Core) {
    this.#core = core;
    this.#number = core.outbox.state.start * READS_PER_START;
  }

  get deadlineMs(): number {
    for (const { deadlineMs } of this.#reads.values()) return deadlineMs;
    return Number.POSITIVE_INFINITY;
  }

  ask(request: number, leader: Addressee): void {
    const { outbox, nowMs, options } = this.#core;
    if (this.#reads.size >= READS_MAX) {
      this.#refuse(request, 'no-leader');
      return;
    }
    this.#number++;
    this.#reads.set(this.#number, { request, deadlineMs: nowMs + options.electionTimeoutMs });
    outbox.send(leader, { kind: 'readIndex', request: this.#number });
  }

  /** `position` -1: the one that was asked is no leader. */
  onReply({ request: number, position }: MessageOf<'readIndexReply'>): void {
    const read = this.#reads.get(number);
    if (read === undefined) return;
    this.#reads.delete(number);
    if (position < 0) this.#refuse(read.request, 'no-leader');
    else this.#core.outbox.push({ kind: 'readReady', request: read.request, position });
  }

  /** The leader that was asked is gone. */
  refuseAll(): void {
    for (const { request } of this.#reads.values()) this.#refuse(request, 'no-leader');
    this.#reads.clear();
  }

  tick(): void {
    for (const [number, { request, deadlineMs }] of this.#reads) {
      if (deadlineMs > this.#core.nowMs) return;
      this.#reads.delete(number);
      this.#refuse(request, 'no-leader');
    }
  }

  #refuse(request: number, refusal: Refusal): void {
    this.#core.outbox.push({ kind: 'readRefused', request, refusal });
  }
}
