/** `cairn zones simulate`: flags, and what is printed. Main thread. */
import { writeFileSync } from 'node:fs';
import { Interruption } from '../../src/cli/cluster/interruption.js';
import type { FlagValues } from '../flags.js';
import { rounded } from '../rounded.js';
import { saved, savedText } from './saved-run.js';
import { type PolicyResult, type SimulateOptions, type SimulationReport, simulate } from './simulate.js';
import { textTable } from './text-table.js';
import { outputOf, policiesOf, topologyOf, zoneRunOf } from './zone-flags.js';

const DEFAULTS = { seconds: 5, writers: 1 } as const;

export async function runSimulate(nameOrPath: string, flags: FlagValues): Promise<void> {
  const output = outputOf(flags);
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    const report = await simulate(simulateOptions(nameOrPath, flags, interruption.signal));
    if (flags['save'] !== undefined) writeFileSync(flags['save'], savedText(report));
    if (output === 'json')
      for (const result of report.results) console.log(JSON.stringify(rowOf(report, result)));
    else for (const line of simulationLines(report)) console.log(line);
  } finally {
    interruption.release();
  }
}

function simulateOptions(nameOrPath: string, flags: FlagValues, signal: AbortSignal): SimulateOptions {
  return {
    ...zoneRunOf(flags, DEFAULTS, signal),
    topology: topologyOf(nameOrPath, flags),
    policies: policiesOf(flags),
  };
}

const HEAD = [
  'ack policy',
  'writes',
  'p50 ms',
  'of rounds',
  'predicted',
  'error',
  'p99 ms',
  'predicted',
  'messages a write',
];

function simulationLines({ topology, results }: SimulationReport): readonly string[] {
  const { name, client, leader } = topology;
  const rows = results.map((result) => [
    result.policy,
    result.writes,
    rounded(result.p50Ms, 2),
    result.spreadMs.map((ms) => rounded(ms, 2)).join(' to '),
    rounded(result.predictedP50Ms, 2),
    `${rounded(result.p50Error * 100, 1)} %`,
    rounded(result.p99Ms, 2),
    rounded(result.predictedP99Ms, 2),
    rounded(result.messagesPerWrite, 1),
  ]);
  return [
    `${name}: client in ${client}, ${leader} leads; all nodes on this machine, with its disk`,
    ...textTable(HEAD, rows),
    'of rounds: the lowest and the highest median of a round. Where they lie far apart the machine was busy, and its error says little.',
  ];
}

function rowOf({ topology: { name, client, leader } }: SimulationReport, result: PolicyResult): object {
  const { latenciesMs, predictedMs, example, ...fields } = saved(result);
  return { topology: name, client, leader, ...fields };
}
