/**
 * The rounds in which all sealed chunks, and the index, are read and checked, again and again: when the next one is due, and what came of them so far. Main
 * thread. What is next the index thread says; how much of the disk that may take the job runner does.
 */
import { NOTHING_SCRUBBED, type ScrubStatus } from '../base/scrub-status.js';
import type { ScrubJob } from './jobs.js';

export interface ScrubParts {
  /** From one round's beginning to the next one's, at least; 0: only what was not read at the start is checked, once. */
  readonly intervalMs: number;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Has the index thread begin a round, unless one is under way. */
  readonly begin: () => void;
}

/** Timers can't wait for longer than some weeks. */
const TIMER_MS_MAX = 24 * 3600 * 1000;

export class ScrubRounds {
  readonly #parts: ScrubParts;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #status = NOTHING_SCRUBBED;

  constructor(parts: ScrubParts) {
    this.#parts = parts;
    this.#arm();
  }

  get status(): ScrubStatus {
    return this.#status;
  }

  /** A chunk, or a piece of the index, is about to be read. */
  began({ kind, chunksLeft }: ScrubJob): void {
    const left = kind === 'verify' ? chunksLeft + 1 : chunksLeft;
    this.#status = { ...this.#status, isUnderWay: true, chunksLeft: left };
  }

  /** It was read; `unread`: it could not be, for a reason that is not its own. */
  ended(job: ScrubJob, verdict: 'sound' | 'damaged' | 'unread'): void {
    if (job.kind === 'verify') this.#endedChunk(job, verdict);
    else if (verdict === 'damaged')
      this.#status = { ...this.#status, indexDamaged: this.#status.indexDamaged + 1 };
  }

  /** The last piece of a round is a chunk. */
  #endedChunk(job: ScrubJob, verdict: 'sound' | 'damaged' | 'unread'): void {
    const { chunksLeft, chunkSize } = job;
    const { chunks, bytes, damaged, rounds, lastRoundEndedAt } = this.#status;
    const isOver = chunksLeft === 0;
    const isRead = verdict !== 'unread';
    this.#status = {
      ...this.#status,
      isUnderWay: !isOver,
      chunksLeft,
      rounds: isOver ? rounds + 1 : rounds,
      lastRoundEndedAt: isOver ? this.#parts.wallMs() : lastRoundEndedAt,
      chunks: isRead ? chunks + 1 : chunks,
      bytes: isRead ? bytes + chunkSize : bytes,
      damaged: verdict === 'damaged' ? damaged + 1 : damaged,
    };
    this.#beginIfDue();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const { intervalMs, monotonicMs } = this.#parts;
    if (intervalMs > 0) this.#waitUntil(monotonicMs() + intervalMs);
  }

  #waitUntil(dueMs: number): void {
    const restMs = dueMs - this.#parts.monotonicMs();
    if (restMs <= 0) {
      this.#isDue = true;
      this.#beginIfDue();
      return;
    }
    this.#timer = setTimeout(() => this.#waitUntil(dueMs), Math.min(Math.ceil(restMs), TIMER_MS_MAX));
    this.#timer.unref();
  }

  /** One that takes longer than the interval is followed by the next at once. */
  #beginIfDue(): void {
    if (!this.#isDue || this.#status.isUnderWay) return;
    this.#isDue = false;
    this.#arm();
    this.#parts.begin();
  }
}
