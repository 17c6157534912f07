/**
 * One node's part in its cluster, at work: gives the core its inputs, carries out its effects in order, and stands between both and
 * the clients. What is decided is the core's; what is on disk is the store's; who may append is the reign's. A cluster of one is no
 * special case. Main thread; no promise and no object per append.
 */
import { assert, unreachable } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { type ChainState, DiskError } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { ClusterNode } from '../cluster/cluster-node.js';
import type { ClusterNodeOptions } from '../cluster/cluster-node-options.js';
import type { AppendedRecord, Effect, Input, NodeRole } from '../cluster/effects.js';
import type { LogStart } from '../cluster/known-log.js';
import type { Message } from '../cluster/messages.js';
import type { NodeState } from '../cluster/node-state.js';
import type { NodeStateFile } from '../cluster/node-state-file.js';
import type { MemberProgress, NodeView } from '../cluster/node-view.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { Platform } from '../native/platform.js';
import type { AppendRun } from '../sequencer/append-runs.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome, Sequencer } from '../sequencer/sequencer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { AckPolicy } from '../wire/frames.js';
import { CoreTimer } from './core-timer.js';
import type { EngineOptions } from './engine-options.js';
import { LogDriver } from './log-driver.js';
import { LogStore } from './log-store.js';
import type { PeerTransport } from './peer-transport.js';
import { RangeShipper } from './range-shipper.js';
import { ReadGate } from './read-gate.js';
import { Reign } from './reign.js';
import { Requests } from './requests.js';

/**
 * A Commit record normally rides with the next append. When none comes for this long it is written by itself, so that even
 * the last append of a quiet log is provably committed: long against a write, short against a coffee.
 */
const IDLE_COMMIT_MS = 100;

/** How long a node that is stopped waits for what it has accepted to be committed. */
const DRAIN_MS_MAX = 5_000;

