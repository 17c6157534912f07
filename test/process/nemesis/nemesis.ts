/** Many runs of a nemesis, one after the other: one line each, and for one that failed the command that repeats it. */
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../node-process.js';
import { FAULT_NAMES, type FaultName, whyNotFault } from './faults.js';
import { type NemesisSummary, runNemesis } from './nemesis-run.js';

export interface NemesisLoopOptions {
  readonly runs: number;
  /** Of the first run; each further one has the next. */
  readonly seed: number;
  readonly seconds: number;
  /** Comma-separated, or `none`; undefined = all that can be had here. */
  readonly faults: string | undefined;
  readonly nodes: number;
  /** Folders and traces of all runs are kept. */
  readonly isKept: boolean;
  readonly isBackedUp: boolean;
  readonly isScavenged: boolean;
  readonly say: (line: string) => void;
}

/** Shown of a run that failed; all of them are in its folder. */
const PROBLEMS_SHOWN = 5;

/** Returns how many runs failed. */
export async function nemesisLoop(options: NemesisLoopOptions): Promise<number> {
  const { runs, seed, seconds, nodes, isKept, isBackedUp, isScavenged, say } = options;
  const faults = chooseFaults(options);
  const others = `${isBackedUp ? '' : ' --no-backups'}${isScavenged ? '' : ' --no-scavenges'}`;
  const command = `--seconds ${seconds} --nodes ${nodes} --faults ${faults.join(',') || 'none'}${others}`;
  say(`${runs} runs of ${seconds} s from seed ${seed} on, ${nodes} nodes, faults: ${faults.join(', ')}`);
  const folder = temporaryFolder();
  const totals = {
    acknowledged: 0,
    events: 0,
    struck: 0,
    unknown: 0,
    silentlyWritten: 0,
    refused: 0,
    reads: 0,
    delivered: 0,
    resubscribed: 0,
    backups: 0,
    scavenges: 0,
    removed: 0,
  };
  let [failures, slowestMs] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const scratch = join(folder, `seed-${seed + run}`);
    const summary = await runNemesis({
      ...{ seed: seed + run, seconds, faults, nodes, scratch, isKept, isBackedUp, isScavenged },
    });
    say(lineOf(summary));
    totals.struck += summary.struck.length;
    for (const name of [
      'acknowledged',
      'events',
      'unknown',
      'silentlyWritten',
      'refused',
      'reads',
      'delivered',
      'resubscribed',
      'backups',
      'scavenges',
      'removed',
    ] as const) {
      totals[name] += summary[name];
    }
    slowestMs = Math.max(slowestMs, summary.recoveredMs);
    if (summary.problems.length === 0) continue;
    failures++;
    for (const problem of summary.problems.slice(0, PROBLEMS_SHOWN)) say(`  ${problem}`);
    say(`  again: npm run test:nemesis -- --runs 1 --seed ${seed + run} ${command}\n  kept: ${scratch}`);
  }
  say(JSON.stringify({ runs, failures, ...totals, slowestRecoveryMs: slowestMs }));
  if (failures === 0 && !isKept) removeFolder(folder);
  else say(`kept: ${folder}`);
  return failures;
}

function chooseFaults({ faults, say }: NemesisLoopOptions): readonly FaultName[] {
  if (faults === undefined) {
    return FAULT_NAMES.filter((name) => {
      const reason = whyNotFault(name);
      if (reason !== undefined) say(`without ${name}: ${reason}`);
      return reason === undefined;
    });
  }
  if (faults === 'none') return [];
  return faults.split(',').map((text) => {
    const name = FAULT_NAMES.find((known) => known === text);
    if (name === undefined)
      throw new Error(`no fault is called ${text}; there are ${FAULT_NAMES.join(', ')}`);
    const reason = whyNotFault(name);
    if (reason !== undefined) throw new Error(`${name} can't be had here: ${reason}`);
    return name;
  });
}

function lineOf(summary: NemesisSummary): string {
  const { seed, struck, problems, recoveredMs, seconds } = summary;
  const { acknowledged, unknown, silentlyWritten, refused, reads, events } = summary;
  const { delivered, resubscribed, backups, scavenges, removed } = summary;
  const kinds = struck.map((line) => line.split(' ')[2]).join(' ');
  const verdict = problems.length === 0 ? 'ok    ' : 'FAILED';
  const numbers = [
    `${acknowledged} acknowledged`,
    `${unknown} unknown (${silentlyWritten} happened)`,
    `${refused} refused`,
    `${reads} reads`,
    `${events} events`,
    `${delivered} delivered`,
    `${resubscribed} times subscribed anew`,
    `${backups} backups`,
    `${scavenges} scavenges`,
    `${removed} records removed`,
    `writes again after ${recoveredMs} ms`,
    `${seconds} s`,
  ].join(', ');
  return `${verdict} seed ${seed}: ${numbers}; ${kinds}`;
}
