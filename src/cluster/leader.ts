/**
 * A reign: from the votes of a majority to stepping down. Writes its Epoch record, ships raw ranges to whoever subscribes, counts acks,
 * moves commit past its own Epoch record only (Raft, section 5.4.2), steps down when a majority is silent (Ongaro, thesis,
 * section 6.2) or its own disk stands still. Pure.
 */
import { assert, unreachable } from '../base/assert.js';
import { type Epoch, earlier, later, type Position } from '../base/units.js';
import { type AckPolicy, acknowledgedBy } from './ack-policy.js';
import { PublishedEnds, quorumReached } from './commit-rule.js';
import { isQuorum, type Member, type MemberId } from './configuration.js';
import type { Core } from './core.js';
import type { Input, NodeRole } from './effects.js';
import { firstConfiguration } from './foundation.js';
import { commonEnd } from './known-log.js';
import { MembershipChanges } from './membership-changes.js';
import type { MessageOf } from './messages.js';
import type { MemberProgress } from './node-view.js';
import { Progress, RANGE_BYTES_MAX } from './progress.js';
import { ReadQueue } from './read-queue.js';
import type { Reign } from './reign.js';
import { Resignation } from './resignation.js';

export class Leader implements Reign {
  readonly epoch: Epoch;
  readonly changes: MembershipChanges;
  readonly resignation: Resignation;
  readonly #core: Core;
  readonly #reads: ReadQueue;
  readonly #progress = new Map<MemberId, Progress>();
  readonly #ends = new PublishedEnds();
  /** Where the Epoch record of this reign begins and ends; undefined until it is in the log. */
  #epochRecord: { readonly position: Position; readonly end: Position } | undefined;
  #round = 0;
  #nextHeartbeatMs: number;
  /** Since when there is something to make durable and nothing became durable. */
  #stalledSinceMs: number | undefined;

  constructor(core: Core, epoch: Epoch) {
    this.#core = core;
    this.epoch = epoch;
    this.#nextHeartbeatMs = core.nowMs;
    // Its Epoch record is what must become durable first.
    this.#stalledSinceMs = core.nowMs;
    this.#noteMembers();
    this.#reads = new ReadQueue(core);
    this.changes = new MembershipChanges(core, this);
    this.resignation = new Resignation(core, this);
    core.append({ type: 'epoch', epoch });
  }

  get isEstablished(): boolean {
    return this.#epochRecord !== undefined && this.#core.commit >= this.#epochRecord.end;
  }

  get role(): NodeRole {
    if (this.resignation.isUnderWay) return 'resigning';
    return this.isEstablished ? 'leader' : 'preLeader';
  }

  get deadlineMs(): number {
    const { end } = this.#core.log;
    let deadlineMs = Math.min(this.#nextHeartbeatMs, this.resignation.deadlineMs);
    for (const progress of this.#progress.values()) {
      deadlineMs = Math.min(deadlineMs, progress.nextShipMs(end));
    }
    return deadlineMs;
  }

  get progress(): ReadonlyMap<MemberId, Progress> {
    return this.#progress;
  }

  acknowledged(policy: AckPolicy): Position | undefined {
    const { configuration, commit, me, options } = this.#core;
    if (configuration === undefined) return undefined;
    const leader = { id: me, zone: options.zone };
    const durableBy = (id: MemberId): Position => this.durableOf(id);
    return acknowledgedBy(policy, { configuration, leader, durableBy, commit });
  }

  memberProgress(): readonly MemberProgress[] {
    const { nowMs, log } = this.#core;
    return [...this.#progress.values()].map(({ member, match, isStreaming, heardMs }) => {
      return { ...member, lagBytes: Math.max(0, log.end - match), isStreaming, silentMs: nowMs - heardMs };
    });
  }

