/**
 * A machine that runs a node: its disk, its clocks, and the process that is running on it, if one is. Pure. What a machine keeps, a process
 * finds at its next start: it loads its state file, counts the start, recovers its log, as production does.
 */
import { CairnError } from '../../base/errors.js';
import type { ClusterNodeOptions } from '../../cluster/cluster-node-options.js';
import { type MemberId, type MemberRole, VOTERS_MAX } from '../../cluster/configuration.js';
import { freshNodeState, type NodeState } from '../../cluster/node-state.js';
import { NodeStateFile } from '../../cluster/node-state-file.js';
import { javascriptKernel } from '../../log/javascript-kernel.js';
import type { Alarms } from '../alarms.js';
import { type DeviceSpeed, FAST_DEVICE, MECHANICAL_DEVICE } from '../disk/device-queue.js';
import { NodeLog } from '../disk/node-log.js';
import { type CrashKind, SimulatedDisk } from '../disk/simulated-disk.js';
import type { EventQueue } from '../event-queue.js';
import type { Network } from '../network.js';
import type { Random } from '../random.js';
import { SimulatedClock } from '../simulated-clock.js';
import {
  CATCH_UP_BYTES,
  CHUNK_SIZE,
  DEAD_VOTER_TIMEOUT_MS,
  DISK_STALL_TIMEOUT_MS,
  ELECTION_TIMEOUT_MS,
  HEARTBEAT_INTERVAL_MS,
} from '../timing.js';
import type { Trace } from '../trace.js';
import { isOfTheWorld, ProcessCrash } from './process-crash.js';
import type { ProcessObserver } from './process-observer.js';
import { SimProcess } from './sim-process.js';

export interface SimNodeParts {
  readonly queue: EventQueue;
  readonly trace: Trace;
  readonly random: Random;
  readonly network: Network;
  readonly alarms: Alarms;
  readonly observer: ProcessObserver;
  readonly name: string;
  readonly zone: string;
  readonly role: MemberRole;
  readonly clusterSize: number;
  readonly seeds: readonly string[];
  /** The process has ended by itself, or could not start. */
  readonly onDown: (node: SimNode, reason: unknown) => void;
}

/**
 * What a fault did to what is on the disk. `rot`: bits have changed, which a start tells apart from a torn tail. `amnesia`: something
 * that was acknowledged is gone without a trace. Until the operator has wiped it, the node counts as failed.
 */
export type Damage = 'none' | 'rot' | 'amnesia';

/** Which disk operation of a process it doesn't survive. */
export interface CrashAfterStart {
  readonly operations: number;
  /** Only those are counted that it does while it catches up. */
  readonly whileCatchingUp: boolean;
}

const FOLDER = 'data';
/** Uptimes differ by up to some weeks, so that no node can take another's time for its own. */
const UPTIME_MS_MAX = 2_000_000_000;
const NONCE_MAX = 0x1_0000_0000;
const MECHANICAL_CHANCE = 0.25;
/** A disk operation of a dying process gets this far at most. */
const LAST_OPERATIONS_MAX = 8;

