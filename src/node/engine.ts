/**
 * One node's part in its cluster, at work: gives the core its inputs, carries out its effects in order, and stands between both and
 * the clients. What is decided is the core's; what is on disk is the store's; who may append is the reign's. A cluster of one is no
 * special case. Main thread; no promise and no object per append.
 */
import { assert, unreachable } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { type ChainState, DiskError } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import { ClusterNode } from '../cluster/cluster-node.js';
import type { AppendedRecord, Effect, Input, NodeRole } from '../cluster/effects.js';
import type { Message } from '../cluster/messages.js';
import type { MemberProgress, NodeView } from '../cluster/node-view.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import type { AckPolicy } from '../wire/frames.js';
import { AckTimer } from './ack-timer.js';
import { AppendDesk } from './append-desk.js';
import { CoreTimer } from './core-timer.js';
import { diskFailure } from './disk-failure.js';
import type { EngineParts } from './engine-parts.js';
import { LogDriver } from './log-driver.js';
import { LogStore } from './log-store.js';
import { RangeShipper } from './range-shipper.js';
import { ReadGate } from './read-gate.js';
import { FENCED, NO_READ_INDEX } from './refusals.js';
import { leads, Reign } from './reign.js';
import { Requests } from './requests.js';
import { WriteProfile } from './write-profile.js';

/** With more in flight there is something to do while the disk works. */
const AWAITED_APPENDS_MAX = 8;

type LogEffect = Extract<Effect, { kind: 'write' | 'truncate' | 'append' }>;

export class Engine {
  /** Where appends are taken while the node leads. */
  readonly appends: AppendDesk;
  /** What operators have asked for. */
  readonly requests: Requests;
  readonly #parts: EngineParts;
  readonly #core: ClusterNode;
  readonly #timer: CoreTimer;
  readonly #reads: ReadGate;
  readonly #ackTimer: AckTimer;
  readonly #profile: WriteProfile | undefined;
  #store: LogStore | undefined;
  #driver: LogDriver | undefined;
  #shipper: RangeShipper | undefined;
  #told: { readonly role: NodeRole; readonly epoch: number; readonly leader: string | undefined };
  /** Up to where the core knows this node's log to be durable. */
  #toldDurable: Position = FIRST_POSITION;
  #inputs: Input[] = [];
  #isStepping = false;
  #isEndingReign = false;
  #state: 'open' | 'stopping' | 'failed' = 'open';
  #stopped: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { state, log, core } = parts;
    this.#core = new ClusterNode(core, { state, log: log?.history }, performance.now());
    this.#told = this.#core.view;
    this.appends = new AppendDesk(this);
    this.#ackTimer = new AckTimer((seconds) => parts.events.quorumAck?.(seconds));
    const { writeStages } = parts.events;
    this.#profile = writeStages === undefined ? undefined : new WriteProfile(writeStages);
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

  /** Whether it takes appends. */
  get isLeading(): boolean {
    return this.appends.isOpen;
  }

  get role(): NodeRole {
    return this.#told.role;
  }

  /** The leader's name, if one is known. */
  get leaderName(): string | undefined {
    return this.#told.leader;
  }

  get hearsQuorum(): boolean {
    return this.#core.hearsQuorum;
  }

  /** A leader's view of the other members; else nothing. */
  progress(): readonly MemberProgress[] {
    return this.#core.progress();
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
    if (message.kind === 'ack') this.#profile?.acked(message.fromName, message.durable, performance.now());
    this.take({ kind: 'message', message });
  }