  durableOf(id: MemberId): Position {
    if (id === this.#core.me) return this.#core.catchUp.vouched;
    return this.#progress.get(id)?.match ?? 0;
  }

  hasHeard(id: MemberId, withinMs: number): boolean {
    if (id === this.#core.me) return true;
    const progress = this.#progress.get(id);
    return progress !== undefined && this.#core.nowMs - progress.heardMs < withinMs;
  }

  /** Answers whether the reign goes on. */
  tick(): boolean {
    if (this.#isStalled()) this.#core.isDiskStalled = true;
    if (!this.#hasQuorum() || this.#isStalled() || this.#isRemoved()) return false;
    if (this.#core.nowMs >= this.#nextHeartbeatMs) this.#heartbeat();
    for (const progress of this.#progress.values()) this.#ship(progress);
    this.resignation.tick();
    this.changes.tick();
    return true;
  }

  /** The end of the reign: nobody needs to wait for its silence. */
  stepDown(): void {
    const { outbox, others } = this.#core;
    for (const member of others) outbox.send(member, { kind: 'steppedDown', epoch: this.epoch });
    this.#reads.refuseAll();
    this.changes.refusePending();
  }

  onAppended({ record, position, end }: Extract<Input, { kind: 'appended' }>): void {
    const {
      log,
      outbox: { state },
    } = this.#core;
    if (record.type === 'epoch') {
      // One of an earlier reign of this node may have waited for the disk until now.
      if (record.epoch !== this.epoch) return;
      this.#epochRecord = { position, end };
      if (log.configuration !== undefined) return;
      assert(state.foundation !== undefined, 'a log without a configuration is that of a founding');
      const configuration = firstConfiguration(state.foundation);
      this.#core.append({ type: 'membership', configuration });
    } else {
      this.#noteMembers();
      this.changes.onAppended(end);
    }
  }

  onPublished(end: Extract<Input, { kind: 'published' }>['end']): void {
    const { log, nowMs } = this.#core;
    if (log.durable === log.end) this.#stalledSinceMs = nowMs;
    log.notePublished(end);
    this.#ends.add(end.position);
    for (const progress of this.#progress.values()) this.#ship(progress);
  }

  onDurable(): void {
    const { log, nowMs } = this.#core;
    this.#stalledSinceMs = log.durable < log.end || !this.#core.isLogSettled ? nowMs : undefined;
    this.#advanceCommit();
  }

  /** Its own word counts for more of what is durable. */
  onVouched(): void {
    this.#advanceCommit();
  }

  onShipped({ to, attempt, end }: Extract<Input, { kind: 'shipped' }>): void {
    const progress = this.#progress.get(to);
    if (progress === undefined || progress.attempt !== attempt) return;
    progress.isShipping = false;
    progress.next = later(progress.next, end);
    this.#ship(progress);
  }

  onMessage(message: MessageOf<'heartbeatReply' | 'subscribe' | 'ack'>): void {
    switch (message.kind) {
      case 'heartbeatReply':
        this.#onHeartbeatReply(message);
        break;
      case 'subscribe':
        this.#onSubscribe(message);
        break;
      case 'ack':
        this.#onAck(message);
        break;
      default:
        unreachable(message);
    }
  }

  #onHeartbeatReply(message: MessageOf<'heartbeatReply'>): void {
    const progress = this.#heard(message.from);
    if (progress === undefined) return;
    progress.round = Math.max(progress.round, message.round);
    progress.priority = message.priority;
    this.#confirmReads();
  }

  #onSubscribe(message: MessageOf<'subscribe'>): void {
    const progress = this.#heard(message.from);
    // Before the Epoch record is in the log nobody knows yet where logs part; it will be asked again.
    if (progress === undefined || this.#epochRecord === undefined) return;
    const { outbox, log } = this.#core;
    const { epoch, attempt, end } = message;
    if (attempt < progress.attempt) return;
    if (attempt === progress.attempt) {
      // Doubled, or asked again: what was answered still holds. Ranges that came before the answer were not taken.
      outbox.send(progress.member, { kind: 'subscribed', epoch, attempt, position: progress.answer });
      if (progress.match === 0) progress.next = progress.answer;
      this.#ship(progress);
      return;
    }
    if (end < progress.countedHigh) {
      this.#fence(progress.member);
      return;
    }
    progress.restart(attempt);
    const position = commonEnd(log, message);
    progress.answer = position;
    outbox.send(progress.member, { kind: 'subscribed', epoch, attempt, position });
    if (position !== end) return;
    progress.next = position;
    progress.isStreaming = true;
    this.#ship(progress);
  }

  #onAck(message: MessageOf<'ack'>): void {
    const progress = this.#heard(message.from);
    if (progress?.isStreaming !== true || message.attempt !== progress.attempt) return;
    const { durable } = message;
    // It may be faster than the word that the range has left.
    if (durable > this.#core.log.end) return;
    progress.noteAck(durable);
    this.#ship(progress);
    this.#advanceCommit();
    this.resignation.onProgress();
  }

  /** A linearizable read, of this node's or (`from`) another one's client. */
  onRead(request: number, from?: MessageOf<'readIndex'>): void {
    if (!this.isEstablished) {
      this.#reads.refuse(request, from);
      return;
    }
    // Confirmed by a round that begins after the read did.
    this.#reads.add({ request, from, position: this.#core.commit, round: this.#round + 1 });
    this.#confirmReads();
  }

  #heartbeat(): void {
    const { outbox, nowMs, options, commit, log } = this.#core;
    this.#nextHeartbeatMs = nowMs + options.heartbeatIntervalMs;
    this.#round++;
    const heartbeat = {
      kind: 'heartbeat',
      epoch: this.epoch,
      round: this.#round,
      commit,
      end: log.end,
    } as const;
    for (const { member } of this.#progress.values()) outbox.send(member, heartbeat);
  }

  #ship(progress: Progress): void {
    const { outbox, log, commit, nowMs } = this.#core;
    if (progress.nextShipMs(log.end) > nowMs) return;
    const { member, attempt, next } = progress;
    progress.noteShip(nowMs);
    const limit = earlier(log.end, next + RANGE_BYTES_MAX);
    const { epoch } = this;
    const payload = { kind: 'range', epoch, attempt, position: next, commit } as const;
    const range = Object.assign(outbox.envelope(member.id), payload);
    outbox.push({ kind: 'ship', to: member.name, range, limit });
  }

  #advanceCommit(): void {
    const { configuration, log } = this.#core;
    if (configuration === undefined || this.#epochRecord === undefined) return;
    const quorum = quorumReached(configuration, (id) => this.durableOf(id));
    // Not before its own Epoch record: what is older may still be overwritten by another leader, though a quorum has it.
    if (quorum < this.#epochRecord.end) return;
    // A leader that is slower than its quorum calls committed what it has itself.
    const end = this.#ends.take(earlier(quorum, log.durable));
    if (end !== undefined) this.#core.raiseCommit(end);
    const { commit } = this.#core;
    for (const progress of this.#progress.values()) {
      if (progress.match >= commit) progress.countedHigh = commit;
    }
    this.changes.onCommit();
  }

  /** One round for reads is under way at a time; those that come meanwhile share the next one. */
  #confirmReads(): void {
    if (this.#reads.lastRound > this.#round && this.#confirmedRound() >= this.#round) this.#heartbeat();
    this.#reads.confirm(this.#confirmedRound());
  }

  #confirmedRound(): number {
    const { configuration, me } = this.#core;
    if (configuration === undefined) return 0;
    return quorumReached(configuration, (id) => {
      return id === me ? this.#round : (this.#progress.get(id)?.round ?? 0);
    });
  }

  #heard(id: MemberId): Progress | undefined {
    const progress = this.#progress.get(id);
    if (progress !== undefined) progress.heardMs = this.#core.nowMs;
    return progress;
  }

  #fence({ id, name }: Member): void {
    const { outbox, contacts } = this.#core;
    const seen = contacts.seen(id);
    if (seen === undefined) return;
    outbox.alarm({ kind: 'member-fenced', member: id, reason: 'lost-data' });
    const { start: seenStart, nonce: seenNonce } = seen;
    outbox.send({ id, name }, { kind: 'fenced', seenStart, seenNonce, reason: 'lost-data' });
  }

  #hasQuorum(): boolean {
    const { configuration, options, me } = this.#core;
    if (configuration === undefined) return false;
    const heard = new Set([me]);
    for (const id of this.#progress.keys()) if (this.hasHeard(id, options.electionTimeoutMs)) heard.add(id);
    return isQuorum(configuration, heard);
  }

  #isStalled(): boolean {
    const { nowMs, options } = this.#core;
    return this.#stalledSinceMs !== undefined && nowMs - this.#stalledSinceMs >= options.diskStallTimeoutMs;
  }

  /** Whether the cluster has decided, for good, that this node leads no more. */
  #isRemoved(): boolean {
    const placed = this.#core.log.configuration;
    return !this.#core.isVoter && placed !== undefined && this.#core.commit >= placed.end;
  }

  #noteMembers(): void {
    const { others, nowMs } = this.#core;
    const present = new Set(others.map(({ id }) => id));
    for (const id of this.#progress.keys()) if (!present.has(id)) this.#progress.delete(id);
    for (const member of others) {
      const progress = this.#progress.get(member.id);
      if (progress === undefined) this.#progress.set(member.id, new Progress(member, nowMs));
      else progress.member = member;
    }
  }
}
