/**
 * One run of a cluster under load while a nemesis strikes: what happens is drawn from the seed, and in the end everything is healed and judged.
 * Time can't be repeated, but the same seed draws the same faults in the same order.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { ClusterBackups } from '../cluster/cluster-backups.js';
import { checkCluster } from '../cluster/cluster-check.js';
import { ClusterLoad } from '../cluster/cluster-load.js';
import { ClusterProcess } from '../cluster/cluster-process.js';
import { ClusterScavenges } from '../cluster/cluster-scavenges.js';
import { ClusterSubscribers } from '../cluster/cluster-subscribers.js';
import { isOfLoad } from '../cluster/event-content.js';
import { findDifference, inspectFolders, readWholeLog, untilCaughtUp } from '../cluster/final-log.js';
import { removeFolder } from '../node-process.js';
import { SeededRandom } from '../random.js';
import { type FaultName, faultOf, type Undo } from './faults.js';

export interface NemesisOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly FaultName[];
  readonly nodes: number;
  /** Empty; removed if nothing is wrong, unless it is to be kept. */
  readonly scratch: string;
  readonly isKept: boolean;
  /** Backups are made the whole time. */
  readonly isBackedUp: boolean;
  /** Streams are deleted, and scavenged, the whole time. */
  readonly isScavenged: boolean;
}

/** What happened, in numbers and names. `problems` is empty if nothing is wrong. */
export interface NemesisSummary {
  readonly seed: number;
  readonly struck: readonly string[];
  readonly acknowledged: number;
  readonly unknown: number;
  /** Appends without any answer that took effect all the same. */
  readonly silentlyWritten: number;
  readonly refused: number;
  readonly reads: number;
  readonly events: number;
  /** Events that subscribers were shown, and how often they subscribed anew. */
  readonly delivered: number;
  readonly resubscribed: number;
  /** Backups that were completed. */
  readonly backups: number;
  /** Scavenge points that nodes took while they were struck, and records that each had removed in the end. */
  readonly scavenges: number;
  readonly removed: number;
  /** From the moment that all was healed to the first write that was accepted. */
  readonly recoveredMs: number;
  readonly seconds: number;
  readonly problems: readonly string[];
}

/** A wiped node gets its vote back within a run. */
const PATIENCE = ['--voter-replacement-timeout-sec', '1'];
const LEADER_SHARE = 0.6;
const GAP_MS_MAX = 900;
const FAULT_MS_MIN = 200;
const FAULT_MS_MAX = 2_500;
/** Far longer than an election and a restart take, on a machine that does other things as well. */
const RECOVERY_DEADLINE_MS = 30_000;
const CATCH_UP_DEADLINE_MS = 60_000;
const SCAVENGE_DEADLINE_MS = 60_000;
/** Counted from when all nodes have the whole log. */
const SUBSCRIBERS_DEADLINE_MS = 15_000;
const FIRST_WRITES = 50;

export async function runNemesis(options: NemesisOptions): Promise<NemesisSummary> {
  const run = new NemesisRun(options);
  const summary = await run.run();
  if (summary.problems.length === 0 && !options.isKept) removeFolder(options.scratch);
  return summary;
}

