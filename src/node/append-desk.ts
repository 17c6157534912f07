/**
 * Where a node takes appends while it leads: hands them to its reign's sequencer, publishes once a turn, answers what is committed, and
 * makes those wait for whom there is no room. Main thread; no promise and no object per append.
 */
import { assert } from '../base/assert.js';
import type { Position } from '../base/units.js';
import type { NodeRole } from '../cluster/effects.js';
import type { AppendPort } from '../net/engine-port.js';
import type { StreamHeadCounts } from '../net/node-port.js';
import type { AppendRun } from '../sequencer/append-runs.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome, Sequencer } from '../sequencer/sequencer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { AckPolicy } from '../wire/frames.js';
import type { LogStore } from './log-store.js';
import { NO_LEADER, NO_QUORUM, SHUTTING_DOWN, whyNotHere } from './refusals.js';
import type { Reign } from './reign.js';

/** What the desk needs of the node. */
export interface AppendDeskHost {
  readonly role: NodeRole;
  /** The leader's name, if one is known. */
  readonly leaderName: string | undefined;
  readonly store: LogStore | undefined;
  /** Whether it hears from enough voters for one of them to lead. */
  readonly hearsQuorum: boolean;
  /** Up to where the log is acknowledged as `policy` wants it; undefined if that can't be. */
  acknowledged(policy: AckPolicy): Position | undefined;
}

/**
 * A Commit record normally rides with the next append. When none comes for this long it is written by itself, so that even
 * the last append of a quiet log is provably committed: long against a write, short against a coffee.
 */
const IDLE_COMMIT_MS = 100;
/** How long a node that is stopped waits for what it has accepted to be committed: a leader without a quorum would wait for ever. */
const DRAIN_MS_MAX = 5_000;

export class AppendDesk implements AppendPort {
  readonly #host: AppendDeskHost;
  readonly #acknowledged = (policy: AckPolicy) => this.#host.acknowledged(policy);
  #reign: Reign | undefined;
  #isClosed = false;
  #isTurnScheduled = false;
  #idleCommit: NodeJS.Timeout | undefined;
  #waitingForRoom: (() => void)[] = [];
  /** Who waits until nothing is pending. */
  #draining: (() => void)[] = [];

  constructor(host: AppendDeskHost) {
    this.#host = host;
  }

  /** The reign whose records are in the log, if this node leads. */
  get reign(): Reign | undefined {
    return this.#reign;
  }

