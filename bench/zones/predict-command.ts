/** `cairn zones predict`: what a write takes in a topology, from figures or from a measurement, and where its leader and nodes had better be. Main thread. */
import { VOTERS_MAX } from '../../src/cluster/configuration.js';
import type { FlagValues } from '../flags.js';
import { rounded } from '../rounded.js';
import { costsFromFigures, type ModelInput, type Prediction, predict } from './latency-model.js';
import { leadersOf, type Placement, placementsOf } from './placements.js';
import { readSaved } from './saved-run.js';
import { modelInput } from './simulate.js';
import { textTable } from './text-table.js';
import type { Topology } from './topology.js';
import { outputOf, policiesOf, topologyOf, wholeNumberOf } from './zone-flags.js';

const DRAWS = { default: 20_000, min: 100, max: 1_000_000 } as const;
const SEED = { default: 1, min: 0, max: 2 ** 31 } as const;
const VOTERS = { default: 3, min: 1, max: VOTERS_MAX } as const;
/** Of a message with an event of middling size. */
const EVENT_BYTES = 256;
/** Placements shown. */
const PLACEMENTS_SHOWN = 8;

export function runPredict(nameOrPath: string, flags: FlagValues): void {
  const topology = topologyOf(nameOrPath, flags);
  const output = outputOf(flags);
  const [draws, seed] = [wholeNumberOf(flags, 'draws', DRAWS), wholeNumberOf(flags, 'seed', SEED)];
  const input = inputOf(topology, flags);
  const predictions = policiesOf(flags).map((policy) => ({
    policy,
    prediction: predict(input, { policy, draws, seed }),
  }));
  // The first policy that is asked for and can be had is the one to recommend for; without a word, a quorum.
  const policy =
    flags['policy'] === undefined
      ? 'quorum'
      : (predictions.find(({ prediction }) => prediction !== undefined)?.policy ?? 'quorum');
  const leaders = leadersOf({ topology, policy, seed });
  const voters = wholeNumberOf(flags, 'voters', VOTERS);
  const placements = placementsOf({ topology, policy, voters, seed }).slice(0, PLACEMENTS_SHOWN);
  if (output === 'json') {
    const told = predictions.map(({ policy, prediction }) => ({
      policy,
      ...(prediction && predictionFields(prediction)),
    }));
    const { name, source, client, leader } = topology;
    const shown = { topology: name, source, client, leader, recommendedFor: policy };
    console.log(
      JSON.stringify({
        ...shown,
        predictions: told,
        leaders: leaders.map(plain),
        placements: placements.map(plain),
      }),
    );
    return;
  }
  for (const line of predictionLines(topology, predictions)) console.log(line);
  console.log(`\nleader, by ${policy}, with the client in ${topology.client}`);
  for (const line of textTable(
    ['leader', 'p50 ms', 'p99 ms'],
    leaders.map(({ leader, p50Ms, p99Ms }) => [leader, rounded(p50Ms, 2), rounded(p99Ms, 2)]),
  ))
    console.log(line);
  console.log(
    `\nplacement of ${voters} voters like ${topology.leader}, by ${policy}; first those that may lose a zone`,
  );
  for (const line of placementLines(placements)) console.log(line);
}

function inputOf(topology: Topology, flags: FlagValues): ModelInput {
  const path = flags['costs'];
  if (path === undefined) return { topology, costs: costsFromFigures(topology), messageBytes: EVENT_BYTES };
  return modelInput(topology, readSaved(path).costs, EVENT_BYTES);
}

interface Told {
  readonly policy: string;
  readonly prediction: Prediction | undefined;
}

function predictionLines(topology: Topology, predictions: readonly Told[]): readonly string[] {
  const { name, client, leader, source } = topology;
  const rows = predictions.map(({ policy, prediction }) => {
    if (prediction === undefined) return [policy, 'none', 'none', 'no voter in another zone'];
    return [
      policy,
      rounded(prediction.p50Ms, 2).toString(),
      rounded(prediction.p99Ms, 2).toString(),
      waitsFor(prediction),
    ];
  });
  const head = `${name}: client in ${client}, ${leader} leads`;
  return [
    head,
    ...(source === '' ? [] : [source]),
    '',
    ...textTable(['ack policy', 'p50 ms', 'p99 ms', 'waits last for'], rows),
  ];
}

function waitsFor({ decidedBy }: Prediction): string {
  return [...decidedBy].map(([name, share]) => `${name} ${Math.round(share * 100)} %`).join(', ');
}

function predictionFields({ p50Ms, p99Ms, decidedBy }: Prediction): object {
  return { p50Ms: rounded(p50Ms, 4), p99Ms: rounded(p99Ms, 4), waitsLastFor: Object.fromEntries(decidedBy) };
}

function placementLines(placements: readonly Placement[]): readonly string[] {
  const rows = placements.map(({ voters, leaderZone, p50Ms, p99Ms, zonesToLose }) => {
    const where = [...voters].map(([zone, count]) => (count === 1 ? zone : `${count} × ${zone}`)).join(', ');
    return [where, leaderZone, rounded(p50Ms, 2), rounded(p99Ms, 2), zonesToLose];
  });
  return textTable(['voters in', 'leader in', 'p50 ms', 'p99 ms', 'zones to lose'], rows);
}

function plain(placement: Placement): object {
  return { ...placement, voters: Object.fromEntries(placement.voters) };
}