/** What the engine reports while it works. */
export interface EngineEvents {
  /** Something worth a line in the log. */
  note(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** Something that somebody should look at. */
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
  /** The engine is dead: end the process. Called at most once. */
  failed(error: CairnError): void;
  /** Role, leader or membership have changed: clients and peers may have to be told. */
  changed?(): void;
}

/** The log that a node starts with. */
export interface EngineLog {
  readonly recovered: RecoveredLog;
  readonly history: LogStart;
}

export interface EngineParts {
  readonly options: EngineOptions;
  readonly core: ClusterNodeOptions;
  readonly platform: Platform;
  readonly stateFile: NodeStateFile;
  /** As saved for this start. */
  readonly state: NodeState;
  /** Undefined as long as the node belongs to no cluster. */
  readonly log: EngineLog | undefined;
  /** Makes the log of a cluster that the node has joined, durably. */
  readonly createLog: (clusterId: string, chunkSize: number) => RecoveredLog;
  readonly transport: PeerTransport;
  readonly events: EngineEvents;
  /** Called when the engine is closed, after all threads have ended. */
  readonly release: () => void;
}

type LogEffect = Extract<Effect, { kind: 'write' | 'truncate' | 'append' }>;

export class Engine {
  /** What operators have asked for. */
  readonly requests: Requests;
  readonly #parts: EngineParts;
  readonly #core: ClusterNode;
  readonly #timer: CoreTimer;
  readonly #reads: ReadGate;
  #store: LogStore | undefined;
  #driver: LogDriver | undefined;
  #shipper: RangeShipper | undefined;
  #reign: Reign | undefined;
  #told: { readonly role: NodeRole; readonly epoch: number; readonly leader: string | undefined };
  /** Up to where the core knows this node's log to be durable. */
  #toldDurable: Position = 0;
  #inputs: Input[] = [];
  readonly #acknowledged = (policy: AckPolicy) => this.#core.acknowledged(policy);
  #isStepping = false;
  #isEndingReign = false;
  #isTurnScheduled = false;
  #idleCommit: NodeJS.Timeout | undefined;
  #state: 'open' | 'stopping' | 'failed' = 'open';
  #waitingForRoom: (() => void)[] = [];
  /** Who waits until nothing is pending. */
  #draining: (() => void)[] = [];
  #stopped: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { state, log, core } = parts;
    this.#core = new ClusterNode(core, { state, log: log?.history }, performance.now());
    this.#told = this.#core.view;
    this.#reads = new ReadGate((request) => this.take({ kind: 'read', request }));
    this.requests = new Requests((input) => this.take(input));
    this.#timer = new CoreTimer(
      () => this.#core.deadlineMs,
      () => this.take({ kind: 'tick' }),
    );
    if (log !== undefined) this.#openStore(log.recovered, this.#core.view.commit);
    this.#timer.schedule();
  }

  get view(): NodeView {
    return this.#core.view;
  }

  /** Undefined as long as the node belongs to no cluster. */
  get store(): LogStore | undefined {
    return this.#store;
  }

  get memberId(): string {
    return this.#parts.state.memberId;
  }

  get isLeading(): boolean {
    return this.#reign?.sequencer !== undefined && this.#told.role === 'leader';
  }

  /** Whether appends are for this node, now or as soon as its reign is established; or for nobody, as it stops or is out of order. */
  get decidesAppends(): boolean {
    const { role } = this.#told;
    return this.#state !== 'open' || role === 'leader' || role === 'preLeader' || role === 'fresh' || role === 'fenced';
  }

  get role(): NodeRole {
    return this.#told.role;
  }

  /** The leader's name, if one is known. */
  get leaderName(): string | undefined {
    return this.#told.leader;
  }

  /** A leader's view of the other members; else nothing. */
  progress(): readonly MemberProgress[] {
    return this.#core.progress();
  }

  /** Why this node doesn't decide appends, or anything else that is the leader's. */
  whyNot(): Rejection {
    return this.#whyNoAppends() ?? NO_LEADER;
  }

  get pendingAppends(): number {
    return this.#reign?.sequencer?.pending.size ?? 0;
  }

  /**
   * Takes the append that is open in `append`, and later answers `sink` with `token`, in log order. `retry`: the ring is
   * full, a chunk is being made, or a reign is about to begin; call again from {@link whenRoom}. The frame's bytes are read until
   * the turn ends.
   */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection {
    const sequencer = this.#sequencer;
    if (sequencer === undefined) return this.#whyNoAppends() ?? 'retry';
    if (sequencer.append(append, sink, token) === 'retry') return 'retry';
    this.#scheduleTurn();
    return 'taken';
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
    sequencer.pending.quorum.rejected(this.#store!.producer.framed, sink, token, rejection);
    this.#scheduleTurn();
  }

  /** Calls back, once, when an append that got `retry` may have better luck; first come, first served. */
  whenRoom(callback: () => void): void {
    this.#waitingForRoom.push(callback);
    this.#store?.hurryIndex();
  }

  /** Resolves when a linearizable read may begin on this node; to a rejection if that can't be said. */
  readIndex(): Promise<Rejection | undefined> {
    return this.#reads.ask(() => this.#store?.committed ?? 0);
  }

  /** Resolves when everything before `position` is committed here, as far as this node knows. */
  whenCommitted(position: Position): Promise<void> {
    return this.#reads.whenCommitted(position, this.#store?.committed ?? 0);
  }

  /** A message from another node. */
  receive(message: Message): void {
    this.take({ kind: 'message', message });
  }

  /** Gives the core an input; what comes in while its effects are carried out waits its turn. */
  take(input: Input): void {
    if (this.#state === 'failed') return;
    if (this.#isEndingReign) this.#inputs.unshift(input);
    else this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#core.step(next, performance.now())) this.#carryOut(effect);
        if (this.#isFailed) return;
      }
    } catch (error) {
      // What goes wrong with the log's disk is fatal; all else is a bug, and fatal as well.
      if (!(error instanceof DiskError)) throw error;
      this.#fail(diskFailure(error));
    } finally {
      this.#isStepping = false;
    }
    this.#sequencer?.pending.releaseOthers(this.#acknowledged);
    this.#timer.schedule();
  }

  /** Answers everything that was accepted, then ends the threads. The engine can't be used afterwards. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  // For the log driver.

  appendRecord(record: AppendedRecord): boolean {
    const reign = this.#reignOf(record);
    const placed = reign.appendRecord(record);
    if (placed === undefined) return false;
    this.take({ kind: 'appended', record, ...placed });
    reign.log.endTurn();
    // The core knows already what the role effect, which comes last, is about to say.
    if (this.#reign !== reign && leads(this.#core.view, reign.epoch)) this.#reign = reign;
    return true;
  }

  truncated(end: Readonly<ChainState>): void {
    this.#toldDurable = end.position;
    this.take({ kind: 'truncated', end });
  }

  failed(error: CairnError): void {
    this.#fail(error);
  }

  get #isFailed(): boolean {
    return this.#state === 'failed';
  }

  get #sequencer(): Sequencer | undefined {
    return this.#state === 'open' && this.#told.role === 'leader' ? this.#reign?.sequencer : undefined;
  }

  /** Undefined: soon. */
  #whyNoAppends(): Rejection | undefined {
    if (this.#state !== 'open') return SHUTTING_DOWN;
    const { role, leader } = this.#told;
    switch (role) {
      case 'preLeader':
      case 'leader':
        return this.#store?.outOfSpace;
      case 'fenced':
        return FENCED;
      case 'fresh':
        return NO_CLUSTER;
      default:
        return leader === undefined || role === 'resigning' ? NO_LEADER : notLeader(leader);
    }
  }

  #carryOut(effect: Effect): void {
    if (this.#isFailed) return;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        return;
      case 'save':
        this.#parts.stateFile.save(effect.state);
        for (const { to, message } of effect.thenSend) this.#send(to, message);
        return;
      case 'ship':
        this.#shipper?.ship(effect);
        return;
      case 'write':
      case 'truncate':
      case 'append':
        this.#changeLog(effect);
        return;
      case 'joined':
        this.#parts.events.note('belongs to a cluster', { clusterId: effect.clusterId });
        if (this.#store === undefined)
          this.#openStore(this.#parts.createLog(effect.clusterId, effect.chunkSize), 0);
        return;
      default:
        this.#tell(effect);
    }
  }

  #changeLog(effect: LogEffect): void {
    assert(this.#driver !== undefined, 'who has joined has a log');
    this.#driver.add(effect);
  }

  /** Effects that only tell something. */
  #tell(effect: Exclude<Effect, LogEffect | { kind: 'send' | 'save' | 'ship' | 'joined' }>): void {
    switch (effect.kind) {
      case 'commit':
        this.#committed(effect.position);
        return;
      case 'role':
        this.#becomes(effect);
        return;
      case 'readReady':
        this.#reads.ready(effect.request, effect.position, this.#store?.committed ?? 0);
        return;
      case 'readRefused':
        this.#reads.refused(effect.request, this.#told.leader === undefined ? NO_LEADER : notLeader(this.#told.leader));
        return;
      case 'changed':
      case 'changeRefused':
      case 'resignRefused':
        this.requests.answered(effect);
        return;
      case 'alarm':
        this.#parts.events.warn(`alarm: ${effect.alarm.kind}`, { ...effect.alarm });
        return;
      default:
        unreachable(effect);
    }
  }

  #send(to: string, message: Message): void {
    // By its id, too: its name may have changed since it became a member.
    if (message.to === this.#parts.state.memberId || to === this.#parts.core.name)
      this.#inputs.push({ kind: 'message', message });
    else this.#parts.transport.send(to, message);
  }

  #committed(position: Position): void {
    const store = this.#store!;
    store.setCommitted(position);
    this.#reign?.committed(position);
    this.#reads.committed(position);
    this.#scheduleIdleCommit();
    if (this.#draining.length > 0) this.#scheduleTurn();
  }

  #becomes(told: Extract<Effect, { kind: 'role' }>): void {
    this.#told = told;
    const { role, epoch, leader } = told;
    this.#parts.events.note('role', { role, epoch, ...(leader === undefined ? {} : { leader }) });
    const reign = this.#reign;
    if (reign !== undefined && !leads(told, reign.epoch)) {
      this.#reign = undefined;
      this.#isEndingReign = true;
      reign.end();
      this.#isEndingReign = false;
    }
    if (role === 'leader') void this.#reign?.establish().then(() => this.#onProgress());
    else if (role !== 'resigning') this.requests.leadsNoMore();
    // Those who waited for a reign to begin learn that there is none.
    this.#admitWaitingSoon();
    this.#parts.events.changed?.();
  }

  /** The reign that frames this record: late ones, of a reign that is over, are framed all the same (effects.ts). */
  #reignOf(record: AppendedRecord): Reign {
    const { store } = this;
    assert(store !== undefined, 'who has joined has a log');
    const current = this.#reign;
    if (current !== undefined && (record.type === 'membership' || record.epoch === current.epoch)) return current;
    const epoch = record.type === 'epoch' ? record.epoch : store.producer.end.epoch;
    const host = {
      store,
      platform: this.#parts.platform,
      retryWindowEvents: this.#parts.options.retryWindowEvents,
      published: (end: Readonly<ChainState>) => this.take({ kind: 'published', end }),
      confirm: (answer: () => void, abandon: () => void) => this.#reads.confirm(answer, abandon),
      canBeMet: (policy: AckPolicy) => this.#core.acknowledged(policy) !== undefined,
    };
    return new Reign(host, epoch, this.#driver!.lastTimestampUs);
  }

  #openStore(recovered: RecoveredLog, committed: Position): void {
    const { options, platform, transport } = this.#parts;
    const store = new LogStore(options, platform, { recovered, committed }, {
      progress: () => this.#onProgress(),
      failed: (error) => this.#fail(error),
    });
    this.#store = store;
    this.#toldDurable = recovered.end.position;
    const appendRecord = (record: AppendedRecord) => this.appendRecord(record);
    const truncated = (end: Readonly<ChainState>) => this.truncated(end);
    const failed = (error: CairnError) => this.#fail(error);
    this.#driver = new LogDriver({ store, appendRecord, truncated, failed }, recovered.lastTimestampUs);
    this.#shipper = new RangeShipper(store, transport, (shipped) => this.take(shipped));
  }

  /** The writer, the preparer or the indexer got on. */
  #onProgress(): void {
    const store = this.#store;
    if (store === undefined || this.#isFailed) return;
    const { durable } = store;
    if (durable > this.#toldDurable) {
      this.#toldDurable = durable;
      this.take({ kind: 'durable', position: durable });
    }
    this.#driver!.pump();
    this.#admitWaiting();
    this.#endTurn();
  }

  #admitWaitingSoon(): void {
    if (this.#waitingForRoom.length > 0) queueMicrotask(() => this.#admitWaiting());
  }

  /** Lets those who wait for room try again, until one must wait on: it keeps its place before those who came later. */
  #admitWaiting(): void {
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

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    // A microtask, not setImmediate: it runs when all that one socket delivered is framed, and the writer starts that much earlier.
    queueMicrotask(() => {
      if (this.#isTurnScheduled) this.#endTurn();
    });
  }

  /** Publishes what this turn framed, and answers what needs no waiting. */
  #endTurn(): void {
    this.#isTurnScheduled = false;
    const reign = this.#reign;
    if (reign !== undefined && !this.#isFailed) {
      reign.log.endTurn();
      reign.sequencer?.pending.quorum.release(this.#store!.committed);
    }
    if (this.pendingAppends === 0) for (const drained of this.#draining.splice(0)) drained();
  }

  #scheduleIdleCommit(): void {
    if (this.#reign === undefined || this.#idleCommit !== undefined || this.#state !== 'open') return;
    this.#idleCommit = setTimeout(() => {
      this.#idleCommit = undefined;
      const reign = this.#reign;
      if (reign?.log.owesCommit !== true) return;
      if (this.pendingAppends > 0) return this.#scheduleIdleCommit();
      reign.log.recordCommit();
      this.#endTurn();
    }, IDLE_COMMIT_MS);
    this.#idleCommit.unref();
  }

  async #stop(): Promise<void> {
    const { transport, release } = this.#parts;
    if (this.#state === 'open') this.#state = 'stopping';
    clearTimeout(this.#idleCommit);
    this.#admitWaiting();
    await this.#drain();
    // Nobody needs to wait for its silence.
    this.#timer.stop();
    transport.stop();
    this.#state = 'failed';
    await this.#store?.stop();
    this.#parts.stateFile.close();
    release();
  }

  /** Resolves when everything framed so far is committed and answered, or the reign has ended. */
  async #drain(): Promise<void> {
    this.#endTurn();
    if (this.pendingAppends === 0) return;
    await new Promise<void>((resolve) => {
      this.#draining.push(resolve);
      // A leader without a quorum would wait for ever.
      setTimeout(resolve, DRAIN_MS_MAX).unref();
    });
  }

  #fail(error: CairnError): void {
    if (this.#isFailed) return;
    this.#state = 'failed';
    clearTimeout(this.#idleCommit);
    this.#timer.stop();
    this.#store?.abandon();
    this.#parts.events.failed(error);
  }
}

