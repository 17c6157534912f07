/**
 * One node's part in all decisions of its cluster: election, replication, membership, linearizable reads. Pure: no clock,
 * socket or disk; time and facts come in by `step`, and what is to be done comes out (effects.ts). This file is who
 * the node is at the moment, and every way from one role to another; what a role does is in the role's own file.
 */
import { assert, unreachable } from '../base/assert.js';
import type { Epoch, Position } from '../base/units.js';
import { Acceptor } from './acceptor.js';
import type { AckPolicy } from './ack-policy.js';
import { Admission } from './admission.js';
import { type ClusterNodeOptions, hasLostData, type NodeStart } from './cluster-node-options.js';
import type { MemberId } from './configuration.js';
import { Coordinator } from './coordinator.js';
import { Core, senderOf } from './core.js';
import type { Effect, Input, NodeRole } from './effects.js';
import { Follower } from './follower.js';
import { Founding } from './founding.js';
import { Gate } from './gate.js';
import type { KnownLog } from './known-log.js';
import { Leader } from './leader.js';
import type { ElectionKind, FoundingKind } from './message-kinds.js';
import type { Message, MessageOf } from './messages.js';
import type { MemberProgress, NodeView } from './node-view.js';
import { Nominee } from './nominee.js';
import type { Addressee } from './outbox.js';
import { RemoteReads } from './remote-reads.js';
import { type Asked, takeRequest } from './requests.js';

export class ClusterNode {
  readonly #core: Core;
  readonly #gate: Gate;
  readonly #acceptor: Acceptor;
  readonly #coordinator: Coordinator;
  readonly #nominee: Nominee;
  readonly #admission: Admission;
  readonly #remoteReads: RemoteReads;
  #founding: Founding | undefined;
  #follower: Follower | undefined;
  #leader: Leader | undefined;
  #told: { readonly role: NodeRole; readonly epoch: Epoch; readonly leader: string | undefined };

  constructor(options: ClusterNodeOptions, start: NodeStart, nowMs: number) {
    this.#core = new Core(options, start, nowMs);
    this.#gate = new Gate(this.#core);
    this.#acceptor = new Acceptor(this.#core);
    this.#coordinator = new Coordinator(this.#core);
    this.#remoteReads = new RemoteReads(this.#core);
    this.#nominee = new Nominee(this.#core);
    this.#admission = new Admission(this.#core);
    if (start.state.clusterId === undefined) this.#founding = new Founding(this.#core);
    else if (hasLostData(start)) this.#becomeFenced('lost-data');
    this.#core.catchUp.settle();
    this.#told = { role: 'looking', epoch: 0, leader: undefined };
  }

