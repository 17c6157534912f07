/**
 * Kills a node again and again, at any moment of its life: most often under load, sometimes while it starts, which is when it
 * repairs what the last kill left; or cuts the power of the disk that it writes to. Each life begins with reading everything back and holding it against the history of all lives before.
 * The folder is kept if something is wrong, and the seed says how to do it again, as far as time can be repeated.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { VolatileDisk, withoutVolatileDisk } from './disks/volatile-disk.js';
import { checkHistory, type Findings } from './history-check.js';
import { Load } from './load.js';
import { type DiskPath, endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';
import { until } from './within.js';

export interface KillLoopOptions {
  readonly kills: number;
  /** A node under load is killed after a random time up to this. */
  readonly secondsPerLife: number;
  readonly disk: DiskPath;
  /** With each kill the disk loses what it was not told to keep (`disks/volatile-disk.ts`). */
  readonly powerCuts: boolean;
  readonly seed: number;
  /** An empty folder; a temporary one if it is left out. */
  readonly folder?: string;
}

/** What happened, in numbers. `problem` is there only if something is wrong. */
export interface KillLoopSummary {
  readonly disk: DiskPath;
  readonly powerCuts: boolean;
  readonly seed: number;
  readonly kills: number;
  readonly killsWhileStarting: number;
  readonly tornTails: number;
  readonly requests: number;
  readonly acknowledged: number;
  /** Retries that were answered with the original result. */
  readonly duplicates: number;
  /** Requests that nobody asked about again, and how many of them had taken effect. */
  readonly forgotten: number;
  readonly silentlyWritten: number;
  readonly events: number;
  readonly streams: number;
  readonly chunks: number;
  readonly logBytes: number;
  readonly slowestStartMs: number;
  readonly seconds: number;
  readonly problem?: string;
}

/** Part of the kills that come before the node listens. */
const WHILE_STARTING_SHARE = 0.2;
/** A start takes about this long: killed at a random moment of it. */
const START_MS = 400;
const PROGRESS_EVERY = 10;
/** How much of what is not flushed a power cut keeps, in percent. */
const KEPT_PERCENT = [0, 10, 50, 90, 100];

export async function killLoop(options: KillLoopOptions): Promise<KillLoopSummary> {
  const folder = options.folder ?? temporaryFolder();
  const loop = new KillLoop(options, folder);
  const startMs = performance.now();
  let problem: string | undefined;
  try {
    await loop.run();
  } catch (error) {
    problem = `${error instanceof Error ? error.stack : error} (folder: ${folder}, seed: ${options.seed})`;
  }
  await endAllNodes();
  const summary = { ...loop.summary(), seconds: Math.round((performance.now() - startMs) / 1000) };
  await loop.removeDisk();
  if (problem !== undefined) return { ...summary, problem };
  if (options.folder === undefined) removeFolder(folder);
  return summary;
}

class KillLoop {
  readonly #options: KillLoopOptions;
  readonly #scratch: string;
  /** The data folder. */
  #folder: string;
  #volatile: VolatileDisk | undefined;
  readonly #random: SeededRandom;
  readonly #load: Load;
  #kills = 0;
  #killsWhileStarting = 0;
  #tornTails = 0;
  #slowestStartMs = 0;
  #findings: Findings = { events: 0, streams: 0, silentlyWritten: 0 };

  constructor(options: KillLoopOptions, folder: string) {
    this.#options = options;
    this.#scratch = folder;
    this.#folder = folder;
    this.#random = new SeededRandom(options.seed);
    // Mostly small events, so that checking them does not take longer than writing them.
    this.#load = new Load({ seed: options.seed, largestBytes: 20_000 });
  }

