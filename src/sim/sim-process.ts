/**
 * A running node: the real cluster core and the real log code, and between them and the world what a node's process does: carries out effects
 * in order, waits for the disk, keeps time, talks to clients. Pure. It ends when it is killed, or by itself at the first failure of its
 * disk (fail-stop), and then never does anything again.
 */
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import { type ChainState, DiskError } from '../base/ports.js';
import type { Epoch, Position } from '../base/units.js';
import { ClusterNode } from '../cluster/cluster-node.js';
import type { ClusterNodeOptions } from '../cluster/cluster-node-options.js';
import type { AppendedRecord, Effect, Input, NodeRole } from '../cluster/effects.js';
import type { Message } from '../cluster/messages.js';
import type { NodeState } from '../cluster/node-state.js';
import { ClientDesk, type DeskHost, type Respond } from './client-desk.js';
import type { ClientRequest } from './client-messages.js';
import { DeviceQueue, type DeviceSpeed } from './device-queue.js';
import type { EventQueue, ScheduledEvent } from './event-queue.js';
import { LogDriver, type LogDriverHost } from './log-driver.js';
import type { Network } from './network.js';
import { describeMessage } from './network.js';
import type { NodeLog } from './node-log.js';
import type { NodeStateFile } from './node-state-file.js';
import { ProcessCrash } from './process-crash.js';
import type { ObservedProcess, ProcessObserver } from './process-observer.js';
import type { Random } from './random.js';
import { ReignLog } from './reign-log.js';
import type { SimulatedClock } from './simulated-clock.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { StreamModel } from './stream-model.js';
import type { Trace } from './trace.js';

/** What a process is started with. */
export interface ProcessParts {
  readonly queue: EventQueue;
  readonly trace: Trace;
  readonly random: Random;
  readonly network: Network;
  readonly observer: ProcessObserver;
  readonly clock: SimulatedClock;
  readonly disk: SimulatedDisk;
  readonly speed: Readonly<DeviceSpeed>;
  readonly options: ClusterNodeOptions;
  readonly stateFile: NodeStateFile;
  /** As saved for this start. */
  readonly state: NodeState;
  readonly log: NodeLog | undefined;
  /** Makes the log of a cluster that the node has joined. */
  readonly createLog: (clusterId: string, chunkSize: number) => NodeLog;
  /** The process has ended by itself. */
  readonly onDeath: (reason: unknown) => void;
}

/** Messages and completions that a paused process finds when it goes on; a socket's buffer is full at some point too. */
const DEFERRED_MAX = 20_000;
/** How long a `ship` may take that has to read from the disk. */
const SHIP_DELAY_MS_MAX = 2;
const SHIP_DELAY_CHANCE = 0.1;

export class SimProcess implements ObservedProcess, LogDriverHost, DeskHost {
  readonly core: ClusterNode;
  readonly model = new StreamModel();
  readonly #parts: ProcessParts;
  readonly #desk: ClientDesk;
  readonly #saves: DeviceQueue;
  #log: NodeLog | undefined;
  #logDriver: LogDriver | undefined;
  #reign: ReignLog | undefined;
  #savedState: NodeState;
  #isDead = false;
  #isPaused = false;
  #deferred: (() => void)[] = [];
  #inputs: Input[] = [];
  #isStepping = false;
  #tick: ScheduledEvent | undefined;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.#savedState = parts.state;
    this.#saves = new DeviceQueue(parts.queue, parts.random, parts.speed);
    this.#desk = new ClientDesk(this);
    const { log, state, options } = parts;
    if (log !== undefined) this.#openLog(log);
    this.core = new ClusterNode(options, { state, log: log?.start }, this.#nowMs());
    parts.observer.started(this);
    this.#scheduleTick();
  }

  get name(): string {
    return this.#parts.options.name;
  }

  get memberId(): string {
    return this.#parts.state.memberId;
  }

  get disk(): SimulatedDisk {
    return this.#parts.disk;
  }

  get savedState(): NodeState {
    return this.#savedState;
  }

  get isAlive(): boolean {
    return !this.#isDead;
  }

  get isBounded(): boolean {
    return this.#deferred.length <= DEFERRED_MAX && this.#logDriver?.isBounded !== false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get hasLog(): boolean {
    return this.#log !== undefined;
  }

