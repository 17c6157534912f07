/**
 * Main's end of the worker that rewrites chunks: a pool of one, which ends when there is nothing to do for a while. What a pass removes is sent to it
 * once, not for each chunk. Main thread.
 */
import { Piscina } from 'piscina';
import { CairnError } from '../../base/errors.js';
import { compiledEntry } from '../../ring/thread-start.js';
import { type RemovalRules, rulesBuffers } from '../../scavenge/removal-rules.js';
import type {
  ChunkSurvey,
  ChunkWork,
  ScavengedLog,
  ScavengeReport,
  ScavengeTask,
  SurveyTask,
} from './scavenge-job.js';

const IDLE_MS = 60_000;

export class ScavengeWorker {
  readonly #log: ScavengedLog;
  #pool: Piscina | undefined;
  #rules: RemovalRules | undefined;
  #rulesNumber = 0;

  constructor(log: ScavengedLog) {
    this.#log = log;
  }

  /** From now on these go. */
  use(rules: RemovalRules | undefined): void {
    this.#rules = rules;
    this.#rulesNumber++;
  }

  /** Which files there are for the first chunks. */
  survey(chunks: number): Promise<ChunkSurvey> {
    const task: SurveyTask = { folder: this.#log.folder, chunks };
    return this.#ask(task, { name: 'survey' });
  }

  /** Resolves to `cancelled` soon after `signal` is aborted. Rejects only if the worker dies. */
  async scavenge(work: ChunkWork, signal: AbortSignal): Promise<ScavengeReport> {
    const report = await this.#run(work, signal, undefined);
    return report.kind === 'rules-wanted' ? await this.#run(work, signal, this.#rules) : report;
  }

  /** When the job that was under way has ended. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  async #run(work: ChunkWork, signal: AbortSignal, rules: RemovalRules | undefined): Promise<ScavengeReport> {
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const cancel = (): void => {
      Atomics.store(cancelled, 0, 1);
      Atomics.notify(cancelled, 0);
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel);
    const sent = rules?.toTransfer();
    const transferList = sent === undefined ? [] : rulesBuffers(sent);
    const task: ScavengeTask = {
      ...work,
      ...{ log: this.#log, rulesNumber: this.#rulesNumber, rules: sent, cancelled },
    };
    try {
      return await this.#ask(task, { name: 'scavenge', transferList });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async #ask<T>(task: object, how: { name: string; transferList?: ArrayBuffer[] }): Promise<T> {
    try {
      return (await this.#opened().run(task, how)) as T;
    } catch (error) {
      const { message } = error as Error;
      throw new CairnError('thread-died', `the worker that scavenges ended: ${message}`, {}, error);
    }
  }

  #opened(): Piscina {
    this.#pool ??= newPool();
    return this.#pool;
  }
}

function newPool(): Piscina {
  const pool = new Piscina({
    filename: compiledEntry(new URL('./pool-job.js', import.meta.url)).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
  });
  // Of a worker that has no job: the next job gets another one.
  pool.on('error', () => undefined);
  return pool;
}