  async run(): Promise<void> {
    if (this.#options.powerCuts) await this.#putOnVolatileDisk();
    while (this.#kills < this.#options.kills) {
      if (this.#random.chance(WHILE_STARTING_SHARE)) await this.#killWhileStarting();
      else await this.#killUnderLoad();
      if (this.#kills % PROGRESS_EVERY === 0) this.#report();
    }
    const node = await this.#startAndCheck();
    this.#load.start(node.url);
    await this.#load.untilAcknowledged(100);
    await this.#load.stop();
    await this.#check(node);
    const { code } = await node.stop();
    if (code !== 0) throw new Error(`the last node ended with ${code}:\n${node.transcript()}`);
  }

  summary(): Omit<KillLoopSummary, 'seconds' | 'problem'> {
    const { history } = this.#load;
    const { disk, powerCuts, seed } = this.#options;
    // A disk that could not be mounted again has none.
    const files = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    const chunks = files.filter((name) => /^chunk-\d+\.\d+$/.test(name));
    return {
      ...{ disk, powerCuts, seed },
      kills: this.#kills,
      killsWhileStarting: this.#killsWhileStarting,
      tornTails: this.#tornTails,
      requests: history.requests.length,
      acknowledged: history.acknowledged,
      duplicates: history.duplicates,
      forgotten: history.requests.filter(({ outcome }) => outcome === 'lost').length,
      ...this.#findings,
      chunks: chunks.length,
      logBytes: chunks.reduce((sum, name) => sum + statSync(join(this.#folder, name)).size, 0),
      slowestStartMs: Math.round(this.#slowestStartMs),
    };
  }

  /** Unmounts it, if there is one. Its content stays in the folder. */
  async removeDisk(): Promise<void> {
    await this.#volatile?.remove();
  }

  async #putOnVolatileDisk(): Promise<void> {
    const missing = withoutVolatileDisk();
    if (missing !== undefined) throw new Error(missing);
    this.#volatile = await VolatileDisk.create(join(this.#scratch, 'disk'));
    this.#folder = join(this.#volatile.folder, 'data');
    mkdirSync(this.#folder);
  }

  async #killUnderLoad(): Promise<void> {
    const node = await this.#startAndCheck();
    this.#load.start(node.url);
    await pause(this.#random.below(this.#options.secondsPerLife * 1000));
    this.#cutPower();
    await node.kill();
    await this.#load.ended();
    await this.#volatile?.restore();
    this.#kills++;
  }

  #cutPower(): void {
    this.#volatile?.cutPower(this.#random.bits(), this.#random.pick(KEPT_PERCENT));
  }

  async #killWhileStarting(): Promise<void> {
    const node = new NodeProcess({ folder: this.#folder, disk: this.#options.disk });
    await until(10_000, 'the process runs', () => node.pid !== 0 || node.hasEnded);
    await pause(this.#random.below(START_MS));
    this.#cutPower();
    await node.kill();
    this.#note(node);
    const ending = await node.exit;
    await this.#volatile?.restore();
    // Without power the node may see a write fail before it is killed.
    const isDue = ending.signal !== null || (this.#options.powerCuts && ending.code === 5);
    if (!isDue) throw new Error(`the node ended by itself:\n${node.transcript()}`);
    this.#kills++;
    this.#killsWhileStarting++;
  }

  async #startAndCheck(): Promise<NodeProcess> {
    const startMs = performance.now();
    const node = await NodeProcess.start({ folder: this.#folder, disk: this.#options.disk });
    this.#slowestStartMs = Math.max(this.#slowestStartMs, performance.now() - startMs);
    this.#note(node);
    await this.#check(node);
    return node;
  }

  async #check(node: NodeProcess): Promise<void> {
    this.#findings = await checkHistory(this.#load.history, node.url);
  }

  #note(node: NodeProcess): void {
    this.#tornTails += node.said('removed a torn tail').length;
  }

  #report(): void {
    const { history } = this.#load;
    const { events } = this.#findings;
    console.error(
      `${this.#kills} kills: ${history.acknowledged} requests acknowledged, ${events} events checked`,
    );
  }
}

/** Not to wait for something, but to pick a moment. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