  get log(): NodeLog {
    assert(this.#log !== undefined, 'there is a log since the node has joined');
    return this.#log;
  }

  // For the desk.

  get commit(): Position {
    return this.core.view.commit;
  }

  get start(): number {
    return this.#parts.state.start;
  }

  get leaderName(): string | undefined {
    return this.core.view.leader;
  }

  get takesAppends(): boolean {
    const { role, epoch } = this.core.view;
    return role === 'leader' && this.#reign?.epoch === epoch && this.#logDriver?.isIdle === true;
  }

  appendEvents(events: Parameters<DeskHost['appendEvents']>[0]): ReturnType<DeskHost['appendEvents']> {
    const reign = this.#reign;
    let placed: ReturnType<DeskHost['appendEvents']>;
    this.guard(() => {
      placed = reign?.appendEvents(events, this.#wallUs());
    });
    return placed;
  }

  askReadIndex(request: number): void {
    this.#take({ kind: 'read', request });
  }

  // What happens to it.

  receive(message: Message): void {
    this.#whenRunning(() => this.#take({ kind: 'message', message }));
  }

  ask(request: ClientRequest, respond: Respond): void {
    this.#whenRunning(() => this.#desk.take(request, respond));
  }

  /** An operator's wish. */
  command(input: Extract<Input, { kind: 'resign' | 'change' | 'priority' }>): void {
    this.#whenRunning(() => this.#take(input));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const act of deferred) this.#whenRunning(act);
    this.#scheduleTick();
  }

  /** Nothing happens any more. What the devices were doing may be half done. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    if (this.#tick !== undefined) this.#tick.cancelled = true;
    this.#saves.close();
    this.#logDevice?.close();
  }

  // For the log driver.

  guard(act: () => void): boolean {
    try {
      act();
      return !this.#isDead;
    } catch (error) {
      // Anything else is a bug, or a broken promise.
      const isOfTheWorld =
        error instanceof DiskError || error instanceof CairnError || error instanceof ProcessCrash;
      if (!isOfTheWorld) throw error;
      if (this.#isDead) return false;
      this.kill();
      this.#parts.onDeath(error);
      return false;
    }
  }

  appendRecord(record: AppendedRecord): void {
    this.#reign?.publish();
    if (record.type === 'epoch') this.#reign = this.#beginReign(record.epoch);
    // It may come late, when the disk was full: then the reign is over, and the record follows all the same.
    const reign = this.#reign ?? this.#beginReign(this.log.end.epoch);
    const { position, end } = reign.appendRecord(record, this.memberId, this.#wallUs());
    this.#take({ kind: 'appended', record, position, end: end.position });
    this.#take({ kind: 'published', end });
    if (record.type === 'epoch') this.#parts.observer.epochBegan(this, record.epoch, end.position);
  }

  durable(position: Position): void {
    this.#whenRunning(() => {
      this.#reign?.publish();
      this.#take({ kind: 'durable', position });
    });
  }

  truncated(end: Readonly<ChainState>): void {
    this.#note('truncated').numbers(end.position);
    this.#whenRunning(() => this.#take({ kind: 'truncated', end }));
  }

  truncationRefused(to: Position, committed: Position): void {
    this.#parts.observer.truncationRefused(this, to, committed);
  }

  // For the reign.

  published(end: Readonly<ChainState>): void {
    this.#take({ kind: 'published', end });
  }

  /** Something was written to the log from outside the line of operations. */
  written(): void {
    this.#logDriver?.pump();
  }

  later(delayMs: number, act: () => void): void {
    this.#parts.queue.after(delayMs, () => {
      if (!this.#isDead) this.#whenRunning(() => this.guard(act));
    });
  }

  get random(): Random {
    return this.#parts.random;
  }

  #logDevice: DeviceQueue | undefined;

  #openLog(log: NodeLog): void {
    const { queue, random, speed } = this.#parts;
    this.#log = log;
    this.#logDevice = new DeviceQueue(queue, random, speed);
    this.#logDriver = new LogDriver(this, this.#logDevice, queue);
    this.model.append(log.read(0, log.end.position));
  }

