/** A simulation as a file: what `cairn zones simulate --save` writes, and `plot` and `predict --costs` read. */
import { CairnError } from '../../src/base/errors.js';
import type { PolicyResult, SimulationReport } from './simulate.js';
import type { Commit, MeasuredCosts } from './stages.js';
import type { Topology } from './topology.js';
import { parseTopology, topologyAsYaml } from './topology-file.js';
import { readText } from './zone-flags.js';

const FORMAT = 'cairn-zones-1';
/** Points of each distribution that are kept: enough for a curve and its ends. */
const POINTS_MAX = 512;

export interface SavedRun {
  readonly topology: Topology;
  readonly costs: MeasuredCosts;
  readonly results: readonly SavedResult[];
}

/** Latencies: points of equal distance in rank, rising. */
export type SavedResult = Omit<PolicyResult, 'latenciesMs' | 'predictedMs' | 'example'> & {
  readonly latenciesMs: readonly number[];
  readonly predictedMs: readonly number[];
  readonly example: SavedCommit | undefined;
};

export interface SavedCommit extends Omit<Commit, 'ranges' | 'acks'> {
  readonly ranges: readonly Commit['append'][];
  readonly acks: readonly Commit['append'][];
}

export function savedText({ topology, costs, results }: SimulationReport): string {
  return JSON.stringify({
    format: FORMAT,
    topology: topologyAsYaml(topology),
    costs,
    results: results.map(saved),
  });
}

/** As it would be read back. */
export function saved(result: PolicyResult): SavedResult {
  const { example } = result;
  return {
    ...result,
    latenciesMs: points(result.latenciesMs),
    predictedMs: points(result.predictedMs),
    example: example && {
      ...example,
      ranges: [...example.ranges.values()],
      acks: [...example.acks.values()],
    },
  };
}

/** Throws `CairnError` code `invalid-configuration`. */
export function readSaved(path: string): SavedRun {
  const text = readText(path, 'make one with cairn zones simulate --save');
  try {
    const { format, topology, ...rest } = JSON.parse(text) as { format?: string; topology: string } & Omit<
      SavedRun,
      'topology'
    >;
    if (format === FORMAT) return { ...rest, topology: parseTopology(topology, path) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CairnError('invalid-configuration', `${path} is not what cairn zones simulate --save writes`);
}

function points(rising: Float64Array): readonly number[] {
  if (rising.length <= POINTS_MAX) return [...rising];
  return Array.from(
    { length: POINTS_MAX },
    (_, index) => rising[Math.round((index / (POINTS_MAX - 1)) * (rising.length - 1))]!,
  );
}
