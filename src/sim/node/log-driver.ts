/**
 * Carries out what a core wants done to its log, in order: writes, appends, truncations, one after the other, with the disk's time
 * between. Pure. One sync is under way at a time, and takes along what was written until it ends. When the disk is full, what is to be
 * written waits at the head of the line; there is no space lost by waiting, and no order.
 */
import type { Bytes, ChainState } from '../../base/ports.js';
import { DiskError } from '../../base/ports.js';
import type { Position } from '../../base/units.js';
import type { AppendedRecord } from '../../cluster/effects.js';
import { admitAll, batchLength } from '../../log/write-batches.js';
import type { DeviceQueue } from '../disk/device-queue.js';
import type { NodeLog } from '../disk/node-log.js';
import type { EventQueue } from '../event-queue.js';

export type LogOperation =
  | { readonly kind: 'write'; readonly bytes: Bytes; readonly isCatchUp: boolean }
  | { readonly kind: 'append'; readonly record: AppendedRecord }
  | { readonly kind: 'truncate'; readonly to: Position };

export interface LogDriverHost {
  readonly log: NodeLog;
  /** Builds the record, writes it to the log and tells the core. */
  appendRecord(record: AppendedRecord): void;
  durable(position: Position): void;
  truncated(end: Readonly<ChainState>): void;
  /** A Commit record behind the cut says that it must not be. */
  truncationRefused(to: Position, committed: Position): void;
  /** Does something to the disk; what it throws ends the process. False: it has ended. */
  guard(act: () => void): boolean;
}

/** How soon a full disk is tried again. */
const RETRY_MS = 50;
/** Operations in wait; the core's window bounds them to less. */
const OPERATIONS_MAX = 10_000;

export class LogDriver {
  readonly #host: LogDriverHost;
  readonly #device: DeviceQueue;
  readonly #queue: EventQueue;
  #operations: LogOperation[] = [];
  #isDeviceBusy = false;
  #isRetrying = false;
  #isPumping = false;

  constructor(host: LogDriverHost, device: DeviceQueue, queue: EventQueue) {
    this.#host = host;
    this.#device = device;
    this.#queue = queue;
  }

  /** Whether everything asked for is in the log, if not durable. */
  get isIdle(): boolean {
    return this.#operations.length === 0;
  }

  get isBounded(): boolean {
    return this.#operations.length <= OPERATIONS_MAX;
  }

  add(operation: LogOperation): void {
    if (operation.kind === 'write' && operation.isCatchUp) admitAll(this.#operations);
    this.#operations.push(operation);
    this.pump();
  }

  /** Goes on as far as it goes. Also to be called when something was written to the log from outside. */
  pump(): void {
    if (this.#isRetrying || this.#isPumping) return;
    this.#isPumping = true;
    const isAlive = this.#host.guard(() => {
      while (this.#operations.length > 0 && this.#advance());
    });
    this.#isPumping = false;
    const { log } = this.#host;
    if (isAlive && !this.#isDeviceBusy && log.durable < log.end.position) this.#sync();
  }

  /** Does what the head of the line wants, if it can be done now. */
  #advance(): boolean {
    const operation = this.#operations[0]!;
    try {
      switch (operation.kind) {
        case 'write':
          return this.#write(operation);
        case 'append':
          this.#host.appendRecord(operation.record);
          this.#operations.shift();
          return true;
        case 'truncate':
          this.#truncate(operation.to);
          return false;
      }
    } catch (error) {
      if (!(error instanceof DiskError && error.isOutOfSpace)) throw error;
      this.#retryLater();
      return false;
    }
  }

  #write(operation: Extract<LogOperation, { kind: 'write' }>): boolean {
    const { log } = this.#host;
    const { bytes, isCatchUp } = operation;
    const length = isCatchUp ? bytes.length : batchLength(bytes, 0, bytes.length, log.durable);
    if (length === 0) return false;
    log.write(bytes.subarray(0, length), isCatchUp);
    if (length === bytes.length) this.#operations.shift();
    else this.#operations[0] = { ...operation, bytes: bytes.subarray(length) };
    return length === bytes.length;
  }

  /** Truncates when all before is durable; until then the sync is awaited. */
  #truncate(to: Position): void {
    const { log } = this.#host;
    if (this.#isDeviceBusy || log.durable < log.end.position) return;
    const truncate = (): void => {
      const truncation = log.truncate(to);
      this.#operations.shift();
      if (truncation.kind === 'truncated') this.#host.truncated(truncation.end);
      else this.#host.truncationRefused(to, truncation.committed);
    };
    this.#run(() => this.#host.guard(truncate));
  }

  #sync(): void {
    this.#run(() =>
      this.#host.guard(() => {
        const durable = this.#host.log.sync();
        this.#host.durable(durable);
      }),
    );
  }

  #run(finish: () => boolean): void {
    this.#isDeviceBusy = true;
    this.#device.add({
      interrupt: finish,
      finish: () => {
        this.#isDeviceBusy = false;
        if (finish()) this.pump();
      },
    });
  }

  #retryLater(): void {
    this.#isRetrying = true;
    this.#queue.after(RETRY_MS, () => {
      this.#isRetrying = false;
      this.pump();
    });
  }
}