  #whenRunning(act: () => void): void {
    if (this.#isDead) return;
    if (!this.#isPaused) act();
    else if (this.#deferred.length < DEFERRED_MAX) this.#deferred.push(act);
  }

  /** Gives the core an input; what comes in while its effects are carried out waits its turn. */
  #take(input: Input): void {
    if (this.#isDead) return;
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (
        let next = this.#inputs.shift();
        next !== undefined && !this.#isDead;
        next = this.#inputs.shift()
      ) {
        for (const effect of this.core.step(next, this.#nowMs())) if (!this.#isDead) this.#carryOut(effect);
        if (!this.#isDead) this.#parts.observer.stepped(this);
      }
    } finally {
      this.#isStepping = false;
    }
    this.#scheduleTick();
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        return;
      case 'save':
        this.#save(effect);
        return;
      case 'ship':
        this.#ship(effect);
        return;
      case 'write':
        this.#parts.observer.writing(this);
        this.model.append(effect.bytes);
        this.#logDriver!.add({ kind: 'write', bytes: effect.bytes });
        return;
      case 'truncate':
        this.#note('truncate').numbers(effect.to);
        this.#parts.observer.truncating(this, effect.to);
        this.model.truncate(effect.to);
        this.#logDriver!.add({ kind: 'truncate', to: effect.to });
        return;
      case 'append':
        this.#logDriver!.add({ kind: 'append', record: effect.record });
        return;
      case 'joined':
        this.#join(effect.clusterId, effect.chunkSize);
        return;
      default:
        this.#tell(effect);
    }
  }

  /** Effects that only tell something. */
  #tell(
    effect: Exclude<Effect, { kind: 'send' | 'save' | 'ship' | 'write' | 'truncate' | 'append' | 'joined' }>,
  ): void {
    const { observer } = this.#parts;
    switch (effect.kind) {
      case 'commit':
        this.#note('commit').numbers(effect.position);
        observer.committed(this, effect.position);
        this.#reign?.committed(effect.position);
        this.#desk.committed();
        return;
      case 'role':
        this.#note(effect.role, () => `leader ${effect.leader ?? 'none'}`).numbers(effect.epoch);
        observer.roleTaken(this, effect.role, effect.epoch);
        if (this.#reign !== undefined && !isReigning(effect.role, effect.epoch, this.#reign.epoch))
          this.#endReign();
        return;
      case 'readReady':
        this.#desk.readReady(effect.request, effect.position);
        return;
      case 'readRefused':
        this.#desk.readRefused(effect.request);
        return;
      case 'alarm':
        this.#note(effect.alarm.kind, () => JSON.stringify(effect.alarm));
        observer.alarmed(this, effect.alarm);
        return;
      case 'changed':
        this.#note('changed').numbers(effect.configuration.version);
        return;
      case 'changeRefused':
      case 'resignRefused':
        this.#note(effect.kind, () => effect.refusal);
        return;
    }
  }

  #beginReign(epoch: Epoch): ReignLog {
    const { log, model } = this;
    return new ReignLog({ host: this, log, model, kernel: this.#parts.options.kernel, epoch });
  }

  #endReign(): void {
    this.#reign?.end();
    this.#reign = undefined;
    this.#desk.leadershipLost();
  }

  #join(clusterId: string, chunkSize: number): void {
    this.#note('joined').word(clusterId);
    this.guard(() => {
      if (this.#log === undefined) this.#openLog(this.#parts.createLog(clusterId, chunkSize));
    });
  }

  #save({ state, thenSend }: Extract<Effect, { kind: 'save' }>): void {
    const { stateFile } = this.#parts;
    const finish = (): void => {
      const isAlive = this.guard(() => stateFile.save(state));
      if (!isAlive) return;
      this.#savedState = state;
      this.#note('saved').numbers(state.promisedEpoch, state.acceptedEpoch);
      this.#whenRunning(() => {
        for (const { to, message } of thenSend) this.#send(to, message);
      });
    };
    this.#saves.add({ interrupt: finish, finish });
  }

  #ship({ to, range, limit }: Extract<Effect, { kind: 'ship' }>): void {
    const { random } = this.#parts;
    const send = (): void => {
      const { log } = this;
      const from = range.position;
      // A leader of old may have cut its log meanwhile: nobody waits for this any more.
      const end = from < log.end.position ? log.rangeEnd(from, limit) : from;
      if (end > from) this.#send(to, { ...range, bytes: log.read(from, end) });
      this.#take({ kind: 'shipped', to: range.to, attempt: range.attempt, end });
    };
    this.later(random.chance(SHIP_DELAY_CHANCE) ? random.fraction() * SHIP_DELAY_MS_MAX : 0, send);
  }

  #send(to: string, message: Message): void {
    const { network, observer, queue, trace } = this.#parts;
    observer.sending(this, message);
    if (to !== this.name) {
      network.send(this.name, to, message);
      return;
    }
    queue.after(0, () => {
      if (this.#isDead) return;
      trace.note(queue.nowMs, this.name, message.kind, () => `from itself ${describeMessage(message)}`);
      this.receive(message);
    });
  }

  #scheduleTick(): void {
    const { clock, queue } = this.#parts;
    if (this.#isDead || this.#isPaused) return;
    const { deadlineMs } = this.core;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const atMs = Math.max(queue.nowMs, clock.virtualMs(deadlineMs));
    if (this.#tick !== undefined) {
      // A tick that comes too early puts itself off: cheaper than to cancel one at each step.
      if (this.#tick.timeMs <= atMs) return;
      this.#tick.cancelled = true;
    }
    this.#tick = queue.at(atMs, () => this.#onTick());
  }

  #onTick(): void {
    const { clock, queue } = this.#parts;
    this.#tick = undefined;
    if (this.#isPaused) return;
    const { deadlineMs } = this.core;
    // Rounding must not make it a hair too early, and then again and again.
    if (queue.nowMs >= clock.virtualMs(deadlineMs)) clock.reach(deadlineMs);
    if (this.#nowMs() >= deadlineMs) this.#take({ kind: 'tick' });
    else this.#scheduleTick();
  }

  #nowMs(): number {
    return this.#parts.clock.localMs(this.#parts.queue.nowMs);
  }

  #wallUs(): number {
    return this.#parts.clock.wallUs(this.#parts.queue.nowMs);
  }

  #note(what: string, describe?: () => string): Trace {
    const { trace, queue } = this.#parts;
    return trace.note(queue.nowMs, this.name, what, describe);
  }
}

function isReigning(role: NodeRole, epoch: Epoch, ofEpoch: Epoch): boolean {
  return epoch === ofEpoch && (role === 'preLeader' || role === 'leader' || role === 'resigning');
}
