/**
 * A disk's time: jobs are done one after the other, each takes a while, and only then is its effect there. Pure. What a job does to the
 * simulated disk happens at its end; a crash before that may still leave parts of it, which is the job's own business.
 */
import type { EventQueue } from '../event-queue.js';
import type { Random } from '../random.js';

export interface DeviceJob {
  /** The process is dying while this job is under way, or about to be: what of it may have reached the disk? */
  readonly interrupt?: () => void;
  /** Does it, and tells who waits. */
  readonly finish: () => void;
}

/** How long a device takes; shared by the queues of one disk, and changed by faults. */
export interface DeviceSpeed {
  latencyMinMs: number;
  latencyMaxMs: number;
}

/** A good SSD's sync. */
export const FAST_DEVICE: Readonly<DeviceSpeed> = { latencyMinMs: 0.1, latencyMaxMs: 1 };

/** One with moving parts: much is written until a sync has ended. */
export const MECHANICAL_DEVICE: Readonly<DeviceSpeed> = { latencyMinMs: 2, latencyMaxMs: 12 };

export class DeviceQueue {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #speed: Readonly<DeviceSpeed>;
  #jobs: DeviceJob[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(queue: EventQueue, random: Random, speed: Readonly<DeviceSpeed>) {
    this.#queue = queue;
    this.#random = random;
    this.#speed = speed;
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#jobs.length === 0;
  }

  get length(): number {
    return this.#jobs.length;
  }

  add(job: DeviceJob): void {
    this.#jobs.push(job);
    this.#begin();
  }

  /** The process dies: nothing finishes any more. The job that is under way may leave something behind. */
  close(): void {
    this.#isClosed = true;
    if (this.#isBusy) this.#jobs[0]?.interrupt?.();
    this.#jobs = [];
  }

  #begin(): void {
    if (this.#isBusy || this.#isClosed || this.#jobs.length === 0) return;
    this.#isBusy = true;
    const { latencyMinMs, latencyMaxMs } = this.#speed;
    const latencyMs = latencyMinMs + this.#random.fraction() * (latencyMaxMs - latencyMinMs);
    this.#queue.after(latencyMs, () => {
      if (this.#isClosed) return;
      const job = this.#jobs.shift()!;
      this.#isBusy = false;
      job.finish();
      this.#begin();
    });
  }
}
