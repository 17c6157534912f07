/**
 * What all parts of a node's cluster core share: its log, its memory, its time, whom it hears, and the commit position. Pure.
 */
import { assert } from '../base/assert.js';
import { type Epoch, FIRST_POSITION, type Position } from '../base/units.js';
import { CatchUp } from './catch-up.js';
import type { ClusterNodeOptions, NodeStart } from './cluster-node-options.js';
import {
  type Configuration,
  isQuorum,
  isVoter,
  type Member,
  type MemberId,
  memberOf,
  votersOf,
} from './configuration.js';
import { Contacts } from './contacts.js';
import type { AppendedRecord, Input } from './effects.js';
import { firstConfiguration } from './foundation.js';
import { KnownLog } from './known-log.js';
import type { Message, MessageOf, Payload } from './messages.js';
import { changedState } from './node-state.js';
import { type Addressee, Outbox } from './outbox.js';

export class Core {
  readonly options: ClusterNodeOptions;
  readonly outbox: Outbox;
  readonly log: KnownLog;
  readonly contacts = new Contacts();
  readonly catchUp: CatchUp;
  /** Monotonic; only ever compared with itself. */
  nowMs: number;
  priority: number;
  /** The newest heartbeat that was heard. */
  #heartbeat = { epoch: 0, round: 0 };
  /** Its disk stood still when this node led last, and has done nothing since: others should lead. */
  isDiskStalled = false;
  #commit: Position = FIRST_POSITION;
  #attempts: number;
  #appendsPending = 0;

  constructor(options: ClusterNodeOptions, start: NodeStart, nowMs: number) {
    this.options = options;
    // An epoch in the log was promised, even if only the leader's word made it so.
    const promisedEpoch = Math.max(start.state.promisedEpoch, start.log?.end.epoch ?? 0);
    this.outbox = new Outbox(options.name, changedState(start.state, { promisedEpoch }));
    this.log = new KnownLog(options.kernel, start.log);
    this.catchUp = new CatchUp(this);
    this.nowMs = nowMs;
    this.#attempts = start.state.start * ATTEMPTS_PER_START;
    this.priority = options.priority;
    const known = Math.max(start.log?.committed ?? 0, start.state.ackedPosition);
    this.#commit = Math.min(known, this.log.end);
  }

  get me(): MemberId {
    return this.outbox.me;
  }

  get promisedEpoch(): Epoch {
    return this.outbox.state.promisedEpoch;
  }

  /** Everything before it is committed, as far as this node knows. */
  get commit(): Position {
    return this.#commit;
  }