  set reign(reign: Reign | undefined) {
    this.#reign = reign;
    clearTimeout(this.#idleCommit);
    this.#idleCommit = undefined;
  }

  /** Whether appends are decided here, now. */
  get isOpen(): boolean {
    return this.#sequencer !== undefined;
  }

  /** Whether appends are for this node, now or in a moment; or for nobody, as it stops or is out of order. */
  get decides(): boolean {
    const { role } = this.#host;
    return (
      this.#isClosed || role === 'leader' || role === 'preLeader' || role === 'fresh' || role === 'fenced'
    );
  }

  get pendingAppends(): number {
    return this.#reign?.sequencer?.pending.size ?? 0;
  }

  get streamHeads(): StreamHeadCounts {
    const { streams = 0, streamBytes: bytes = 0, lookups = 0 } = this.#reign?.sequencer ?? {};
    return { streams, bytes, lookups };
  }

  /**
   * Takes the append that is open in `append`, and later answers `sink` with `token`, in log order. `retry`: the ring is
   * full, a chunk is being made, or a reign is about to begin; call again from {@link whenRoom}. `sought`: call again from {@link whenFound}. The frame's bytes are read until
   * the turn ends.
   */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection {
    const sequencer = this.#sequencer;
    if (sequencer === undefined) return this.#whyClosed() ?? this.#beforeReign(sink, token);
    const outcome = sequencer.append(append, sink, token);
    // Also if it has to wait: a turn that has begun ends, or the next one would have its time.
    this.#scheduleTurn();
    return outcome;
  }

  /**
   * Takes, fast, the plain appends at the head of `run`, and answers each to `sink` with its request id. Whatever frame it
   * stops at is for {@link append}.
   */
  appendRun(run: AppendRun, sink: AppendSink): void {
    const sequencer = this.#sequencer;
    if (sequencer === undefined) return;
    sequencer.appendRun(run, sink);
    this.#scheduleTurn();
  }

  /** Answers a request that never got as far as the sequencer, in its turn. */
  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    const sequencer = this.#sequencer;
    if (sequencer === undefined) {
      queueMicrotask(() => sink.rejected(token, rejection));
      return;
    }
    sequencer.pending.quorum.rejected(this.#host.store!.producer.framed, sink, token, rejection);
    this.#scheduleTurn();
  }

  /** Calls back, once, when an append that got `retry` may have better luck; first come, first served. */
  whenRoom(callback: () => void): void {
    this.#waitingForRoom.push(callback);
    this.#host.store?.hurryIndex();
  }

  /** Calls back, once, when the append that got `sought` last may go on. To be called right after that. */
  whenFound(callback: () => void): void {
    const sequencer = this.#sequencer;
    assert(sequencer !== undefined, 'it has just looked for something');
    sequencer.whenFound(callback);
  }

  /** Why appends are not decided here. */
  whyNot(): Rejection {
    return this.#whyClosed() ?? this.#host.store?.outOfSpace ?? NO_LEADER;
  }

  /** Everything before `position` is committed. */
  committed(position: Position): void {
    this.#reign?.committed(position);
    this.#scheduleIdleCommit();
    if (this.#draining.length > 0) this.#scheduleTurn();
  }

  /** Acks have come: those who asked for another policy than a quorum may be answered. */
  acknowledged(): void {
    this.#reign?.sequencer?.pending.releaseOthers(this.#acknowledged);
  }

  /** Publishes what this turn framed, and answers what needs no waiting. */
  endTurn(): void {
    this.#isTurnScheduled = false;
    const reign = this.#reign;
    if (reign !== undefined) {
      reign.log.endTurn();
      reign.sequencer?.pending.quorum.release(this.#host.store!.committed);
    }
    if (this.pendingAppends === 0) for (const drained of this.#draining.splice(0)) drained();
  }

  /** Lets those who wait for room try again, until one must wait on: it keeps its place before those who came later. */
  admitWaiting(): void {
    const waiting = this.#waitingForRoom;
    if (waiting.length === 0) return;
    this.#waitingForRoom = [];
    for (let i = 0; i < waiting.length; i++) {
      waiting[i]!();
      if (this.#waitingForRoom.length === 0) continue;
      this.#waitingForRoom.push(...waiting.slice(i + 1));
      return;
    }
  }

  /** The same, but not within the core's step: the node has become something else. */
  admitWaitingSoon(): void {
    if (this.#waitingForRoom.length > 0) queueMicrotask(() => this.admitWaiting());
  }

  /** Takes nothing more. Resolves when everything that was accepted is committed and answered, or the reign has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleCommit);
    this.admitWaiting();
    this.#reign?.sequencer?.releaseWaiting();
    this.endTurn();
    if (this.pendingAppends > 0) {
      await new Promise<void>((resolve) => {
        this.#draining.push(resolve);
        setTimeout(resolve, DRAIN_MS_MAX).unref();
      });
    }
    // So that even the last append is provably committed.
    this.#reign?.log.recordCommit();
    this.endTurn();
  }

  /** The process is about to end. */
  abandon(): void {
    this.#isClosed = true;
    this.reign = undefined;
  }

  get #sequencer(): Sequencer | undefined {
    return this.#isClosed || this.#host.role !== 'leader' ? undefined : this.#reign?.sequencer;
  }

  /** Undefined: it will be open in a moment. */
  #whyClosed(): Rejection | undefined {
    if (this.#isClosed) return SHUTTING_DOWN;
    const { role, leaderName, hearsQuorum } = this.#host;
    const rejection = whyNotHere(role, leaderName);
    return rejection === NO_LEADER && !hearsQuorum ? NO_QUORUM : rejection;
  }

  /**
   * A reign that can't begin, because the disk has no room for its first record, says so: to each append by itself, as one that has begun
   * would, so that the client's next ones are taken when there is room.
   */
  #beforeReign(sink: AppendSink, token: number): AppendOutcome {
    const obstacle = this.#host.store?.outOfSpace;
    if (obstacle === undefined) return 'retry';
    this.refuse(sink, token, obstacle);
    return 'taken';
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    // A microtask, not setImmediate: it runs when all that one socket delivered is framed, and the writer starts that much earlier.
    queueMicrotask(() => {
      if (this.#isTurnScheduled) this.endTurn();
    });
  }

  #scheduleIdleCommit(): void {
    if (this.#reign === undefined || this.#idleCommit !== undefined || this.#isClosed) return;
    this.#idleCommit = setTimeout(() => {
      this.#idleCommit = undefined;
      const reign = this.#reign;
      if (reign?.log.owesCommit !== true) return;
      if (this.pendingAppends > 0) {
        this.#scheduleIdleCommit();
        return;
      }
      reign.log.recordCommit();
      this.endTurn();
    }, IDLE_COMMIT_MS);
    this.#idleCommit.unref();
  }
}
