/**
 * A process's log with all that belongs to it: the driver that carries out the core's wishes, what the node knows about streams, and while
 * the node leads, its reign. Pure.
 */
import { assert } from '../../base/assert.js';
import type { ChainState, RecordKernel } from '../../base/ports.js';
import type { Epoch, Position, TimestampUs } from '../../base/units.js';
import type { AppendedRecord, Effect, Input, NodeRole } from '../../cluster/effects.js';
import { DeviceQueue, type DeviceSpeed } from '../disk/device-queue.js';
import type { NodeLog } from '../disk/node-log.js';
import type { EventQueue } from '../event-queue.js';
import type { Random } from '../random.js';
import { LogDriver, type LogDriverHost } from './log-driver.js';
import { type ReignHost, ReignLog } from './reign-log.js';
import { type NewEvent, StreamModel } from './stream-model.js';

/** What the log needs of its process. */
export interface ProcessLogHost {
  readonly takesAppends: boolean;
  take(input: Input): void;
  whenRunning(act: () => void): void;
  later(delayMs: number, act: () => void): void;
  guard(act: () => void): boolean;
  wallUs(): TimestampUs;
  epochBegan(epoch: Epoch, end: Position): void;
  truncationRefused(to: Position, committed: Position): void;
}

export interface ProcessLogParts {
  readonly host: ProcessLogHost;
  readonly log: NodeLog;
  readonly memberId: string;
  readonly kernel: RecordKernel;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly speed: Readonly<DeviceSpeed>;
}

/** What is asked of the log. */
export type LogEffect = Extract<Effect, { kind: 'write' | 'truncate' | 'append' }>;

export class ProcessLog implements LogDriverHost, ReignHost {
  readonly log: NodeLog;
  readonly model = new StreamModel();
  readonly random: Random;
  readonly #parts: ProcessLogParts;
  readonly #device: DeviceQueue;
  readonly #driver: LogDriver;
  #reign: ReignLog | undefined;

  constructor(parts: ProcessLogParts) {
    const { log, queue, random, speed } = parts;
    this.#parts = parts;
    this.log = log;
    this.random = random;
    this.#device = new DeviceQueue(queue, random, speed);
    this.#driver = new LogDriver(this, this.#device, queue);
    this.model.append(log.read(0, log.end.position));
  }

  get isBounded(): boolean {
    return this.#driver.isBounded;
  }

  get takesAppends(): boolean {
    return this.#parts.host.takesAppends;
  }

  /** Whether the reign of this epoch has its Epoch record, and nothing waits for the disk before it. */
  isReigning(epoch: Epoch): boolean {
    return this.#reign?.epoch === epoch && this.#driver.isIdle;
  }

  carryOut(effect: LogEffect): void {
    switch (effect.kind) {
      case 'write':
        this.model.append(effect.bytes);
        this.#driver.add(effect);
        return;
      case 'truncate':
        this.model.truncate(effect.to);
        this.#driver.add({ kind: 'truncate', to: effect.to });
        return;
      case 'append':
        this.#driver.add({ kind: 'append', record: effect.record });
        return;
    }
  }

  /** Undefined if there is no room, or no reign. */
  appendEvents(events: readonly NewEvent[]): ReturnType<ReignLog['appendEvents']> {
    const { host } = this.#parts;
    let placed: ReturnType<ReignLog['appendEvents']>;
    host.guard(() => {
      placed = this.#reign?.appendEvents(events, host.wallUs());
    });
    return placed;
  }

  committed(position: Position): void {
    this.#reign?.committed(position);
  }

  /** The node's role has changed: true if a reign has ended with it. */
  noteRole(role: NodeRole, epoch: Epoch): boolean {
    const isLeading = role === 'preLeader' || role === 'leader' || role === 'resigning';
    if (this.#reign === undefined || (isLeading && this.#reign.epoch === epoch)) return false;
    this.#reign.end();
    this.#reign = undefined;
    return true;
  }

  close(): void {
    this.#device.close();
  }

  // For the driver.

  guard(act: () => void): boolean {
    return this.#parts.host.guard(act);
  }

  appendRecord(record: AppendedRecord): void {
    const { host, memberId } = this.#parts;
    this.#reign?.publish();
    if (record.type === 'epoch') this.#reign = this.#beginReign(record.epoch);
    // It may come late, when the disk was full: then the reign is over, and the record follows all the same.
    const reign = this.#reign ?? this.#beginReign(this.log.end.epoch);
    const { begin: position, end } = reign.appendRecord(record, memberId, host.wallUs());
    host.take({ kind: 'appended', record, position, end: end.position });
    host.take({ kind: 'published', end });
    if (record.type === 'epoch') host.epochBegan(record.epoch, end.position);
  }

  durable(position: Position): void {
    const { host } = this.#parts;
    host.whenRunning(() => {
      this.#reign?.publish();
      host.take({ kind: 'durable', position });
    });
  }

  truncated(end: Readonly<ChainState>): void {
    const { host } = this.#parts;
    host.whenRunning(() => host.take({ kind: 'truncated', end }));
  }

  truncationRefused(to: Position, committed: Position): void {
    this.#parts.host.truncationRefused(to, committed);
  }

  // For the reign.

  published(end: Readonly<ChainState>): void {
    this.#parts.host.take({ kind: 'published', end });
  }

  written(): void {
    this.#driver.pump();
  }

  later(delayMs: number, act: () => void): void {
    this.#parts.host.later(delayMs, act);
  }

  #beginReign(epoch: Epoch): ReignLog {
    const { log, model } = this;
    assert(model.end === log.end.position, 'a reign begins when all that was asked for is in the log');
    return new ReignLog({ host: this, log, model, kernel: this.#parts.kernel, epoch });
  }
}