  /** Never goes back: who has seen something committed never unsees it. */
  raiseCommit(position: Position): void {
    if (position <= this.#commit) return;
    assert(position <= this.log.durable, 'what this node calls committed is durable here');
    this.#commit = position;
    this.outbox.push({ kind: 'commit', position });
    // Else said with each promise only, and a reign may last for years.
    if (position - this.outbox.state.ackedPosition >= MARK_BYTES)
      this.outbox.save({ ackedPosition: position });
  }

  /** The configuration that counts: the log's last, or, until there is one, that of the founding. */
  get configuration(): Configuration | undefined {
    const logged = this.log.configuration?.configuration;
    if (logged !== undefined) return logged;
    const { foundation, founded } = this.outbox.state;
    return founded && foundation !== undefined ? firstConfiguration(foundation) : undefined;
  }

  get voters(): readonly Member[] {
    return this.configuration === undefined ? [] : votersOf(this.configuration);
  }

  /** Leader: the record goes to the end of the log; `appended` is told when it stands there. */
  append(record: AppendedRecord): void {
    this.#appendsPending++;
    this.outbox.push({ kind: 'append', record });
  }

  noteAppended({ record, position, end }: Extract<Input, { kind: 'appended' }>): void {
    this.#appendsPending--;
    if (record.type === 'epoch') this.log.noteEpoch({ epoch: record.epoch, position });
    else this.log.noteConfiguration({ position, end, configuration: record.configuration });
  }

  /**
   * Whether the end of the log is where this node believes it to be: nothing is being cut off, and nothing that it wanted appended
   * as a leader is still to come.
   */
  get isLogSettled(): boolean {
    return !this.log.isTruncating && this.#appendsPending === 0;
  }

  /** Whether it is newer than all that were heard: a late one, or one that is replayed, says nothing about who leads now. */
  noteHeartbeat({ epoch, round }: MessageOf<'heartbeat'>): boolean {
    const { epoch: knownEpoch, round: knownRound } = this.#heartbeat;
    const isNew = epoch > knownEpoch || (epoch === knownEpoch && round > knownRound);
    if (isNew) this.#heartbeat = { epoch, round };
    return isNew;
  }

  /** What it says of itself in elections. */
  get statedPriority(): number {
    return this.isDiskStalled ? PRIORITY_MIN : this.priority;
  }

  /** Numbers subscriptions, over all leaders and all starts: what was meant for a former life of this node answers nothing. */
  nextAttempt(): number {
    this.#attempts++;
    return this.#attempts;
  }

  get isVoter(): boolean {
    return this.configuration !== undefined && isVoter(this.configuration, this.me);
  }

  /** Whether no other node has a vote. */
  get isAlone(): boolean {
    return this.isVoter && this.voters.length === 1;
  }

  /**
   * Whether it may be given an epoch to lead: a voter may, and who has lost its vote by a record that is not committed. Its log may be
   * the best because of that very record; were it to refuse, it would be proposed for ever. It doesn't count itself.
   */
  get mayLead(): boolean {
    const placed = this.log.configuration;
    return this.isVoter || (placed !== undefined && placed.end > this.commit);
  }

  /** Whether it has heard, lately, from so many voters that some node can lead. One that knows of no voters can't say. */
  get hearsQuorum(): boolean {
    const { configuration, contacts, me, nowMs } = this;
    if (configuration === undefined) return true;
    const sinceMs = nowMs - ELECTIONS_HEARD * this.options.electionTimeoutMs;
    const heard = this.voters.filter(
      ({ id }) => (contacts.seen(id)?.heardMs ?? Number.NEGATIVE_INFINITY) >= sinceMs,
    );
    return isQuorum(configuration, new Set([me, ...heard.map(({ id }) => id)]));
  }

  get self(): Addressee {
    return { id: this.me, name: this.options.name };
  }

  member(id: MemberId): Member | undefined {
    return this.configuration === undefined ? undefined : memberOf(this.configuration, id);
  }

  /** All other members. */
  get others(): readonly Member[] {
    return this.configuration?.members.filter(({ id }) => id !== this.me) ?? [];
  }

  /** How this node introduces itself. */
  hello(isAnswer: boolean): Payload {
    const { role, zone, clusterSize, chunkSize } = this.options;
    return { kind: 'hello', role, zone, clusterSize, chunkSize, isAnswer };
  }

  reply(message: Message, payload: Payload): void {
    this.outbox.send(senderOf(message), payload);
  }

  /**
   * This node's turn among the voters, as a fraction of the election timeout: who has a lower id goes first, so that they
   * don't get in each other's way; the random part breaks what symmetry is left. `failed`: they have no turn, and this node the last one if
   * it is among them.
   */
  turnMs(failed: ReadonlySet<MemberId> = NOBODY): number {
    if (this.isAlone) return 0;
    const { electionTimeoutMs, random } = this.options;
    const sound = this.voters.filter(({ id }) => !failed.has(id));
    const rank = failed.has(this.me)
      ? sound.length
      : Math.max(
          0,
          sound.findIndex(({ id }) => id === this.me),
        );
    return (electionTimeoutMs * (rank + random() / 2)) / Math.max(TURNS_MIN, 2 * this.voters.length);
  }
}

const NOBODY: ReadonlySet<MemberId> = new Set();
/** How far the memory of what was acked may be behind: a save for this much of the log costs nothing. */
const MARK_BYTES = 67_108_864;
/** So many election timeouts without a word: as long as one that goes wrong, and the next. */
const ELECTIONS_HEARD = 2;
/** The least that an i32 says. */
const PRIORITY_MIN = -0x8000_0000;
/** A node subscribes less often than that in a life; 2^53 leaves room for two million starts. */
const ATTEMPTS_PER_START = 2 ** 32;
/**
 * A turn is an eighth of the election timeout: some round trips, so that an election ends before the next node's turn. All turns
 * together take no more than half of it.
 */
const TURNS_MIN = 8;

export function senderOf({ from, fromName }: Message): Addressee {
  return { id: from, name: fromName };
}
