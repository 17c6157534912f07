/** What a leader knows of one member: whether it lives, where its log stands, what is on the way to it. Pure. */
import { FIRST_POSITION, type Position } from '../base/units.js';
import type { Member } from './configuration.js';

/** A range: large enough that its frame, its turns and its wake-ups cost nothing beside its bytes. */
export const RANGE_BYTES_MAX = 1_048_576;
/** Unacked bytes to one member: beyond it, it is slow, and its lag costs no memory. */
const WINDOW_BYTES_MAX = 16_777_216;
/** From here on a range is large: it goes as soon as it can. */
const LARGE_RANGE_BYTES = 262_144;
/**
 * A small range waits so long for an ack of what is on its way: each range costs every processor that it meets the same, whatever its
 * length, and its records would wait for the other disk anyway. Twice as long behind one that has waited in vain, and so on.
 */
const PATIENCE_MS = 1;

export class Progress {
  member: Member;
  /** The subscription that all else here belongs to; 0 = none yet. */
  attempt = 0;
  /** What its subscribe was answered with. */
  answer: Position = FIRST_POSITION;
  /** All before it is durable there, as it acked in this subscription. */
  match: Position = FIRST_POSITION;
  /** Where the next range begins. */
  next: Position = FIRST_POSITION;
  /** Whether logs agree and ranges go out. */
  isStreaming = false;
  /** A range is being sent. */
  isShipping = false;
  /** When the last range went out, and how long a small one behind it waits. */
  #shippedMs = 0;
  #patienceMs = PATIENCE_MS;
  /**
   * The highest commit position that an ack of this reign counted for, over all subscriptions: who comes back with less has lost
   * something. Not the ack itself: recovery drops an unfinished transaction, acked or not.
   */
  countedHigh: Position = FIRST_POSITION;
  heardMs: number;
  /** What it said of itself with its last answer to a heartbeat. */
  priority = 0;
  /** The highest heartbeat round that was answered. */
  round = 0;

  constructor(member: Member, nowMs: number) {
    this.member = member;
    this.heardMs = nowMs;
  }

  /** A new subscription: nothing of an earlier one counts. */
  restart(attempt: number): void {
    this.attempt = attempt;
    this.match = 0;
    this.next = 0;
    this.isStreaming = false;
    this.isShipping = false;
    this.#patienceMs = PATIENCE_MS;
  }

  /** It acked all before `durable`. */
  noteAck(durable: Position): void {
    if (durable <= this.match) return;
    this.match = durable;
    this.#patienceMs = PATIENCE_MS;
  }

  noteShip(nowMs: number): void {
    this.#patienceMs = this.next > this.match ? 2 * this.#patienceMs : PATIENCE_MS;
    this.isShipping = true;
    this.#shippedMs = nowMs;
  }

  /** When the next range may go, if the log ends at `end`; infinity: not before something changes. */
  nextShipMs(end: Position): number {
    const { next, match } = this;
    const isPossible = this.isStreaming && !this.isShipping && next < end && next - match < WINDOW_BYTES_MAX;
    if (!isPossible) return Number.POSITIVE_INFINITY;
    return next === match || end - next >= LARGE_RANGE_BYTES ? 0 : this.#shippedMs + this.#patienceMs;
  }
}