export class SimNode {
  readonly name: string;
  readonly role: MemberRole;
  readonly clock: SimulatedClock;
  readonly speed: DeviceSpeed;
  disk: SimulatedDisk;
  process: SimProcess | undefined;
  damage: Damage = 'none';
  /** A start has found something that it must not work with: only an operator can help. */
  isBroken = false;
  /** Of the folder that the disk has now; undefined as long as it has none. */
  memberId: MemberId | undefined;
  /** What this member's memory has reached in all of its lives: the highest promise, and the end of its log. */
  promisedEpoch = 0;
  logEnd = 0;
  /** Of the last configuration in its log when the process ended. */
  #lastVersion = 0;
  readonly #parts: SimNodeParts;
  readonly #random: Random;
  readonly #device: Readonly<DeviceSpeed>;
  #crashAfterStart: CrashAfterStart | undefined;
  /** Processes that this machine has started, whichever folder it had. */
  #starts = 0;
  #clusterSize: number;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.#clusterSize = parts.clusterSize;
    this.#random = parts.random;
    this.name = parts.name;
    this.role = parts.role;
    this.clock = new SimulatedClock(this.#random.below(UPTIME_MS_MAX));
    this.disk = this.#newDisk();
    this.#device = this.#random.chance(MECHANICAL_CHANCE) ? MECHANICAL_DEVICE : FAST_DEVICE;
    this.speed = { ...this.#device };
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  /** Whether its member will not take part any more as it is: it forgot, rots, can't start, or has been told to stay away. */
  get isLost(): boolean {
    return this.damage !== 'none' || this.isBroken || this.process?.role === 'fenced';
  }

  /** The last configuration that is in its log, committed or not. */
  get configurationVersion(): number {
    return this.process?.core.view.configuration?.version ?? this.#lastVersion;
  }

  /** Starts the process. What goes wrong is told by `onDown`. */
  start(): void {
    if (this.process !== undefined) return;
    this.#armCrash();
    try {
      this.#startProcess();
    } catch (error) {
      if (!isOfTheWorld(error)) throw error;
      if (error instanceof CairnError) this.isBroken = true;
      this.#died(error);
    }
  }

  /** Ends the process at whatever it is doing; `how` says what happens to writes that were not synced. */
  crash(how: CrashKind): void {
    this.#note(`crash-${how}`);
    let operations = this.#random.below(LAST_OPERATIONS_MAX);
    this.disk.beforeChange = () => {
      if (operations-- <= 0) throw new ProcessCrash();
    };
    this.process?.kill();
    this.#cleanUp(how);
  }

  /** Ends the process at one of its next disk operations; most often with the power. */
  crashAtStep(operations: number): void {
    let left = operations;
    this.disk.beforeChange = () => {
      if (left-- <= 0) throw new ProcessCrash();
    };
  }

  /** Its disk takes as long as it should again. */
  healSpeed(): void {
    Object.assign(this.speed, this.#device);
  }

  /** Ends its next process at one of the first disk operations, or of those while it catches up. Undefined: it doesn't. */
  crashAfterStart(when: CrashAfterStart | undefined): void {
    this.#crashAfterStart = when;
  }

  pause(): void {
    this.#note('pause');
    this.process?.pause();
  }

  resume(): void {
    if (this.process?.isPaused !== true) return;
    this.#note('resume');
    this.process.resume();
  }

  /** The operator gives the node a new folder, and with it a new identity. */
  wipe(): void {
    if (this.isUp) this.crash('lose-all');
    this.#note('wipe');
    this.disk = this.#newDisk();
    this.memberId = undefined;
    this.promisedEpoch = 0;
    this.logEnd = 0;
    this.#lastVersion = 0;
    this.damage = 'none';
    this.isBroken = false;
    // It is to join the cluster that is there. Three empty nodes that meet before they hear of it would found another one.
    this.#clusterSize = VOTERS_MAX;
  }

  /** What is on the disk now, for {@link restore}. */
  snapshot(): SimulatedDisk {
    return this.disk.clone(this.#random.fork());
  }

  /** The node finds itself as it was; nothing that was in caches then is there. */
  restore(snapshot: SimulatedDisk): void {
    if (this.isUp) this.crash('lose-all');
    this.#note('restore');
    this.disk = snapshot;
    this.disk.crash(this.#random, 'lose-all');
    this.isBroken = false;
  }

  #armCrash(): void {
    const when = this.#crashAfterStart;
    this.#crashAfterStart = undefined;
    if (when === undefined) return;
    let left = when.operations;
    this.disk.beforeChange = () => {
      const counts = !when.whileCatchingUp || this.process?.savedState.catchingUpFrom !== undefined;
      if (counts && left-- <= 0) throw new ProcessCrash();
    };
  }

  #startProcess(): void {
    const { disk } = this;
    disk.makeDirectory(FOLDER);
    const { file, state } = this.#loadState();
    this.memberId = state.memberId;
    const newId = (): string => this.#random.uuid();
    const { catchingUpFrom } = state;
    let log = NodeLog.recover(disk, javascriptKernel, FOLDER, { newId, catchingUpFrom });
    const createLog = (logId: string, chunkSize: number): NodeLog => {
      return NodeLog.create(disk, javascriptKernel, FOLDER, { logId, chunkSize, newId });
    };
    if (log === undefined && state.clusterId !== undefined) log = createLog(state.clusterId, CHUNK_SIZE);
    this.#note('start').numbers(state.start, log?.end.position ?? -1);
    const { queue, trace, network, observer } = this.#parts;
    const { clock, speed } = this;
    this.process = new SimProcess({
      start: ++this.#starts,
      queue,
      trace,
      random: this.#random.fork(),
      network,
      observer,
      clock,
      disk,
      speed,
      options: this.#options(),
      stateFile: file,
      state,
      log,
      createLog,
      onDeath: (reason) => this.#died(reason),
    });
  }

  /** The node's memory, counted up for this start, durably. */
  #loadState(): { file: NodeStateFile; state: NodeState } {
    const loaded = NodeStateFile.load(this.disk, FOLDER);
    const nonce = this.#random.below(NONCE_MAX);
    switch (loaded.kind) {
      case 'loaded': {
        const state = { ...loaded.state, start: loaded.state.start + 1, nonce };
        loaded.file.save(state);
        return { file: loaded.file, state };
      }
      case 'absent': {
        if (this.disk.list(FOLDER).some((name) => name.startsWith('chunk-'))) {
          throw new CairnError('bad-data-folder', 'there is a log, but no node state');
        }
        const state = freshNodeState(this.#random.uuid(), nonce);
        return { file: NodeStateFile.create(this.disk, FOLDER, state), state };
      }
      default:
        throw new CairnError('bad-data-folder', `the node state is ${loaded.kind}`);
    }
  }

  #options(): ClusterNodeOptions {
    const { name, zone, role, seeds } = this.#parts;
    const clusterSize = this.#clusterSize;
    const random = this.#random.fork();
    return {
      name,
      zone,
      role,
      clusterSize,
      chunkSize: CHUNK_SIZE,
      seeds,
      priority: 0,
      electionTimeoutMs: ELECTION_TIMEOUT_MS,
      heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
      deadVoterTimeoutMs: DEAD_VOTER_TIMEOUT_MS,
      diskStallTimeoutMs: DISK_STALL_TIMEOUT_MS,
      catchUpBytes: CATCH_UP_BYTES,
      random: () => random.fraction(),
      newId: () => random.uuid(),
      kernel: javascriptKernel,
    };
  }

  /** By itself. The system under it lives on, or goes down with it. */
  #died(reason: unknown): void {
    this.#note('died', () => (reason instanceof Error ? reason.message : String(reason)));
    const losesPower = this.#random.chance(reason instanceof ProcessCrash ? 0.7 : 0.3);
    this.#cleanUp(losesPower ? 'torn' : 'keep-all');
    this.#parts.onDown(this, reason);
  }

  #cleanUp(how: CrashKind): void {
    this.#noteMemory();
    this.process = undefined;
    this.disk.beforeChange = undefined;
    this.disk.crash(this.#random, how);
    this.#parts.network.disconnect(this.name);
    this.#parts.alarms.processGone(this.name);
  }

  #noteMemory(): void {
    if (this.process === undefined) return;
    const { savedState, hasLog, core } = this.process;
    this.#lastVersion = core.view.configuration?.version ?? 0;
    this.promisedEpoch = Math.max(this.promisedEpoch, savedState.promisedEpoch);
    if (hasLog) this.logEnd = Math.max(this.logEnd, this.process.log.end.position);
  }

  #newDisk(): SimulatedDisk {
    return new SimulatedDisk(this.#random.fork());
  }

  #note(what: string, describe?: () => string): Trace {
    const { trace, queue } = this.#parts;
    return trace.note(queue.nowMs, this.name, what, describe);
  }
}