class NemesisRun {
  readonly #options: NemesisOptions;
  readonly #random: SeededRandom;
  readonly #problems: string[] = [];
  readonly #struck: string[] = [];
  /** What is taken up by a fault: members by number, `network`. */
  readonly #taken = new Set<string>();
  /** What may not happen again. */
  readonly #spent = new Set<FaultName>();
  readonly #undoing = new Set<Promise<void>>();
  readonly #startMs = performance.now();
  #cluster!: ClusterProcess;
  #load!: ClusterLoad;
  #subscribers!: ClusterSubscribers;
  #backups: ClusterBackups | undefined;
  #scavenges: ClusterScavenges | undefined;
  #log: readonly LoggedEvent[] = [];
  #recoveredMs = 0;
  #removed = 0;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<NemesisSummary> {
    const { scratch, nodes, faults, seed } = this.#options;
    mkdirSync(scratch, { recursive: true });
    const needs = new Set(faults.map((name) => faultOf(name).needs));
    this.#cluster = await ClusterProcess.create({
      ...{ size: nodes, scratch },
      ...{ isNetworked: needs.has('network'), isOnVolatileDisks: needs.has('disks') },
      flags: [...PATIENCE, ...(needs.has('injection') ? ['--fault-injection'] : [])],
    });
    const { targets, members } = this.#cluster;
    this.#load = new ClusterLoad({ seed, targets });
    const urls = members.map(({ target }) => target.url);
    this.#subscribers = new ClusterSubscribers({ seed, history: this.#load.history, targets, urls });
    const random = new SeededRandom(seed * 1000 + 900);
    if (this.#options.isBackedUp) this.#backups = new ClusterBackups({ random, urls, scratch });
    if (this.#options.isScavenged) this.#scavenges = new ClusterScavenges({ seed, urls });
    try {
      await this.#play();
    } catch (error) {
      this.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    if (this.#problems.length > 0 || this.#options.isKept) this.#keepTraces();
    await this.#cluster.remove();
    return this.#summary();
  }

  async #play(): Promise<void> {
    const cluster = this.#cluster;
    await cluster.start();
    this.#load.start();
    this.#subscribers.start();
    await this.#load.untilAcknowledged(FIRST_WRITES, RECOVERY_DEADLINE_MS);
    this.#backups?.start();
    this.#scavenges?.start();
    const endMs = performance.now() + this.#options.seconds * 1000;
    while (performance.now() < endMs) await this.#strike();
    while (this.#undoing.size > 0) await Promise.all(this.#undoing);
    await this.#recover();
    await this.#judge();
  }

  /** Waits a little, and strikes if what was drawn can be had at the moment. All numbers are drawn in any case. */
  async #strike(): Promise<void> {
    const random = this.#random;
    const { faults, nodes } = this.#options;
    const name = faults.length === 0 ? undefined : random.pick(faults);
    const gapMs = random.below(GAP_MS_MAX);
    const lastsMs = FAULT_MS_MIN + random.below(FAULT_MS_MAX - FAULT_MS_MIN);
    const isAtLeader = random.chance(LEADER_SHARE);
    const any = random.below(nodes);
    const own = new SeededRandom(random.bits());
    await pause(gapMs);
    if (name === undefined) return;
    const index = isAtLeader ? ((await this.#cluster.leader()) ?? any) : any;
    const taken = this.#toBeTaken(name, index);
    if (taken.some((what) => this.#taken.has(what)) || this.#spent.has(name)) return;
    if (faultOf(name).isOnce === true) this.#spent.add(name);
    for (const what of taken) this.#taken.add(what);
    this.#struck.push(`${this.#elapsedMs()} ms: ${name} at ${index} for ${lastsMs} ms`);
    const undo = await faultOf(name).strike({ cluster: this.#cluster, index, random: own });
    const undoing = this.#undoLater(name, undo, lastsMs).finally(() => {
      for (const what of taken) this.#taken.delete(what);
      this.#undoing.delete(undoing);
    });
    this.#undoing.add(undoing);
  }

  #toBeTaken(name: FaultName, index: number): string[] {
    const { takes } = faultOf(name);
    if (takes === 'member') return [`${index}`];
    return takes === 'network' ? ['network'] : this.#cluster.members.map((_, i) => `${i}`);
  }

  async #undoLater(name: FaultName, undo: Undo, lastsMs: number): Promise<void> {
    await pause(lastsMs);
    try {
      await undo();
    } catch (error) {
      this.#problems.push(`after ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #recover(): Promise<void> {
    await this.#cluster.heal();
    const healedMs = performance.now();
    await this.#load.mark(RECOVERY_DEADLINE_MS);
    this.#recoveredMs = Math.round(performance.now() - healedMs);
    await this.#load.stop();
    await this.#backups?.stop();
    await this.#scavenges?.stop();
  }

  async #judge(): Promise<void> {
    const { members } = this.#cluster;
    await this.#scavenges?.finish(SCAVENGE_DEADLINE_MS);
    const last = await this.#load.mark(RECOVERY_DEADLINE_MS);
    await this.#readLogs(last);
    const log = this.#log;
    await this.#endSubscribers();
    if (this.#backups !== undefined) this.#problems.push(...(await this.#backups.judge(log)));
    for (const { kind, message } of checkCluster(this.#load.history, log)) {
      this.#problems.push(`${kind}: ${message}`);
    }
    await this.#cluster.stop();
    for (const { unexpectedEnds } of members) this.#problems.push(...unexpectedEnds);
    const { problems, removed } = inspectFolders(members, log.at(-1)!.end);
    this.#problems.push(...problems);
    this.#removed = removed;
  }

  /** What each node shows, in which there is all up to `last`: all show the same. */
  async #readLogs(last: number): Promise<void> {
    const logs: (readonly LoggedEvent[])[] = [];
    for (const { name, target } of this.#cluster.members) {
      await untilCaughtUp(target, last, CATCH_UP_DEADLINE_MS);
      const log = await readWholeLog(target.url);
      logs.push(log);
      this.#problems.push(...(this.#scavenges?.judge(name, log) ?? []));
      this.#problems.push(...((await this.#scavenges?.judgeStreams(target.url)) ?? []));
    }
    const [first] = logs;
    for (const [i, other] of logs.entries()) {
      const difference = findDifference(first!, other);
      if (difference !== undefined) this.#problems.push(`nodes 0 and ${i} differ: ${difference}`);
    }
    this.#problems.push(...(this.#scavenges?.problems ?? []));
    this.#log = first!.filter(({ stream }) => isOfLoad(stream));
  }

  /** They have the rest of the log in time, or the judge names those who have not. */
  async #endSubscribers(): Promise<void> {
    await this.#subscribers.untilCaughtUp(this.#log, SUBSCRIBERS_DEADLINE_MS).catch((error: Error) => {
      this.#problems.push(error.message);
    });
    await this.#subscribers.stop();
  }

  /** For whoever looks into it: what the nodes said, what was done to them, and what clients saw. */
  #keepTraces(): void {
    const { scratch } = this.#options;
    for (const [i, member] of this.#cluster.members.entries()) {
      writeFileSync(join(scratch, `node-${i}.log`), `${member.name}\n${member.transcript()}`);
    }
    const { appends, reads, subscriptions } = this.#load.history;
    const told = subscriptions.flatMap(({ number, steps }) =>
      steps.map((step) => ({ subscription: number, ...step })),
    );
    // The parts of a transaction know each other.
    const asked = appends.map(({ parts, ...append }) => ({
      ...append,
      parts: parts?.map(({ number }) => number),
    }));
    writeFileSync(join(scratch, 'faults.txt'), `${this.#struck.join('\n')}\n`);
    writeFileSync(join(scratch, 'problems.txt'), `${this.#problems.join('\n')}\n`);
    for (const [name, entries] of Object.entries({ appends: asked, reads, told, log: this.#log })) {
      const lines = entries.map((entry) => JSON.stringify(entry)).join('\n');
      writeFileSync(join(scratch, `${name}.jsonl`), `${lines}\n`);
    }
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startMs);
  }

  #summary(): NemesisSummary {
    const { appends, reads, subscriptions, acknowledged } = this.#load.history;
    const steps = subscriptions.flatMap((subscription) => subscription.steps);
    const there = new Set(this.#log.map(({ eventId }) => eventId));
    const unknown = appends.filter((append) => append.acknowledgements.length === 0 && append.unsettled > 0);
    return {
      seed: this.#options.seed,
      struck: this.#struck,
      acknowledged,
      unknown: unknown.length,
      silentlyWritten: unknown.filter(({ eventIds }) => there.has(eventIds[0]!)).length,
      refused: appends.reduce((sum, { refusals }) => sum + refusals.length, 0),
      reads: reads.length,
      events: this.#log.length,
      delivered: steps.filter(({ kind }) => kind === 'shown').length,
      resubscribed: steps.filter(({ kind }) => kind === 'opened').length - subscriptions.length,
      backups: this.#backups?.counts.made ?? 0,
      scavenges: this.#scavenges?.counts.started ?? 0,
      removed: this.#removed,
      recoveredMs: this.#recoveredMs,
      seconds: Math.round(this.#elapsedMs() / 1000),
      problems: this.#problems,
    };
  }
}

/** Not to wait for something, but to let time pass under a fault. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
