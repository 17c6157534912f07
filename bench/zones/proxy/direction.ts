/** One direction of a connection through a gate: takes what one socket sends and gives it to the other one when it has passed its link. */
import type { Socket } from 'node:net';
import { monotonicMs } from './alarm.js';
import type { Piece } from './frame-splitter.js';
import { PipeOrder } from './link-pipe.js';
import { meaningOf } from './passages.js';
import type { Party, ProxyCore } from './proxy-core.js';

/** Of messages that are under way; beyond it the sender is not read from, as when a TCP window is full. */
const UNDER_WAY_BYTES_MAX = 16 * 1024 * 1024;

export class Direction {
  readonly #core: ProxyCore;
  readonly #from: Socket;
  readonly #to: Socket;
  /** Whether the connection is one between nodes. */
  readonly #isPeer: () => boolean;
  readonly #order = new PipeOrder();
  #sender: Party | undefined;
  #receiver: Party | undefined;
  /** Nothing of this direction leaves before. */
  #notBeforeMs = 0;
  #bytesUnderWay = 0;

  constructor(core: ProxyCore, from: Socket, to: Socket, isPeer: () => boolean) {
    this.#core = core;
    this.#from = from;
    this.#to = to;
    this.#isPeer = isPeer;
  }

  /** Whose direction this is. Before it is known, and if nobody knows, nothing is delayed. */
  between(sender: Party, receiver: Party): void {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** What is sent first waits so much longer. */
  holdFor(ms: number): void {
    this.#notBeforeMs = monotonicMs() + ms;
  }

  send(piece: Piece): void {
    const core = this.#core;
    if (this.#isCut) return;
    const enteredMs = monotonicMs();
    this.#take(piece.bytes.length);
    core.at(this.#leavesMs(enteredMs, piece.bytes.length), () => {
      // What was under way when the link was cut is lost.
      if (this.#isCut) return;
      this.#give(piece.bytes);
      if (core.isRecording) this.#note(piece, enteredMs);
    });
  }

  /** When the sender ends or breaks the connection, the receiver learns of it, after all that was sent. */
  endWith(): void {
    const end = () => {
      if (this.#isCut) return;
      this.#core.at(this.#leavesMs(monotonicMs(), 0), () => this.#to.destroySoon());
    };
    // 'close' comes in any case; what was wrong is of no interest to the other side.
    this.#from.on('error', () => this.#from.destroy());
    this.#from.once('close', end);
  }

  get #isCut(): boolean {
    return this.#core.isCut(this.#sender) || this.#core.isCut(this.#receiver);
  }

  #leavesMs(nowMs: number, bytes: number): number {
    if (this.#sender === undefined || this.#receiver === undefined) return nowMs;
    const pipe = this.#core.pipe(this.#sender, this.#receiver);
    return this.#order.leaves(pipe, Math.max(nowMs, this.#notBeforeMs), bytes);
  }

  #take(bytes: number): void {
    this.#bytesUnderWay += bytes;
    if (this.#bytesUnderWay > UNDER_WAY_BYTES_MAX) this.#from.pause();
  }

  #give(bytes: Buffer): void {
    this.#bytesUnderWay -= bytes.length;
    if (this.#bytesUnderWay <= UNDER_WAY_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
    if (!this.#to.destroyed) this.#to.write(bytes);
  }

  #note(piece: Piece, enteredMs: number): void {
    if (this.#sender === undefined || this.#receiver === undefined) return;
    const { kind, mark } = meaningOf(piece, this.#isPeer());
    const [from, to, bytes] = [this.#sender.name, this.#receiver.name, piece.bytes.length];
    this.#core.note({ kind, from, to, enteredMs, leftMs: monotonicMs(), bytes, mark });
  }
}
