/**
 * A node under a leader: subscribes where the two logs part, truncates online what is only its own, takes raw ranges, acks what is
 * durable. Pure. Everything it says to the leader names the subscription it belongs to (`attempt`), so that what is delayed or
 * replayed from an earlier one counts for nothing (facts: a resubscribe race moved the commit position of an unverified log).
 */
import { unreachable } from '../base/assert.js';
import { VERIFY_STOP } from '../base/ports.js';
import { type Epoch, earlier, FIRST_POSITION, later, type Position } from '../base/units.js';
import type { Coordinator } from './coordinator.js';
import type { Core } from './core.js';
import type { NodeRole } from './effects.js';
import { EPOCHS_TOLD_MAX, type MessageOf } from './messages.js';
import type { Addressee } from './outbox.js';

/** `asking`: a subscribe is on its way. `settling`: the log is being cut, or waits for what this node
 * had appended as a leader. `streaming`: the logs agree, ranges come. */
type Stage = 'asking' | 'settling' | 'streaming';

/** The next range, or an answer, that doesn't come for so many heartbeat intervals is asked for; each further time after twice as long. */
const PATIENCE_HEARTBEATS = 2;
const DOUBLINGS_MAX = 3;

export class Follower {
  readonly leader: Addressee;
  readonly epoch: Epoch;
  readonly #core: Core;
  readonly #coordinator: Coordinator;
  #stage: Stage = 'asking';
  /** None yet. */
  #attempt = 0;
  /** How often this attempt was asked for again. */
  #repetitions = 0;
  /** Whether the promise of this epoch is durable: the leader has answered what left behind its save. */
  #isPromiseDurable = false;
  #heardMs: number;
  /** Somebody says that the leader's process is gone, and it was not heard since. */
  #isSuspected = false;
  /** When there was progress last, or something was asked. */
  #progressMs: number;
  /** What the leader calls committed. */
  #leaderCommit: Position = FIRST_POSITION;
  /** Where the leader's log ended when it last said so. */
  #leaderEnd: Position = FIRST_POSITION;

  constructor(
    core: Core,
    coordinator: Coordinator,
    reign: { readonly epoch: Epoch; readonly leader: Addressee },
  ) {
    this.#core = core;
    this.#coordinator = coordinator;
    this.epoch = reign.epoch;
    this.leader = reign.leader;
    this.#heardMs = core.nowMs;
    this.#progressMs = core.nowMs;
  }

  get role(): NodeRole {
    return this.isStreaming ? 'following' : 'joining';
  }

  get isStreaming(): boolean {
    return this.#stage === 'streaming';
  }

  get deadlineMs(): number {
    const asksMs = this.#isSuspected ? this.#coordinator.deadlineMs : Number.POSITIVE_INFINITY;
    return Math.min(this.#silentMs, asksMs);
  }

  /** When the leader is to be given up. */
  get #silentMs(): number {
    return this.#heardMs + this.#core.options.electionTimeoutMs;
  }

  get missesLeader(): boolean {
    return this.#isSuspected || this.#core.nowMs >= this.#silentMs;
  }

