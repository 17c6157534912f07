/**
 * Mends the log of a node at work: whoever reads it reports damage, and a thread looks, fetches and replaces, one chunk after the other. Only
 * chunks that are committed as a whole, which nobody writes to. Main thread. What can't be mended now is tried again, as the other members
 * may come back; meanwhile reads of it fail as they did.
 */
import type { Worker } from 'node:worker_threads';
import type { CairnError } from '../../base/errors.js';
import { chunkFileName } from '../../log/chunk.js';
import type { LogStore } from '../log-store.js';
import type { PeerAnswer } from './chunk-repair.js';
import { damagedChunkOf, unmended } from './damage-report.js';
import { type RepairReport, runRepair } from './repair-job.js';

export interface RunningRepairParts {
  readonly folder: string;
  /** This node's own name. */
  readonly name: string;
  /** Names of the other members. */
  readonly peers: () => readonly string[];
  readonly store: () => LogStore | undefined;
  /** How long the index waits for a chunk that it can't be built without. */
  readonly patienceMs: number;
  readonly warn: (message: string, facts: Readonly<Record<string, unknown>>) => void;
  /** A chunk is about to be replaced: resolves when nobody else puts files in the place of chunks, to what lets them again. */
  readonly hold?: () => Promise<() => void>;
  /** The chunk is sound, perhaps by another file. */
  readonly mended?: (chunk: number) => void;
  /** The node can't go on: end it. */
  readonly failed: (error: CairnError) => void;
}

/** A chunk that is said to be damaged. */
interface Complaint {
  readonly number: number;
  /** The first one. */
  readonly error: CairnError;
  /** When the index gives up waiting for it; undefined if it does not wait. */
  deadlineMs: number | undefined;
}

/** Members that could not help are asked again after so long; each further time after twice as long. */
const RETRY_MS_MIN = 2_000;
const RETRY_MS_MAX = 60_000;
export class RunningRepair {
  readonly #parts: RunningRepairParts;
  readonly #complaints = new Map<number, Complaint>();
  #repairs = 0;
  #isAtWork = false;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS_MIN;
  #isStopped = false;

  constructor(parts: RunningRepairParts) {
    this.#parts = parts;
  }

  /** Chunks that were mended since the start. */
  get repairs(): number {
    return this.#repairs;
  }

  /** Chunks that are known to be damaged now. */
  get damagedChunks(): number {
    return this.#complaints.size;
  }

  /** Somebody met damage. Answers whether something is being done about it. */
  report(error: CairnError, who: 'reader' | 'index'): boolean {
    const { folder, store, patienceMs } = this.#parts;
    const log = store();
    if (log === undefined || this.#isStopped) return false;
    const number = damagedChunkOf(error, folder, log.chunkSize);
    if (number === undefined) return false;
    const complaint = this.#complaintAbout(number, error);
    if (!this.#canBeMended(complaint)) return false;
    if (who === 'index') complaint.deadlineMs ??= performance.now() + patienceMs;
    this.#next();
    return true;
  }

  /** A chunk was verified. If it was said to be damaged, somebody has put a sound one in its place by hand. */
  foundSound(number: number): void {
    if (this.#complaints.has(number) && !this.#isStopped) this.#settled(number);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    // What it was making has a temporary name, and is removed at the next start.
    await this.#worker?.terminate();
  }

  #complaintAbout(number: number, error: CairnError): Complaint {
    const known = this.#complaints.get(number);
    if (known !== undefined) return known;
    const complaint = { number, error, deadlineMs: undefined };
    this.#complaints.set(number, complaint);
    this.#parts.warn('a part of the log is damaged', { ...error.details, reason: error.message });
    return complaint;
  }

  /** By others, who have all of it; nothing else may be written there any more. */
  #canBeMended({ number }: Complaint): boolean {
    const { store, peers } = this.#parts;
    const { chunkSize = 0, committed = 0 } = store() ?? {};
    return (number + 1) * chunkSize <= committed && peers().length > 0;
  }

  #begin({ number }: Complaint): void {
    this.#isAtWork = true;
    void this.#mend(number).then((outcome) => this.#end(number, outcome));
  }

  async #mend(number: number): Promise<RepairReport> {
    const { folder, name, peers, store, hold } = this.#parts;
    const { logId, chunkSize } = store()!;
    const release = await hold?.();
    try {
      if (this.#isStopped) return { kind: 'failed', reason: 'the node stops' };
      const job = { folder, logId, chunkSize, number, name, peers: peers() };
      return await runRepair(job, (worker) => {
        this.#worker = worker;
      });
    } finally {
      release?.();
    }
  }

  #end(number: number, report: RepairReport): void {
    this.#worker = undefined;
    this.#isAtWork = false;
    if (this.#isStopped) return;
    switch (report.kind) {
      case 'sound':
        this.#settled(number);
        break;
      case 'repaired':
        this.#repairs++;
        this.#parts.warn('mended a damaged chunk', { file: report.file, from: report.from ?? '' });
        this.#settled(report.number);
        break;
      case 'no-help':
        this.#failed(number, report.answers);
        break;
      case 'failed':
        this.#failed(number, [{ peer: this.#parts.name, reason: report.reason }]);
        break;
    }
    this.#next();
  }

  #settled(number: number): void {
    this.#retryMs = RETRY_MS_MIN;
    this.#complaints.delete(number);
    this.#parts.store()?.mended(number);
    this.#parts.mended?.(number);
  }

  #failed(number: number, answers: readonly PeerAnswer[]): void {
    const complaint = this.#complaints.get(number);
    if (complaint === undefined) return;
    const error = unmended(complaint.error, answers);
    this.#parts.warn('a damaged chunk could not be mended yet', { file: chunkFileName(number, 0), answers });
    const restMs = (complaint.deadlineMs ?? Number.POSITIVE_INFINITY) - performance.now();
    if (restMs <= 0) {
      this.#parts.failed(error);
      return;
    }
    // At the end of the line.
    this.#complaints.delete(number);
    this.#complaints.set(number, complaint);
    this.#waitFor(Math.min(this.#retryMs, restMs));
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
  }

  #waitFor(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, delayMs);
    this.#timer.unref();
  }

  #next(): void {
    if (this.#isStopped || this.#isAtWork || this.#timer !== undefined) return;
    const next = [...this.#complaints.values()].find((complaint) => this.#canBeMended(complaint));
    if (next !== undefined) this.#begin(next);
  }
}
