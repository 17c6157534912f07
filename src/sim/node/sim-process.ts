/**
 * A running node: the real cluster core and the real log code, and between them and the world what a node's process does: carries out effects
 * in order, waits for the disk, keeps time, talks to clients. Pure. It ends when it is killed, or by itself at the first failure of its
 * disk (fail-stop), and then never does anything again.
 */
import { assert } from '../../base/assert.js';
import type { Epoch, Position, TimestampUs } from '../../base/units.js';
import { ClusterNode } from '../../cluster/cluster-node.js';
import type { ClusterNodeOptions } from '../../cluster/cluster-node-options.js';
import type { Effect, Input, NodeRole, Outgoing } from '../../cluster/effects.js';
import type { Message } from '../../cluster/messages.js';
import type { NodeState } from '../../cluster/node-state.js';
import type { NodeStateFile } from '../../cluster/node-state-file.js';
import type { ClientRequest } from '../clients/client-messages.js';
import { DeviceQueue, type DeviceSpeed } from '../disk/device-queue.js';
import type { NodeLog } from '../disk/node-log.js';
import type { SimulatedDisk } from '../disk/simulated-disk.js';
import type { EventQueue } from '../event-queue.js';
import { describeMessage, type Network } from '../network.js';
import type { Random } from '../random.js';
import type { SimulatedClock } from '../simulated-clock.js';
import type { Trace } from '../trace.js';
import { ClientDesk, type DeskHost, type Respond } from './client-desk.js';
import { isOfTheWorld } from './process-crash.js';
import { type LogEffect, ProcessLog, type ProcessLogHost } from './process-log.js';
import type { ObservedProcess, ProcessObserver } from './process-observer.js';
import { ProcessTimer } from './process-timer.js';
import { Shipper, type ShipperHost } from './shipper.js';
import { StateSaver, type StateSaverHost } from './state-saver.js';
import type { NewEvent, StreamModel } from './stream-model.js';

/** What a process is started with. */
export interface ProcessParts {
  /** Numbers the processes of this machine. */
  readonly start: number;
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
export class SimProcess implements ObservedProcess, ProcessLogHost, DeskHost, ShipperHost {
  readonly core: ClusterNode;
  readonly #parts: ProcessParts;
  readonly #desk: ClientDesk;
  readonly #saver: StateSaver;
  readonly #shipper: Shipper;
  readonly #timer: ProcessTimer;
  #log: ProcessLog | undefined;
  // As the core has told them: to ask it each time would cost more than all else.
  #commit: Position;
  #told: { readonly role: NodeRole; readonly epoch: Epoch; readonly leader: string | undefined };
  #isDead = false;
  #isPaused = false;
  #deferred: (() => void)[] = [];
  #inputs: Input[] = [];
  #isStepping = false;

  constructor(parts: ProcessParts) {
    const { queue, clock, log, state, options, random } = parts;
    this.#parts = parts;
    this.#saver = this.#makeSaver();
    this.#shipper = new Shipper(this, random.fork());
    this.#desk = new ClientDesk(this);
    if (log !== undefined) this.#openLog(log);
    this.#timer = new ProcessTimer({
      queue,
      clock,
      deadlineMs: () => this.core.deadlineMs,
      tick: () => this.take({ kind: 'tick' }),
    });
    this.core = new ClusterNode(options, { state, log: log?.start }, this.#timer.nowMs);
    this.#told = this.core.view;
    this.#commit = this.core.view.commit;
    parts.observer.started(this);
    this.#timer.schedule();
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
    return this.#saver.saved;
  }

  get role(): NodeRole {
    return this.#told.role;
  }

  get epoch(): Epoch {
    return this.#told.epoch;
  }

  get isAlive(): boolean {
    return !this.#isDead;
  }

  get isBounded(): boolean {
    return this.#deferred.length <= DEFERRED_MAX && this.#log?.isBounded !== false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get hasLog(): boolean {
    return this.#log !== undefined;
  }

