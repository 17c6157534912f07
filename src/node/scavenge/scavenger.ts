/**
 * Scavenging on a node: wires what follows the points to what carries them out, as soon as the node has a log. Main thread. Points are written by whichever
 * node is asked; each node carries them out on its own.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CairnError } from '../../base/errors.js';
import type { Position } from '../../base/units.js';
import type { AppendPort } from '../../net/engine-port.js';
import type { DiskSpaceStatus, ScavengeStatus } from '../../net/node-port.js';
import {
  SCAVENGE_POINT_TYPE,
  SCAVENGE_STOP_TYPE,
  scavengePointData,
} from '../../scavenge/scavenge-events.js';
import { SCAVENGE_FILE } from '../../scavenge/scavenge-state.js';
import type { LogStore } from '../log-store.js';
import { damagedChunkOf } from '../repair/damage-report.js';
import { replaceFile } from '../replace-file.js';
import type { LedgerFile } from './chunk-ledger.js';
import { LogQuestions } from './log-questions.js';
import { appendToScavenges } from './scavenge-appends.js';
import { ScavengeFollower } from './scavenge-follower.js';
import { keepDraftFrom, PLANNED_STREAMS_MAX, planRemovals } from './scavenge-plan.js';
import { NOTHING_SCAVENGED } from './scavenge-progress.js';
import { ScavengeRunner } from './scavenge-runner.js';
import { ScavengeWorker } from './scavenge-worker.js';

export interface ScavengerParts {
  /** The data folder. */
  readonly folder: string;
  /** Undefined as long as the node belongs to no cluster. */
  readonly store: () => LogStore | undefined;
  readonly diskSpace: () => DiskSpaceStatus;
  /** Somebody met damage. */
  readonly damaged: (error: CairnError) => void;
  readonly note: (message: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly warn: (message: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** What there is once there is a log. */
interface Work {
  readonly runner: ScavengeRunner;
  readonly follower: ScavengeFollower;
  readonly worker: ScavengeWorker;
}

export class Scavenger {
  readonly #parts: ScavengerParts;
  #work: Work | undefined;
  #isStopped = false;

  constructor(parts: ScavengerParts) {
    this.#parts = parts;
  }

  get status(): ScavengeStatus {
    return this.#work?.runner.status ?? NOTHING_SCAVENGED;
  }

  /** The node may have got a log. */
  update(): void {
    const store = this.#parts.store();
    if (this.#work !== undefined || this.#isStopped || store === undefined) return;
    this.#work = this.#begin(store);
    void this.#work.follower.follow();
  }

  /** Resolves, when the point is committed, to where it stands. Rejects as appends do. */
  start(appends: AppendPort, throttlePercent: number): Promise<{ readonly position: Position }> {
    return appendToScavenges(appends, SCAVENGE_POINT_TYPE, scavengePointData(throttlePercent));
  }

  /** The same of a stop. */
  stopAll(appends: AppendPort): Promise<{ readonly position: Position }> {
    return appendToScavenges(appends, SCAVENGE_STOP_TYPE, '');
  }

  /** Resolves when nothing is done to any chunk here, to what lets it go on. */
  async hold(): Promise<() => void> {
    return (await this.#work?.runner.hold()) ?? (() => undefined);
  }

  /** The chunk is sound, perhaps by another file. */
  mended(chunk: number): void {
    this.#work?.runner.mended(chunk);
  }

  /** Resolves when no file of the log is touched any more; the next start goes on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#work?.follower.stop();
    await this.#work?.runner.close();
    await this.#work?.worker.close();
  }

  #begin(store: LogStore): Work {
    const { folder, damaged, note, warn } = this.#parts;
    const { logId, chunkSize, reader, indexer } = store;
    const worker = new ScavengeWorker({ folder, logId, chunkSize });
    const questions = new LogQuestions(indexer, reader);
    const plan = {
      questions,
      streamsMax: PLANNED_STREAMS_MAX,
      listMetadataStreams: (...page: Parameters<typeof indexer.listMetadataStreams>) =>
        indexer.listMetadataStreams(...page),
    };
    const runner = new ScavengeRunner({
      ...{ logId, chunkSize, worker, damaged, note, warn, file: ledgerFile(folder) },
      clock: { monotonicMs: () => performance.now(), wallMs: Date.now },
      committed: () => store.committed,
      sealedEnd: () => store.historyEnd,
      sealedEndSettled: () => store.historySettled(),
      plan: (points, signal) => planRemovals(plan, points, signal),
      keepDraftFrom: (name, point) => keepDraftFrom(questions, name, point),
      damagedChunkOf: (error) => damagedChunkOf(error, folder, chunkSize),
      lackOf: (bytes) => lackOf(this.#parts.diskSpace(), bytes),
      rewritten: (chunk) => {
        reader.reopen(chunk);
        indexer.scavenged(chunk);
      },
      ended: () => indexer.scavengeEnded(),
      pause,
    });
    const take = (events: Parameters<typeof runner.take>[0]) => runner.take(events);
    return { runner, worker, follower: new ScavengeFollower({ reader, lookup: indexer, take, warn, pause }) };
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return sleep(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
}

/** A scavenge makes room, but needs some first: never what is kept for the cluster's own records. */
function lackOf({ level, freeBytes, reserveBytes }: DiskSpaceStatus, bytes: number): string | undefined {
  if (level === 'unknown' || freeBytes - bytes >= reserveBytes) return undefined;
  return `the disk has ${freeBytes} bytes free: a chunk's new file takes up to ${bytes} besides the reserve of ${reserveBytes}`;
}

function ledgerFile(folder: string): LedgerFile {
  return {
    load: async () => {
      // What a process has left that ended while it was writing.
      await rm(join(folder, `${SCAVENGE_FILE}.tmp`), { force: true }).catch(() => undefined);
      return await readFile(join(folder, SCAVENGE_FILE)).catch(() => undefined);
    },
    save: (bytes) => replaceFile(folder, SCAVENGE_FILE, bytes),
  };
}
