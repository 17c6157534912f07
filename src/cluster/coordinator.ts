/**
 * A node that misses the leader and holds an election: asks whether others miss it too (pre-vote), collects promises for a new epoch
 * (Paxos phase 1), and proposes the best log's owner (phase 2), which need not be itself. Pure. Safety doesn't rest on what
 * it chooses: votes do (acceptor.ts). Its choice is about getting a leader soon.
 */
import type { Epoch } from '../base/units.js';
import { type MemberId, quorumOf } from './configuration.js';
import type { Core } from './core.js';
import { chooseLeader, type Promised } from './log-rank.js';
import type { MessageOf } from './messages.js';

type Phase =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'preVoting'; readonly round: number; readonly granted: Set<MemberId>; epochMin: Epoch }
  | {
      readonly kind: 'preparing';
      readonly epoch: Epoch;
      readonly resigning: MemberId;
      readonly promises: Map<MemberId, Promised>;
    }
  | { readonly kind: 'proposed'; readonly epoch: Epoch; readonly leader: MemberId };

/** Fractions of the election timeout. */
const PHASE_TIMEOUT = 0.5;
/** Promises beyond a quorum are waited for so long: the best log may be a little slower. */
const GATHER = 0.05;
/** How much later a node tries whose disk stands still. */
const STALLED = 0.5;
/** Before trying again after an attempt that led nowhere. */
const RETRY = 0.2;
/** After so many failures the phases take twice as long, and so on: disks or links may be slower than the timeout reckons with. */
const FAILURES_BEFORE_DOUBLING = 2;
const DOUBLINGS_MAX = 3;
/** What a former life's pre-votes were answered with answers nothing. */
const ROUNDS_PER_START = 2 ** 32;
/** How long who failed as a leader is passed over. */
const FAILED_FOR = 4;

export class Coordinator {
  readonly #core: Core;
  #phase: Phase = { kind: 'waiting' };
  #deadlineMs: number;
  #round: number;
  /** Elections of its own in a row that led nowhere. */
  #failures = 0;
  #hasGivenWay = false;
  /** Who was proposed and did not show up, and until when that counts. */
  readonly #failedUntilMs = new Map<MemberId, number>();

  constructor(core: Core) {
    this.#core = core;
    // There may be a leader, unless nobody else can be one.
    const { nowMs, options, isAlone } = core;
    this.#deadlineMs = nowMs + (isAlone ? 0 : options.electionTimeoutMs) + core.turnMs();
    this.#round = core.outbox.state.start * ROUNDS_PER_START;
  }

  get deadlineMs(): number {
    return this.#core.isVoter ? this.#deadlineMs : Number.POSITIVE_INFINITY;
  }

  get isElecting(): boolean {
    return this.#phase.kind !== 'waiting';
  }

  /** The leader that this node still follows seems to be gone: asks the others, when it is its turn. */
  suspect(leader: MemberId): void {
    this.noteFailed(leader);
    if (!this.isElecting) this.wait(0);
  }

  /** It was heard again. From promises that were asked for there is no way back: others may have given them. */
  trust(leader: MemberId): void {
    this.#failedUntilMs.delete(leader);
    if (this.#phase.kind === 'preVoting') this.#phase = { kind: 'waiting' };
  }

  /** There was a leader, and it is gone: try in `afterMs`, and one's turn. */
  wait(afterMs: number): void {
    this.#failures = 0;
    // Whose disk stands still lets others go first.
    const stalledMs = this.#core.isDiskStalled ? STALLED * this.#core.options.electionTimeoutMs : 0;
    this.#waitFor(afterMs + stalledMs);
  }

  #waitFor(afterMs: number): void {
    this.#phase = { kind: 'waiting' };
    this.#deadlineMs = this.#core.nowMs + afterMs + this.#core.turnMs(this.#failedNow());
  }

