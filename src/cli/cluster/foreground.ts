/**
 * A local cluster that this process starts, shows and, in the end, stops. Main thread. What always holds: when it has ended, none of the nodes
 * runs, unless they were meant to be left running.
 */
import { resolve } from 'node:path';
import { CairnError } from '../../base/errors.js';
import type { ExitCode } from '../exit-codes.js';
import { type LocalNode, logFileOf } from './cluster-record.js';
import { DEFAULT_DIRECTORY, localTarget } from './cluster-target.js';
import { Interruption } from './interruption.js';
import { LiveStatus, localFacts, untilHealthy, watchCluster } from './live-status.js';
import { LocalCluster } from './local-cluster.js';

/** A start takes a second; on a loaded machine, with long logs to read, longer. */
const HEALTHY_DEADLINE_MS = 120_000;

export class Foreground {
  readonly #interruption: Interruption;
  readonly #live = new LiveStatus(process.stdout);
  #isLeftRunning = false;

  constructor(readonly cluster: LocalCluster) {
    this.#interruption = new Interruption((exitCode) => this.#endNow(exitCode));
  }

  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  /** Starts all nodes that don't run; resolves when the cluster is healthy, to false if interrupted before. */
  async start(): Promise<boolean> {
    const { cluster, signal } = this;
    const all = cluster.nodes;
    const isNew = all.every((node) => node.process === undefined);
    // The first nodes that meet become the voters.
    const later = isNew ? all.filter(({ kind }) => kind === 'clone') : [];
    await this.#startNodes(all.filter((node) => !later.includes(node)));
    if (later.length > 0) {
      await watchCluster(localTarget(cluster), signal, ({ leader }) => {
        this.#checkLiving(all.filter((node) => !later.includes(node)));
        return leader !== null;
      });
      if (!signal.aborted) await this.#startNodes(later);
    }
    const healthy = await untilHealthy(localTarget(cluster), HEALTHY_DEADLINE_MS, signal, (view) => {
      this.#checkLiving(all);
      this.#live.show(view, localFacts(cluster));
    });
    return healthy !== undefined;
  }

  /** Shows the cluster until a signal comes, or `until` is aborted. `extra`: lines below the table. */
  async watch(extra: () => readonly string[] = () => [], until: AbortSignal = this.signal): Promise<void> {
    await watchCluster(localTarget(this.cluster), until, (view) => {
      this.#live.show(view, localFacts(this.cluster), extra());
      return false;
    });
  }

  /** Writes a text that stays, below the last state shown. */
  print(text: string): void {
    this.#live.release();
    process.stdout.write(`${text}\n`);
  }

  /** The nodes go on when this process ends. */
  leaveRunning(): void {
    this.#isLeftRunning = true;
    const { directory } = this.cluster;
    const dir = directory === resolve(DEFAULT_DIRECTORY) ? '' : ` --dir ${directory}`;
    console.log(
      `\nThe cluster goes on. cairn cluster status${dir} shows it, cairn cluster down${dir} ends it.`,
    );
  }

  /** Stops all nodes, unless they are left running. */
  async end(): Promise<void> {
    if (!this.#isLeftRunning && LocalCluster.exists(this.cluster.directory)) {
      this.print('stopping all nodes');
      for (const { number } of await this.cluster.down()) this.print(`node ${number} had to be killed`);
    }
    this.#interruption.release();
  }

  async #startNodes(nodes: readonly LocalNode[]): Promise<void> {
    await this.cluster.start(nodes.map(({ number }) => number));
  }

  /** Throws if one of these nodes has ended instead of starting. */
  #checkLiving(nodes: readonly LocalNode[]): void {
    const { cluster } = this;
    const dead = nodes
      .map(({ number }) => cluster.node(number))
      .find((node) => cluster.stateOf(node) === 'down');
    if (dead === undefined || this.signal.aborted) return;
    const log = logFileOf(cluster.directory, dead);
    const why = cluster.causeOfDeath(dead) ?? 'it does not say why';
    throw new CairnError('not-ready', `node ${dead.number} has ended: ${why}`, { node: dead.number, log });
  }

  /** A second signal: nothing is waited for. */
  #endNow(exitCode: ExitCode): void {
    this.cluster.killAllNow();
    process.exit(exitCode);
  }
}
