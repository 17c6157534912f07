/**
 * Whoever makes backups of a cluster while it is written to and struck: one incremental backup after the other, each verified with all that came
 * before it; now and then one is killed. In the end the last one is restored, and a node that starts on it shows the log up to there, and nothing else.
 */
import { join } from 'node:path';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { endOf, runBackup, startBackup } from '../backup/backup-process.js';
import { NodeProcess } from '../node-process.js';
import type { SeededRandom } from '../random.js';
import { within } from '../within.js';
import { findDifference, readLog } from './final-log.js';

export interface ClusterBackupsOptions {
  readonly random: SeededRandom;
  /** All nodes, whether they are up or not. */
  readonly urls: readonly string[];
  /** Where the backups go. */
  readonly scratch: string;
}

/** What a run of `backup create` has said. */
interface Made {
  readonly backup: string;
  readonly position: number;
}

/** No node has answered in time, or it went away: what a strike does. Whatever else it says is wrong. */
const NO_ANSWER = 7;
const KILL_SHARE = 0.15;
/** A create takes about half a second. */
const KILLED_MS_MAX = 800;
const GAP_MS_MAX = 300;
/** Longer than `backup create` waits for nodes that are gone. */
const STOP_DEADLINE_MS = 90_000;

export class ClusterBackups {
  readonly #options: ClusterBackupsOptions;
  readonly #repository: string;
  readonly problems: string[] = [];
  /** Complete ones, runs that no node answered, and runs that were killed. */
  readonly counts = { made: 0, unanswered: 0, killed: 0 };
  #last: Made | undefined;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ClusterBackupsOptions) {
    this.#options = options;
    this.#repository = join(options.scratch, 'backups');
  }

  start(): void {
    this.#running = this.#run();
    // Whoever stops it is told.
    this.#running.catch(() => undefined);
  }

  /** Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await within(STOP_DEADLINE_MS, 'the last backup ends', this.#running);
  }

  /** Restores the last backup, and says what is wrong with what a node shows of it. `log`: all that was committed in the end. */
  async judge(log: readonly LoggedEvent[]): Promise<readonly string[]> {
    const last = this.#last;
    if (last === undefined) return [...this.problems, 'not one backup could be made'];
    const folder = join(this.#options.scratch, 'restored');
    const { code, errors } = await runBackup(['restore', '--from', this.#repository, '--db', folder]);
    if (code !== 0) return [...this.problems, `restore ended with ${code}: ${errors}`];
    const node = await NodeProcess.start({ folder });
    const wanted = log.filter(({ position }) => position < last.position);
    const difference = findDifference(wanted, await readLog(node.url));
    await node.stop();
    if (difference !== undefined)
      this.problems.push(`${last.backup}, up to ${last.position}, and the log differ: ${difference}`);
    return this.problems;
  }

  async #run(): Promise<void> {
    const { random } = this.#options;
    while (!this.#isStopping) {
      const isKilled = random.chance(KILL_SHARE);
      const killAfterMs = random.below(KILLED_MS_MAX);
      const gapMs = random.below(GAP_MS_MAX);
      await this.#create(isKilled ? killAfterMs : undefined);
      if (this.#last !== undefined) await this.#verify();
      await new Promise((resolve) => setTimeout(resolve, gapMs));
    }
  }

  async #create(killAfterMs: number | undefined): Promise<void> {
    const { urls } = this.#options;
    const making = startBackup(['create', '--url', urls.join(','), '--to', this.#repository]);
    const kill = killAfterMs === undefined ? undefined : setTimeout(() => making.kill(), killAfterMs);
    const { code, signal, rows, errors } = await endOf(making);
    clearTimeout(kill);
    if (signal === 'SIGKILL' && kill !== undefined) {
      this.counts.killed++;
    } else if (code === 0) {
      const made = rows.at(-1) as unknown as Made & { kind: 'created' | 'unchanged' };
      if (made.position < (this.#last?.position ?? 0))
        this.problems.push(`${made.backup} goes up to ${made.position}, less far than the one before`);
      if (made.kind === 'created') this.counts.made++;
      this.#last = made;
    } else if (code === NO_ANSWER) {
      this.counts.unanswered++;
    } else {
      this.problems.push(`backup create ended with ${signal ?? code}: ${errors}`);
    }
  }

  async #verify(): Promise<void> {
    const { code, rows, errors } = await runBackup(['verify', this.#repository]);
    if (code !== 0) this.problems.push(`backup verify ended with ${code}: ${JSON.stringify(rows)} ${errors}`);
  }
}