  /** Takes in what happened; answers with what is to be done. `nowMs` is monotonic and never goes back. */
  step(input: Input, nowMs: number): readonly Effect[] {
    this.#core.nowMs = Math.max(this.#core.nowMs, nowMs);
    if (!this.#isFenced) this.#take(input);
    this.#tellRole();
    return this.#core.outbox.take();
  }

  /** When `tick` is wanted at the latest. */
  get deadlineMs(): number {
    // That it is fenced it still has to say.
    if (this.#isFenced) return this.#told.role === 'fenced' ? Number.POSITIVE_INFINITY : this.#core.nowMs;
    if (this.#founding !== undefined) return this.#founding.deadlineMs;
    if (this.#leader !== undefined) return this.#leader.deadlineMs;
    if (this.#follower !== undefined)
      return Math.min(this.#follower.deadlineMs, this.#remoteReads.deadlineMs);
    return Math.min(this.#coordinator.deadlineMs, this.#remoteReads.deadlineMs, this.#admission.deadlineMs);
  }

  get view(): NodeView {
    const { promisedEpoch, commit, configuration, outbox, log } = this.#core;
    const [epochPosition, lagBytes] = [log.epochs.at(-1)?.position ?? 0, this.#follower?.lagBytes ?? 0];
    const { state } = outbox;
    return { ...this.#told, promisedEpoch, commit, epochPosition, lagBytes, configuration, state };
  }

  /** Epochs and configurations of its log before `position`. */
  historyBefore(position: Position): ReturnType<KnownLog['historyBefore']> {
    return this.#core.log.historyBefore(position);
  }

  /** Leader: up to where the log is acknowledged as `policy` wants it; undefined if this configuration can't meet it, or it doesn't lead. */
  acknowledged(policy: AckPolicy): Position | undefined {
    return this.#leader?.acknowledged(policy);
  }

  /** Whether it has heard, lately, from so many voters that some node can lead. */
  get hearsQuorum(): boolean {
    return this.#core.hearsQuorum;
  }

  /** Whether it leads, and nobody else keeps the log. */
  get isAlone(): boolean {
    return this.#leader?.progress.size === 0;
  }

  /** A leader's view of the other members; else nothing. */
  progress(): readonly MemberProgress[] {
    return this.#leader?.memberProgress() ?? [];
  }

  #take(input: Input): void {
    switch (input.kind) {
      case 'message':
        if (this.#gate.admits(input.message)) this.#onMessage(input.message);
        break;
      case 'tick':
        this.#onTick();
        break;
      case 'durable':
        this.#core.log.noteDurable(input.position);
        this.#core.catchUp.settle();
        this.#core.isDiskStalled = false;
        this.#follower?.onDurable();
        this.#leader?.onDurable();
        break;
      case 'truncated':
        this.#core.log.endTruncation(input.end);
        this.#core.catchUp.settle();
        this.#follower?.onLogChanged();
        break;
      case 'published':
        this.#onPublished(input);
        break;
      case 'appended':
        this.#core.noteAppended(input);
        this.#leader?.onAppended(input);
        break;
      case 'shipped':
        this.#leader?.onShipped(input);
        break;
      case 'unreachable':
        this.#follower?.onUnreachable(input.name);
        break;
      default:
        takeRequest(input, this.#asked);
    }
  }

  get #asked(): Asked {
    const [core, remoteReads] = [this.#core, this.#remoteReads];
    return { core, leader: this.#leader, follower: this.#follower, remoteReads };
  }

  #onMessage(message: Message): void {
    switch (message.kind) {
      case 'hello':
      case 'found':
      case 'foundAgreed':
      case 'foundRefused':
      case 'foundAbandoned':
      case 'founded':
      case 'invite':
        this.#onFounding(message);
        break;
      case 'preVote':
      case 'preVoteReply':
      case 'prepare':
      case 'prepareOk':
      case 'proposal':
      case 'accept':
      case 'stale':
        this.#onElection(message);
        break;
      case 'heartbeat':
      case 'steppedDown':
      case 'transfer':
      case 'subscribed':
      case 'range':
        this.#onLeadersWord(message);
        break;
      case 'heartbeatReply':
      case 'subscribe':
        if (this.#leader?.epoch === message.epoch) this.#leader.onMessage(message);
        break;
      case 'ack':
        if (message.from === this.#core.me) this.#onOwnAck(message.attempt);
        else if (this.#leader?.epoch === message.epoch) this.#leader.onMessage(message);
        break;
      case 'readIndex':
        if (this.#leader !== undefined) this.#leader.onRead(message.request, message);
        else this.#core.reply(message, { kind: 'readIndexReply', request: message.request, position: -1 });
        break;
      case 'readIndexReply':
        this.#remoteReads.onReply(message);
        break;
      case 'fenced':
        if (this.#gate.isFencedBy(message)) this.#becomeFenced(message.reason);
        break;
      default:
        unreachable(message);
    }
  }

  #onFounding(message: MessageOf<FoundingKind>): void {
    if (this.#founding === undefined) {
      if (message.kind === 'hello') this.#admission.onHello(message, this.#leader, this.#follower?.leader);
      if (message.kind === 'foundAgreed') this.#admission.onAgreed(message);
      return;
    }
    const outcome = this.#founding.onMessage(message);
    if (outcome === undefined) return;
    this.#founding = undefined;
    // Who was invited has a leader, and will hear from it.
    if (outcome === 'founded') this.#coordinator.wait(0);
  }

  #onElection(message: MessageOf<ElectionKind>): void {
    if (this.#founding !== undefined) return;
    switch (message.kind) {
      case 'preVote':
        this.#onPreVote(message);
        break;
      case 'preVoteReply':
        this.#coordinator.onPreVoteReply(message);
        break;
      case 'prepare':
        if (!this.#admission.tellsRemoved(message) && this.#acceptor.onPrepare(message)) {
          this.#becomeLooking(message.from);
        }
        break;
      case 'prepareOk':
        this.#coordinator.onPrepareOk(message);
        break;
      case 'proposal':
        this.#onProposal(message);
        break;
      case 'accept':
        this.#nominee.onAccept(message);
        this.#countVotes();
        break;
      case 'stale':
        this.#onStale(message);
        break;
      default:
        unreachable(message);
    }
  }

  #onLeadersWord(
    message: MessageOf<'heartbeat' | 'steppedDown' | 'transfer' | 'subscribed' | 'range'>,
  ): void {
    const { promisedEpoch } = this.#core;
    if (message.epoch < promisedEpoch) {
      this.#core.reply(message, { kind: 'stale', promisedEpoch });
      return;
    }
    if (message.kind === 'heartbeat' && !this.#core.noteHeartbeat(message)) return;
    const isNew = this.#follower?.isFrom(message) !== true;
    if (isNew && message.kind === 'heartbeat') this.#becomeFollower(message);
    else if (isNew) return;
    switch (message.kind) {
      case 'steppedDown':
        this.#coordinator.noteFailed(message.from);
        this.#becomeLooking(this.#core.me, 0);
        break;
      case 'transfer':
        if (this.#core.isVoter) this.#coordinator.prepare(promisedEpoch + 1, message.from);
        break;
      default:
        this.#follower?.onMessage(message);
    }
  }

  /** What it has saved about its log is durable. */
  #onOwnAck(number: number): void {
    if (!this.#core.catchUp.onSaved(number)) return;
    this.#follower?.onDurable();
    this.#leader?.onVouched();
  }

  #onTick(): void {
    this.#remoteReads.tick();
    if (this.#founding !== undefined) {
      this.#founding.tick();
    } else if (this.#leader !== undefined) {
      if (this.#leader.tick()) return;
      this.#coordinator.noteFailed(this.#core.me);
      this.#becomeLooking(this.#core.me, 0);
    } else if (this.#follower !== undefined) {
      if (this.#follower.tick()) return;
      this.#coordinator.noteFailed(this.#follower.leader.id);
      // It may ask the others already, because it was told that the leader is gone.
      this.#becomeLooking(this.#core.me, this.#coordinator.isElecting ? undefined : 0);
    } else {
      this.#coordinator.tick();
      this.#admission.tick();
    }
  }

  #onPublished({ end }: Extract<Input, { kind: 'published' }>): void {
    if (this.#leader !== undefined) {
      this.#leader.onPublished(end);
      return;
    }
    // Framed before this node stopped being the leader: it is in the log, and may be truncated.
    this.#core.log.notePublished(end);
    this.#follower?.onLogChanged();
  }

  #onPreVote(message: MessageOf<'preVote'>): void {
    if (this.#admission.tellsRemoved(message)) return;
    const missesLeader = this.#leader === undefined && this.#follower?.missesLeader !== false;
    this.#acceptor.onPreVote(message, missesLeader);
    if (missesLeader && message.from !== this.#core.me) this.#coordinator.giveWayOnce();
  }

  #onProposal(message: MessageOf<'proposal'>): void {
    const isNominee = message.leader === this.#core.me;
    if (isNominee && !this.#core.mayLead) return;
    if (!this.#acceptor.onProposal(message)) return;
    // A quorum may have been faster, and the leader's first word before the proposal.
    if (this.#follower?.epoch === message.epoch) return;
    this.#becomeLooking(message.from);
    if (!isNominee) return;
    this.#nominee.nominate(message.epoch);
    this.#countVotes();
  }

  #countVotes(): void {
    const epoch = this.#nominee.wonEpoch;
    if (epoch !== undefined && this.#leader === undefined) this.#becomeLeader(epoch);
  }

  #onStale({ promisedEpoch, from }: MessageOf<'stale'>): void {
    this.#coordinator.onStale(promisedEpoch);
    if (this.#leader === undefined || promisedEpoch <= this.#leader.epoch) return;
    if (this.#core.member(from) === undefined) return;
    // A member can't follow this reign any more, though nothing is wrong with its leader: it asks for a new one.
    this.#becomeLooking(this.#core.me, 0);
    this.#coordinator.prepare(Math.max(promisedEpoch, this.#core.promisedEpoch) + 1, '');
  }

  /** No leader any more. `cause`: whose election it is; who holds one itself goes on with it. */
  #becomeLooking(cause: MemberId, afterMs?: number): void {
    this.#leader?.stepDown();
    if (this.#follower !== undefined) {
      this.#remoteReads.refuseAll();
      this.#core.catchUp.end();
    }
    if (this.#leader !== undefined || this.#follower !== undefined) this.#admission.wait();
    this.#leader = undefined;
    this.#follower = undefined;
    if (afterMs !== undefined) this.#coordinator.wait(afterMs);
    else if (cause !== this.#core.me) this.#coordinator.giveWay();
  }

  #becomeFollower(message: MessageOf<'heartbeat'>): void {
    const { outbox, promisedEpoch, commit } = this.#core;
    const { epoch } = message;
    if (this.#founding !== undefined) return;
    const isRival = this.#leader?.epoch === epoch || this.#follower?.epoch === epoch;
    assert(!isRival, 'at most one leader in an epoch');
    const leader: Addressee = senderOf(message);
    this.#becomeLooking(leader.id);
    if (epoch > promisedEpoch) outbox.save({ promisedEpoch: epoch, ackedPosition: commit });
    this.#follower = new Follower(this.#core, this.#coordinator, { epoch, leader });
    this.#follower.subscribe();
  }

  #becomeLeader(epoch: Epoch): void {
    this.#nominee.inaugurate();
    this.#follower = undefined;
    this.#leader = new Leader(this.#core, epoch);
    this.#leader.tick();
  }

  #becomeFenced(reason: 'copy' | 'lost-data' | 'removed'): void {
    const { outbox } = this.#core;
    this.#becomeLooking(this.#core.me);
    this.#founding = undefined;
    outbox.save({ fenced: true });
    outbox.alarm({ kind: 'fenced', reason });
  }

  get #isFenced(): boolean {
    return this.#core.outbox.state.fenced;
  }

  #tellRole(): void {
    const role = this.#role;
    const epoch = this.#leader?.epoch ?? this.#follower?.epoch ?? 0;
    const leader = this.#leader === undefined ? this.#follower?.leader.name : this.#core.options.name;
    const { role: toldRole, epoch: toldEpoch, leader: toldLeader } = this.#told;
    if (role === toldRole && epoch === toldEpoch && leader === toldLeader) return;
    this.#told = { role, epoch, leader };
    this.#core.outbox.push({ kind: 'role', role, epoch, leader });
  }

  get #role(): NodeRole {
    if (this.#isFenced) return 'fenced';
    if (this.#founding !== undefined) return 'fresh';
    return (this.#leader ?? this.#follower)?.role ?? (this.#coordinator.isElecting ? 'electing' : 'looking');
  }
}
