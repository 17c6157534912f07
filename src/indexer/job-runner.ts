/**
 * Has the index thread's jobs carried out by a worker of a pool, one at a time, and hands what came of them to the index thread, at once or, if a
 * job failed, after a rest: then it thinks again. Main thread.
 */
import { Piscina } from 'piscina';
import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import type { ScrubStatus } from '../base/scrub-status.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, type RingDescriptor, RingMemory } from '../ring/layout.js';
import { type MailboxDescriptor, MailboxSender } from '../ring/mailbox.js';
import { compiledEntry } from '../ring/thread-start.js';
import { type IndexJob, isScrubJob, type JobOutcome, jobBuffers, type ScrubJob } from './jobs.js';
import { type OutcomeMessage, sendOutcome } from './messages.js';
import type { PoolTask, poolJob } from './pool-job.js';
import { errorOf } from './reported-error.js';
import { ScrubRounds } from './scrub-rounds.js';

/** A full or broken disk rarely gets better sooner, and the index does without for a while. */
const REST_MS_MIN = 5_000;
const REST_MS_MAX = 60_000;
/** After reading a chunk, or as much of the index, the disk is left alone so many times as long as that took; segments that are to be made wait for it. */
const SCRUB_REST = 9;
const SCRUB_REST_MS_MAX = 5_000;
/** The worker ends when there was nothing to do for so long: a chunk may be hours away. A new one costs half a second of compiling. */
const IDLE_MS = 60_000;

/** Whom it tells about trouble. */
export interface JobEvents {
  warn?(message: string, facts: Readonly<Record<string, string | number>>): void;
  /** The log is damaged. */
  damaged(error: CairnError): void;
  /** This chunk is as it was written. */
  sound(chunk: number): void;
}

export class JobRunner {
  readonly #outcomes: MailboxSender;
  readonly #indexerBell: Doorbell;
  readonly #events: JobEvents;
  #pool: Piscina<PoolTask, JobOutcome> | undefined;
  readonly #rounds: ScrubRounds;
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  /** Settles when the job does, whatever came of it. */
  #running: Promise<void> | undefined;
  #restMs = REST_MS_MIN;
  /** Before the next chunk is read; at first long, for a node that has just started has better to do. */
  #scrubRestMs = SCRUB_REST_MS_MAX;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(ring: RingDescriptor, outcomes: MailboxDescriptor, events: JobEvents, scrubIntervalMs: number) {
    this.#outcomes = new MailboxSender(outcomes);
    this.#indexerBell = new Doorbell(new RingMemory(ring).control, CONTROL.indexerBell);
    this.#events = events;
    this.#rounds = new ScrubRounds({
      intervalMs: scrubIntervalMs,
      monotonicMs: () => performance.now(),
      wallMs: Date.now,
      begin: () => this.#beginRound(),
    });
  }

  get scrub(): ScrubStatus {
    return this.#rounds.status;
  }

  /** Carries out the job, which is the only one. */
  run(job: IndexJob): void {
    if (this.#isClosed) return;
    if (isScrubJob(job)) {
      this.#rounds.began(job);
      this.#after(this.#scrubRestMs, () => this.#start(job));
      return;
    }
    this.#start(job);
  }

  #start(job: IndexJob): void {
    const beganMs = performance.now();
    this.#pool ??= this.#newPool();
    const transferList = jobBuffers(job);
    this.#running = this.#pool.run({ job, cancelled: this.#cancelled }, { transferList }).then(
      (outcome) => {
        if (isScrubJob(job)) this.#scrubbed(job, outcome, performance.now() - beganMs);
        else this.#ended(outcome);
      },
      (error: Error) => {
        this.#rest(`a job of the index was given up: ${error.message}`);
        if (isScrubJob(job)) this.#rounds.ended(job, 'unread');
      },
    );
  }

  #newPool(): Piscina<PoolTask, JobOutcome> {
    const pool = newPool();
    // Of a worker that has no job. One that has fails with its job; in both cases the next job gets another worker.
    pool.on('error', ({ message }: Error) =>
      this.#events.warn?.('an idle worker of the index ended', { message }),
    );
    return pool;
  }

  /** The index thread could not put files in their place. */
  stalled(reason: string): void {
    this.#rest(`the files of the index could not be changed: ${reason}`);
  }

  /** Resolves when the job that was under way has given up, and its worker has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#rounds.close();
    Atomics.store(this.#cancelled, 0, 1);
    // First the job: a worker that is ended while it starts or works may take the process with it.
    await this.#running;
    await this.#pool?.close();
  }

  #ended(outcome: JobOutcome): void {
    if (this.#isClosed) return;
    if (outcome.kind !== 'failed') {
      this.#restMs = REST_MS_MIN;
      this.#send(outcome);
      return;
    }
    const { error } = outcome;
    if (error.code === 'log-corrupt') this.#events.damaged(errorOf(error));
    this.#rest(error.message, outcome);
  }

  /** Damage is nobody's hurry: the index does without. */
  #scrubbed(job: ScrubJob, outcome: JobOutcome, tookMs: number): void {
    if (this.#isClosed) return;
    if (outcome.kind === 'failed') this.#events.damaged(errorOf(outcome.error));
    else if (job.kind === 'verify') this.#events.sound(job.chunk);
    this.#scrubRestMs = Math.min(SCRUB_REST * tookMs, SCRUB_REST_MS_MAX);
    this.#send(outcome);
    this.#rounds.ended(job, outcome.kind === 'done' ? 'sound' : 'damaged');
  }

  #rest(reason: string, outcome: OutcomeMessage = { kind: 'again' }): void {
    if (this.#isClosed) return;
    this.#events.warn?.('a file of the index could not be made yet', { reason, againInMs: this.#restMs });
    this.#after(this.#restMs, () => this.#send(outcome));
    this.#restMs = Math.min(2 * this.#restMs, REST_MS_MAX);
  }

  /** The thread may be waiting for a mended chunk, and not look: then the next word about it will do. */
  #beginRound(): void {
    if (sendOutcome(this.#outcomes, { kind: 'next-round' })) this.#indexerBell.ring();
  }

  #after(delayMs: number, act: () => void): void {
    this.#timer = setTimeout(act, delayMs);
    this.#timer.unref();
  }

  #send(outcome: OutcomeMessage): void {
    assert(sendOutcome(this.#outcomes, outcome), 'one outcome at a time has room');
    this.#indexerBell.ring();
  }
}

function newPool(): Piscina<PoolTask, JobOutcome> {
  return new Piscina<Parameters<typeof poolJob>[0], ReturnType<typeof poolJob>>({
    filename: compiledEntry(new URL('./pool-job.js', import.meta.url)).href,
    name: 'poolJob',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
  });
}
