/** What a leader knows of one member: whether it lives, where its log stands, what is on the way to it. Pure. */
import type { Position } from '../base/units.js';
import type { Member } from './configuration.js';

export class Progress {
  member: Member;
  /** The subscription that all else here belongs to; 0 = none yet. */
  attempt = 0;
  /** What its subscribe was answered with. */
  answer: Position = 0;
  /** All before it is durable there, as it acked in this subscription. */
  match: Position = 0;
  /** Where the next range begins. */
  next: Position = 0;
  /** Whether logs agree and ranges go out. */
  isStreaming = false;
  /** A range is being sent. */
  isShipping = false;
  /**
   * The highest commit position that an ack of this reign counted for, over all subscriptions: who comes back with less has lost
   * something. Not the ack itself: recovery drops an unfinished transaction, acked or not.
   */
  countedHigh: Position = 0;
  heardMs: number;
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
  }
}