  get log(): NodeLog {
    assert(this.#log !== undefined, 'there is a log since the node has joined');
    return this.#log.log;
  }

  // What happens to it.

  receive(message: Message): void {
    this.whenRunning(() => this.take({ kind: 'message', message }));
  }

  ask(request: ClientRequest, respond: Respond): void {
    this.whenRunning(() => this.#desk.take(request, respond));
  }

  /** An operator's wish. */
  command(input: Extract<Input, { kind: 'resign' | 'change' | 'priority' }>): void {
    this.whenRunning(() => this.take(input));
  }

  /** Nobody listens at `name` any more, says its machine. */
  alarm(name: string): void {
    this.whenRunning(() => this.take({ kind: 'unreachable', name }));
  }

  pause(): void {
    this.#isPaused = true;
    this.#timer.stop();
  }

  /** Goes on: with its timers, or with what has come meanwhile. */
  resume(): void {
    this.#isPaused = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    this.#timer.restart();
    if (this.#parts.random.chance(0.5)) this.#timer.wake();
    for (const act of deferred) this.whenRunning(act);
  }

  /** Nothing happens any more. What the devices were doing may be half done. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#timer.stop();
    this.#saver.close();
    this.#log?.close();
  }

  // For the desk.

  get commit(): Position {
    return this.#commit;
  }

  get model(): StreamModel | undefined {
    return this.#log?.model;
  }

  get start(): number {
    return this.#parts.start;
  }

  get leaderName(): string | undefined {
    return this.#told.leader;
  }

  get takesAppends(): boolean {
    const { role, epoch } = this.#told;
    return role === 'leader' && this.#log?.isReigning(epoch) === true;
  }

  appendEvents(events: readonly NewEvent[]): ReturnType<DeskHost['appendEvents']> {
    return this.#log?.appendEvents(events);
  }

  askReadIndex(request: number): void {
    this.take({ kind: 'read', request });
  }

  // For the log.

  /** Gives the core an input; what comes in while its effects are carried out waits its turn. */
  take(input: Input): void {
    if (this.#isDead) return;
    const inputs = this.#inputs;
    inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = inputs.shift(); next !== undefined && !this.#isDead; next = inputs.shift()) {
      for (const effect of this.core.step(next, this.#timer.nowMs)) {
        if (!this.#isDead) this.#carryOut(effect);
      }
      if (!this.#isDead) this.#parts.observer.stepped(this);
    }
    this.#isStepping = false;
    this.#timer.schedule();
  }

  whenRunning(act: () => void): void {
    if (this.#isDead) return;
    if (!this.#isPaused) act();
    else if (this.#deferred.length < DEFERRED_MAX) this.#deferred.push(act);
  }

  later(delayMs: number, act: () => void): void {
    this.#parts.queue.after(delayMs, () => this.whenRunning(() => this.guard(act)));
  }

  guard(act: () => void): boolean {
    try {
      act();
      return !this.#isDead;
    } catch (error) {
      // Anything else is a bug, or a broken promise.
      if (!isOfTheWorld(error)) throw error;
      if (this.#isDead) return false;
      this.kill();
      this.#parts.onDeath(error);
      return false;
    }
  }

  wallUs(): TimestampUs {
    return this.#parts.clock.wallUs(this.#parts.queue.nowMs);
  }

  epochBegan(epoch: Epoch, end: Position): void {
    this.#parts.observer.epochBegan(this, epoch, end);
  }

  truncationRefused(to: Position, committed: Position): void {
    this.#parts.observer.truncationRefused(this, to, committed);
  }

  #openLog(log: NodeLog): void {
    const { queue, random, speed, options } = this.#parts;
    const { kernel } = options;
    this.#log = new ProcessLog({ host: this, log, memberId: this.memberId, kernel, queue, random, speed });
  }

  #makeSaver(): StateSaver {
    const { queue, random, speed, stateFile, state } = this.#parts;
    const host: StateSaverHost = {
      guard: (act) => this.guard(act),
      whenRunning: (act) => this.whenRunning(act),
      saved: ({ promisedEpoch, acceptedEpoch }) => this.#note('saved').numbers(promisedEpoch, acceptedEpoch),
      send: (outgoing) => this.send(outgoing),
    };
    return new StateSaver(host, new DeviceQueue(queue, random, speed), stateFile, state);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message);
        return;
      case 'save':
        this.#saver.save(effect);
        return;
      case 'ship':
        this.#shipper.ship(effect);
        return;
      case 'write':
      case 'truncate':
      case 'append':
        this.#changeLog(effect);
        return;
      case 'joined':
        this.#join(effect.clusterId, effect.chunkSize);
        return;
      default:
        this.#tell(effect);
    }
  }

  #changeLog(effect: LogEffect): void {
    const { observer } = this.#parts;
    if (effect.kind === 'write') observer.writing(this);
    if (effect.kind === 'truncate') {
      this.#note('truncate').numbers(effect.to);
      observer.truncating(this, effect.to);
    }
    assert(this.#log !== undefined, 'who has joined has a log');
    this.#log.carryOut(effect);
  }

  /** Effects that only tell something. */
  #tell(effect: Exclude<Effect, LogEffect | { kind: 'send' | 'save' | 'ship' | 'joined' }>): void {
    const { observer } = this.#parts;
    switch (effect.kind) {
      case 'commit':
        this.#note('commit').numbers(effect.position);
        this.#commit = effect.position;
        observer.committed(this, effect.position);
        this.#log?.committed(effect.position);
        this.#desk.committed();
        return;
      case 'role':
        this.#told = effect;
        this.#note(effect.role, () => `leader ${effect.leader ?? 'none'}`).numbers(effect.epoch);
        observer.roleTaken(this, effect.role, effect.epoch);
        if (this.#log?.noteRole(effect.role, effect.epoch) === true) this.#desk.leadershipLost();
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
      default:
        this.#note(effect.kind, () => effect.refusal);
    }
  }

  #join(clusterId: string, chunkSize: number): void {
    this.#note('joined').word(clusterId);
    this.guard(() => {
      if (this.#log === undefined) this.#openLog(this.#parts.createLog(clusterId, chunkSize));
    });
  }

  send({ to, message }: Outgoing): void {
    this.#send(to, message);
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

  #note(what: string, describe?: () => string): Trace {
    const { trace, queue } = this.#parts;
    return trace.note(queue.nowMs, this.name, what, describe);
  }
}