  /** Answers whether it goes on following. */
  tick(): boolean {
    if (this.#core.nowMs >= this.#silentMs) return false;
    if (this.#isSuspected) this.#coordinator.tick();
    return true;
  }

  /**
   * The process of this name is gone, it seems. If it is the leader's, it is missed, and the others are asked whether they miss it
   * too; but it is still followed, and its next word makes up for all. So a wrong alarm costs some messages, unless a quorum is wrong.
   */
  onUnreachable(name: string): void {
    if (name !== this.leader.name || this.#isSuspected) return;
    this.#isSuspected = true;
    this.#coordinator.suspect(this.leader.id);
  }

  /** Bytes of the leader's log, as far as it was heard of, that are not durable here. */
  get lagBytes(): number {
    return Math.max(0, this.#leaderEnd - this.#core.log.durable);
  }

  isFrom(message: { readonly from: string; readonly epoch: Epoch }): boolean {
    return message.epoch === this.epoch && message.from === this.leader.id;
  }

  /** The first word to the leader, behind the save of the promise that it needs. */
  subscribe(): void {
    this.#ask();
  }

  onMessage(message: MessageOf<'heartbeat' | 'subscribed' | 'range'>): void {
    switch (message.kind) {
      case 'heartbeat':
        this.#onHeartbeat(message);
        break;
      case 'subscribed':
        this.#onSubscribed(message);
        break;
      case 'range':
        this.#onRange(message);
        break;
      default:
        unreachable(message);
    }
  }

  #onHeartbeat(message: MessageOf<'heartbeat'>): void {
    this.#noteHeard();
    const { round, end } = message;
    this.#leaderEnd = later(this.#leaderEnd, end);
    const { outbox, statedPriority: priority } = this.#core;
    outbox.send(this.leader, { kind: 'heartbeatReply', epoch: this.epoch, round, priority });
    this.#noteCommit(message.commit);
    // Acks get lost too.
    if (this.#stage === 'streaming') this.#ack();
    const isBehind = this.#stage !== 'streaming' || end > this.#core.log.end;
    if (!isBehind) this.#progressMs = this.#core.nowMs;
    else if (this.#stage !== 'settling' && this.#isStuck()) this.#ask();
  }

  #onSubscribed(message: MessageOf<'subscribed'>): void {
    if (this.#stage !== 'asking' || message.attempt !== this.#attempt) return;
    const { outbox, log, commit, nowMs, catchUp } = this.#core;
    const { position } = message;
    this.#noteHeard();
    this.#isPromiseDurable = true;
    this.#repetitions = 0;
    if (position > log.end) return;
    if (position < commit) {
      // Invariant 5. The leader is asked again and again; the alarm says why nothing happens.
      outbox.alarm({ kind: 'truncation-refused', asked: position, commit });
      return;
    }
    this.#progressMs = nowMs;
    if (position < log.end) {
      this.#stage = 'settling';
      catchUp.end();
      log.beginTruncation(position, commit);
      outbox.push({ kind: 'truncate', to: position });
    } else {
      this.#stage = 'streaming';
      this.#ack();
    }
  }

  /** The log is cut, or what this node wrote as a leader is in it: the leader is asked where the logs part now. */
  onLogChanged(): void {
    if (this.#stage === 'settling') this.#ask();
  }

  #onRange(message: MessageOf<'range'>): void {
    if (this.#stage !== 'streaming' || message.attempt !== this.#attempt) return;
    const { outbox, log, nowMs, catchUp } = this.#core;
    const { position, bytes } = message;
    this.#noteHeard();
    // A gap: something was lost on the way.
    if (position > log.end && this.#isStuck()) this.#ask();
    if (position !== log.end) return;
    const extended = log.extend(bytes);
    if (extended.kind === 'bad') {
      outbox.alarm({ kind: 'bad-range', position, reason: describe(extended.stop) });
      return;
    }
    this.#progressMs = nowMs;
    const isCatchUp = catchUp.admitsRange(later(this.#leaderCommit, message.commit));
    outbox.push({ kind: 'write', from: position, bytes, isCatchUp });
    this.#noteCommit(message.commit);
  }

  onDurable(): void {
    this.#core.catchUp.noteDurable(this.#leaderCommit);
    if (this.#stage !== 'streaming') return;
    this.#ack();
    this.#noteCommit(this.#leaderCommit);
  }

  #noteHeard(): void {
    this.#heardMs = this.#core.nowMs;
    if (this.#isSuspected) this.#coordinator.trust(this.leader.id);
    this.#isSuspected = false;
  }

  /** Only now that the logs agree does what the leader calls committed say something about this one. */
  #noteCommit(leaderCommit: Position): void {
    this.#leaderCommit = later(this.#leaderCommit, leaderCommit);
    if (this.#stage !== 'streaming') return;
    const { log } = this.#core;
    this.#core.raiseCommit(
      this.#leaderCommit <= log.durable
        ? this.#leaderCommit
        : earlier(this.#leaderCommit, log.durableBoundary),
    );
  }

  #ack(): void {
    const { outbox, catchUp } = this.#core;
    const durable = catchUp.ackable(this.#leaderCommit);
    outbox.send(this.leader, { kind: 'ack', epoch: this.epoch, attempt: this.#attempt, durable });
  }

  #ask(): void {
    const { outbox, log, commit, nowMs } = this.#core;
    // A truncation that an earlier leader asked for, or an append of this node's own reign, may still be going on.
    if (!this.#core.isLogSettled) {
      this.#stage = 'settling';
      return;
    }
    // Asked again it is the same question, as nothing has changed here: so a slow answer still counts.
    if (this.#stage === 'asking' && this.#attempt > 0) {
      this.#repetitions++;
    } else {
      this.#attempt = this.#core.nextAttempt();
      this.#repetitions = 0;
    }
    this.#stage = 'asking';
    this.#progressMs = nowMs;
    const epochs = log.epochs.slice(-EPOCHS_TOLD_MAX).reverse();
    const { epoch } = this;
    const subscribe = {
      kind: 'subscribe',
      epoch,
      attempt: this.#attempt,
      epochs,
      end: log.end,
      commit,
    } as const;
    // Behind a save, so that the promise of this epoch is durable before anything is accepted in it.
    if (this.#isPromiseDurable) outbox.send(this.leader, subscribe);
    else outbox.save({}, { to: this.leader, payload: subscribe });
  }

  #isStuck(): boolean {
    const doublings = Math.min(this.#repetitions, DOUBLINGS_MAX);
    const patienceMs = PATIENCE_HEARTBEATS * this.#core.options.heartbeatIntervalMs * 2 ** doublings;
    return this.#core.nowMs - this.#progressMs >= patienceMs;
  }
}

function describe(stop: number): string {
  switch (stop) {
    case VERIFY_STOP.partial:
      return 'it ends inside a record';
    case VERIFY_STOP.badHeader:
      return 'a record header is damaged';
    case VERIFY_STOP.badPosition:
      return 'a record is not in its place';
    case VERIFY_STOP.badChain:
      return 'it does not continue this log';
    default:
      return 'a record is damaged';
  }
}