function leads({ role, epoch }: { readonly role: NodeRole; readonly epoch: number }, reign: number): boolean {
  return epoch === reign && (role === 'preLeader' || role === 'leader' || role === 'resigning');
}

function diskFailure(error: DiskError): CairnError {
  const { errno, syscall, path } = error;
  const message = `${syscall} failed with ${errno} on ${path}: the node stops, nothing unsynced was acknowledged; check the disk, then start the node again`;
  return new CairnError('disk-failure', message, { errno, syscall, path }, error);
}

function notLeader(leader: string): Rejection {
  return {
    code: 'not-leader',
    message: `this node does not lead, ${leader} does; nothing was written`,
    details: { leader },
  };
}

const NO_LEADER: Rejection = {
  code: 'no-leader',
  message: 'no leader is known at the moment, so nothing can be written; try again',
  details: {},
};

const NO_CLUSTER: Rejection = {
  code: 'no-cluster',
  message: 'this node belongs to no cluster yet; try another one, or this one again later',
  details: {},
};

const FENCED: Rejection = {
  code: 'fenced',
  message: 'this node is fenced, its log says why: it serves nobody; use another one',
  details: {},
};

const SHUTTING_DOWN: Rejection = {
  code: 'shutting-down',
  message: 'the node is shutting down; nothing was written; try another node, or this one again later',
  details: {},
};
