/**
 * Where a write's time goes, from its turn of the event loop to its answers: one publish at a time is followed through all stages, and no
 * more than one in a while, so that it costs nothing to leave on. Main thread; what the writer did it reads from the ring's statistics.
 * Times are those of `performance.now()`.
 */
import type { Position } from '../base/units.js';
import type { LastBatch } from '../ring/writer-statistics.js';

/**
 * | stage | from | to |
 * |---|---|---|
 * | sequence | the turn's first append | published: decoded, decided, framed, sealed |
 * | wait | published | the writer begins the batch: it wakes, or ends the batch before |
 * | write | | handed to the disk |
 * | sync | | durable |
 * | notice | | main has heard of it |
 * | quorum | published | committed |
 * | reply | committed | the answers are with the sockets |
 * | total | the turn's first append | the answers are with the sockets |
 *
 * wait, write, sync and notice are this node's disk; ship and follower, of each member, go on at the same time.
 */
export const WRITE_STAGES = [
  'sequence',
  'wait',
  'write',
  'sync',
  'notice',
  'quorum',
  'reply',
  'total',
] as const;
export type WriteStage = (typeof WRITE_STAGES)[number];

/** Of a member. ship: from published until the range is with its socket; follower: from then until its ack, both ways included. */
export const MEMBER_STAGES = ['ship', 'follower'] as const;
export type MemberStage = (typeof MEMBER_STAGES)[number];

export interface WriteProfileEvents {
  stage(stage: WriteStage, seconds: number): void;
  memberStage(stage: MemberStage, member: string, seconds: number): void;
}

/** Between two writes that are followed: a hundred a second say enough, and observing one costs some ten microseconds. */
const PAUSE_MS = 10;
/** Who has not answered by then is forgotten: it may be down for days. */
const PATIENCE_MS = 10_000;

interface FollowedWrite {
  readonly end: Position;
  readonly beganMs: number;
  readonly publishedMs: number;
  /** Member → when the range was with its socket; gone when it has acked. */
  readonly shippedMs: Map<string, number>;
  readonly acked: Set<string>;
  isDurable: boolean;
  isCommitted: boolean;
}

/** When the turn began that framed it, and when it was committed. */
export interface CommittedWrite {
  readonly beganMs: number;
  readonly committedMs: number;
}

export class WriteProfile {
  readonly #events: WriteProfileEvents;
  #followed: FollowedWrite | undefined;
  #nextMs = 0;

  constructor(events: WriteProfileEvents) {
    this.#events = events;
  }

  /** Events were published, the log now ends at `end`; `beganMs`: when the turn did that framed them. */
  published(end: Position, beganMs: number, nowMs: number): void {
    const old = this.#followed;
    if (old !== undefined && nowMs - old.publishedMs < PATIENCE_MS && !isDone(old)) return;
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + PAUSE_MS;
    this.#followed = {
      ...{ end, beganMs, publishedMs: nowMs, isDurable: false, isCommitted: false },
      ...{ shippedMs: new Map(), acked: new Set() },
    };
    this.#events.stage('sequence', (nowMs - beganMs) / 1000);
  }

  /** All before `end` is with the socket of this member. */
  shipped(member: string, end: Position, nowMs: number): void {
    const write = this.#followed;
    if (write === undefined || end < write.end || write.shippedMs.has(member) || write.acked.has(member))
      return;
    write.shippedMs.set(member, nowMs);
    this.#events.memberStage('ship', member, (nowMs - write.publishedMs) / 1000);
  }

  /** The member has all before `durable` on disk. */
  acked(member: string, durable: Position, nowMs: number): void {
    const write = this.#followed;
    const shippedMs = write?.shippedMs.get(member);
    if (write === undefined || shippedMs === undefined || durable < write.end) return;
    write.shippedMs.delete(member);
    write.acked.add(member);
    this.#events.memberStage('follower', member, (nowMs - shippedMs) / 1000);
  }

  /** All before `durable` is on this node's disk; `lastBatch`: what the writer did last, which may be more. */
  durable(durable: Position, lastBatch: () => LastBatch | undefined, nowMs: number): void {
    const write = this.#followed;
    if (write === undefined || write.isDurable || durable < write.end) return;
    write.isDurable = true;
    const batch = lastBatch();
    // The writer may be a batch further by now.
    if (batch === undefined || batch.from >= write.end || batch.to < write.end) return;
    const { beganMs, writtenMs, syncedMs } = batch;
    const { publishedMs } = write;
    this.#events.stage('wait', Math.max(0, beganMs - publishedMs) / 1000);
    this.#events.stage('write', (writtenMs - beganMs) / 1000);
    this.#events.stage('sync', (syncedMs - writtenMs) / 1000);
    this.#events.stage('notice', Math.max(0, nowMs - syncedMs) / 1000);
  }

  /** All before `position` is committed. What comes back, if anything, is for {@link answered} when the answers have left. */
  committed(position: Position, nowMs: number): CommittedWrite | undefined {
    const write = this.#followed;
    if (write === undefined || write.isCommitted || position < write.end) return undefined;
    write.isCommitted = true;
    this.#events.stage('quorum', (nowMs - write.publishedMs) / 1000);
    return { beganMs: write.beganMs, committedMs: nowMs };
  }

  /** The answers that {@link committed} gave rise to are with the sockets. Another write may be followed by then. */
  answered({ beganMs, committedMs }: CommittedWrite, nowMs: number): void {
    this.#events.stage('reply', (nowMs - committedMs) / 1000);
    this.#events.stage('total', (nowMs - beganMs) / 1000);
  }

  /** The reign is over: what was published may never be committed. */
  reset(): void {
    this.#followed = undefined;
  }
}

function isDone({ isDurable, isCommitted, shippedMs }: FollowedWrite): boolean {
  return isDurable && isCommitted && shippedMs.size === 0;
}