  /** Somebody else asks for an election: let it go first, once; who never gets anywhere must not hold up others for good. */
  giveWayOnce(): void {
    if (this.isElecting || this.#hasGivenWay) return;
    this.giveWay();
    this.#hasGivenWay = true;
  }

  /** Others are given time to finish what they began. */
  giveWay(): void {
    this.#waitFor(PHASE_TIMEOUT * this.#core.options.electionTimeoutMs);
  }

  tick(): void {
    if (this.#core.nowMs < this.deadlineMs) return;
    switch (this.#phase.kind) {
      case 'waiting':
        this.#preVote();
        break;
      case 'preVoting':
        this.#retry();
        break;
      case 'preparing':
        this.#propose(this.#phase);
        break;
      case 'proposed':
        this.noteFailed(this.#phase.leader);
        this.#retry();
        break;
      default:
        break;
    }
  }

  /** Without asking first: the leader wants it (`resigning`), or is itself the one that asks. */
  prepare(epoch: Epoch, resigning: MemberId): void {
    const { outbox, voters, nowMs } = this.#core;
    this.#phase = { kind: 'preparing', epoch, resigning, promises: new Map() };
    this.#deadlineMs = nowMs + this.#phaseMs();
    // To itself too: its own promise is no other than anybody's.
    for (const voter of voters) outbox.send(voter, { kind: 'prepare', epoch, resigning });
  }

  onPreVoteReply(message: MessageOf<'preVoteReply'>): void {
    const phase = this.#phase;
    if (phase.kind !== 'preVoting' || message.round !== phase.round) return;
    phase.epochMin = Math.max(phase.epochMin, message.promisedEpoch);
    if (!message.granted) return;
    phase.granted.add(message.from);
    if (this.#isQuorum(phase.granted)) this.prepare(phase.epochMin + 1, '');
  }

  onPrepareOk(message: MessageOf<'prepareOk'>): void {
    const phase = this.#phase;
    if (phase.kind !== 'preparing' || message.epoch !== phase.epoch) return;
    const { from: id, fromName: name, lastEpoch, position, commit, priority } = message;
    phase.promises.set(id, { id, name, lastEpoch, position, commit, priority });
    if (!this.#isQuorum(phase.promises)) return;
    const { voters, options, nowMs } = this.#core;
    const failed = this.#failedNow();
    if (voters.every((voter) => phase.promises.has(voter.id) || failed.has(voter.id))) this.#propose(phase);
    else this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + GATHER * options.electionTimeoutMs);
  }

  /** Somebody has promised more than this node asked for. */
  onStale(promisedEpoch: Epoch): void {
    const phase = this.#phase;
    if (phase.kind === 'preparing' && promisedEpoch > phase.epoch) this.#retry();
  }

  #preVote(): void {
    const { outbox, voters, promisedEpoch, nowMs } = this.#core;
    this.#round++;
    this.#hasGivenWay = false;
    this.#phase = { kind: 'preVoting', round: this.#round, granted: new Set(), epochMin: promisedEpoch };
    this.#deadlineMs = nowMs + this.#phaseMs();
    for (const voter of voters) outbox.send(voter, { kind: 'preVote', round: this.#round });
  }

  #propose(phase: Extract<Phase, { kind: 'preparing' }>): void {
    const { outbox, voters, nowMs, configuration } = this.#core;
    const promises = voters
      .map(({ id }) => phase.promises.get(id))
      .filter((promise) => promise !== undefined);
    const quorum = configuration === undefined ? Number.POSITIVE_INFINITY : quorumOf(configuration);
    const failed = this.#failedNow();
    const { resigning } = phase;
    // Who is asked to take over was chosen, and doesn't hold its own past against itself.
    const chosen = resigning === '' ? '' : this.#core.me;
    failed.delete(chosen);
    const best = chooseLeader(promises, quorum, { resigning, failed, chosen });
    const commit = Math.max(...promises.map((promise) => promise.commit));
    if (best === undefined || commit > best.position) {
      if (best !== undefined) outbox.alarm({ kind: 'committed-missing', commit, best: best.position });
      this.#retry();
      return;
    }
    const { id: leader, name: leaderName, lastEpoch, position } = best;
    const { epoch } = phase;
    this.#phase = { kind: 'proposed', epoch, leader };
    this.#deadlineMs = nowMs + this.#phaseMs();
    for (const voter of voters) {
      outbox.send(voter, { kind: 'proposal', epoch, leader, leaderName, lastEpoch, position });
    }
  }

  #phaseMs(): number {
    const doublings = Math.min(DOUBLINGS_MAX, Math.max(0, this.#failures - FAILURES_BEFORE_DOUBLING));
    return PHASE_TIMEOUT * this.#core.options.electionTimeoutMs * 2 ** doublings;
  }

  #retry(): void {
    this.#failures++;
    this.#waitFor(RETRY * this.#core.options.electionTimeoutMs);
  }

  /** Who was to lead, or did, and could not be followed: it is passed over for a while, or it would be chosen for ever. */
  noteFailed(id: MemberId): void {
    const { nowMs, options } = this.#core;
    this.#failedUntilMs.set(id, nowMs + FAILED_FOR * options.electionTimeoutMs);
  }

  #failedNow(): Set<MemberId> {
    const { nowMs } = this.#core;
    for (const [id, untilMs] of this.#failedUntilMs) if (untilMs <= nowMs) this.#failedUntilMs.delete(id);
    return new Set(this.#failedUntilMs.keys());
  }

  #isQuorum(ids: { has(id: MemberId): boolean }): boolean {
    const { voters, configuration } = this.#core;
    return (
      configuration !== undefined && voters.filter(({ id }) => ids.has(id)).length >= quorumOf(configuration)
    );
  }
}