  /** Leader: up to where the log is acknowledged as `policy` wants it. */
  acknowledged(policy: AckPolicy): Position | undefined {
    return this.#core.acknowledged(policy);
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
      // What goes wrong with this node's files is fatal; all else is a bug, and fatal as well.
      if (error instanceof DiskError) this.#fail(diskFailure(error));
      else if (error instanceof CairnError) this.#fail(error);
      else throw error;
    } finally {
      this.#isStepping = false;
    }
    this.appends.acknowledged();
    this.#timer.schedule();
  }

  /** Answers everything that was accepted, then ends the threads. The engine can't be used afterwards. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  appendRecord(record: AppendedRecord): boolean {
    const reign = this.#reignOf(record);
    const placed = reign.appendRecord(record);
    if (placed === undefined) return false;
    this.take({ kind: 'appended', record, ...placed });
    reign.log.endTurn();
    // The core knows already what the role effect, which comes last, is about to say.
    if (this.appends.reign !== reign && leads(this.#core.view, reign.epoch)) this.appends.reign = reign;
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
        this.#profile?.shipped(effect.to, effect.limit, performance.now());
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
        this.#reads.refused(effect.request, NO_READ_INDEX);
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
    this.#ackTimer.committed(position);
    const nowMs = performance.now();
    const followed = this.#profile?.committed(position, nowMs);
    this.appends.committed(position);
    // Behind the microtasks in which the answers leave.
    if (followed !== undefined) queueMicrotask(() => this.#profile?.answered(followed, performance.now()));
    this.#reads.committed(position);
  }

  #becomes(told: Extract<Effect, { kind: 'role' }>): void {
    this.#told = told;
    const { role, epoch, leader } = told;
    this.#parts.events.note('role', { role, epoch, ...(leader === undefined ? {} : { leader }) });
    const { reign } = this.appends;
    if (reign !== undefined && !leads(told, reign.epoch)) {
      this.appends.reign = undefined;
      this.#isEndingReign = true;
      reign.end();
      this.#isEndingReign = false;
      this.#ackTimer.reset();
      this.#profile?.reset();
    }
    if (role === 'leader') void this.appends.reign?.establish().then(() => this.#onProgress());
    else if (role !== 'resigning') this.requests.leadsNoMore();
    if (role === 'fenced') this.#store?.reader.endFollowing(new CairnError(FENCED.code, FENCED.message));
    // Those who waited for a reign to begin learn that there is none.
    this.appends.admitWaitingSoon();
    this.#parts.events.changed?.();
  }

  /** The reign that frames this record: late ones, of a reign that is over, are framed all the same (effects.ts). */
  #reignOf(record: AppendedRecord): Reign {
    const { store } = this;
    assert(store !== undefined, 'who has joined has a log');
    const current = this.appends.reign;
    if (current !== undefined && (record.type === 'membership' || record.epoch === current.epoch))
      return current;
    const epoch = record.type === 'epoch' ? record.epoch : store.producer.end.epoch;
    const host = {
      store,
      platform: this.#parts.platform,
      retryWindowEvents: this.#parts.options.retryWindowEvents,
      transactionTimeoutMs: this.#parts.options.transactionTimeoutMs,
      headCacheBytes: this.#parts.options.streamHeadCacheSize,
      defaultAckPolicy: this.#parts.options.defaultAckPolicy ?? 'quorum',
      published: (end: Readonly<ChainState>) => {
        this.#ackTimer.published(end.position);
        const beganMs = this.appends.reign?.log.turnBeganMs;
        if (beganMs !== undefined) this.#profile?.published(end.position, beganMs, performance.now());
        this.take({ kind: 'published', end });
        store.awaitDurable(this.#core.isAlone && this.appends.pendingAppends <= AWAITED_APPENDS_MAX);
      },
      confirm: (answer: () => void, abandon: () => void) => this.#reads.confirm(answer, abandon),
      canBeMet: (policy: AckPolicy) => this.acknowledged(policy) !== undefined,
      settled: () => this.#onProgress(),
    };
    return new Reign(host, epoch, this.#driver!.lastTimestampUs);
  }

  #openStore(recovered: RecoveredLog, committed: Position): void {
    const { options, platform, transport } = this.#parts;
    const store = new LogStore(
      options,
      platform,
      { recovered, committed, historyWritten: this.#parts.log?.historyWritten ?? 0 },
      {
        historyBefore: (position) => this.#core.historyBefore(position),
        warn: this.#parts.events.warn,
        diskSpace: this.#parts.events.diskSpace,
        progress: () => this.#onProgress(),
        failed: (error) => this.#fail(error),
        damaged: (error, who) => this.#parts.events.damaged?.(error, who) === true,
        sound: (chunk) => this.#parts.events.sound?.(chunk),
      },
    );
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
      this.#profile?.durable(durable, () => store.lastBatch, performance.now());
      this.take({ kind: 'durable', position: durable });
    }
    this.#driver!.pump();
    this.appends.admitWaiting();
    this.appends.endTurn();
  }

  async #stop(): Promise<void> {
    const { transport, release } = this.#parts;
    if (this.#state === 'open') this.#state = 'stopping';
    await this.appends.close();
    // Nobody needs to wait for its silence.
    this.#timer.stop();
    transport.stop();
    this.#state = 'failed';
    await this.#store?.stop();
    this.#parts.stateFile.close();
    release();
  }

  #fail(error: CairnError): void {
    if (this.#isFailed) return;
    this.#state = 'failed';
    this.appends.abandon();
    this.#timer.stop();
    this.#store?.abandon();
    this.#parts.events.failed(error);
  }
}
