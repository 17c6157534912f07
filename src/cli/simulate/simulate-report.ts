/** What `cairn simulate` prints: a summary for people or programs, and of a failure all that is needed to replay it. Pure. */
import { crc32c } from '../../base/crc32c.js';
import type { SimulationResult, SimulationStats } from '../../sim/simulation-result.js';
import type { SeedOutcome } from './simulate-job.js';
import type { SeedRange, SeedResults } from './simulate-run.js';

/** The JSON of `-o json`: docs/testing.md. */
export interface SimulationSummary {
  readonly seeds: number;
  /** How many seeds broke a promise. */
  readonly violations: number;
  /** The first of these, replayed by `--seed`. */
  readonly failedSeeds: readonly number[];
  /** Over all seeds' hashes, in order; of one seed, its own. */
  readonly traceHash: string;
  readonly virtualSeconds: number;
  readonly seconds: number;
  readonly events: number;
  readonly stats: SimulationStats;
}

export function summaryOf({ outcomes, failed, seconds }: SeedResults): SimulationSummary {
  return {
    seeds: outcomes.length,
    violations: outcomes.filter((outcome) => outcome.violations > 0).length,
    failedSeeds: failed.map((result) => result.seed),
    traceHash: joinedHash(outcomes),
    virtualSeconds: total(outcomes, (outcome) => outcome.virtualMs) / 1000,
    seconds,
    events: total(outcomes, (outcome) => outcome.events),
    stats: joinedStats(outcomes),
  };
}

export function summaryLine(summary: SimulationSummary): string {
  const { seeds, violations, traceHash, virtualSeconds, seconds, stats } = summary;
  const speed = (virtualSeconds / seconds).toFixed(0);
  const took = `${virtualSeconds.toFixed(0)} virtual seconds in ${seconds.toFixed(1)} s, ${speed} a second`;
  const happened = `${stats.faults} faults, ${stats.elections} leaders, ${stats.appendsAccepted} appends`;
  return `${seeds} seeds, ${violations} with violations; ${took}; ${happened}; trace ${traceHash}`;
}

/** The last events, what broke, and the command that shows it again. */
export function failureLines(result: SimulationResult, range: SeedRange): string[] {
  const broken = result.violations.map(({ invariant, message, timeMs, node }) => {
    return `seed ${result.seed}: ${invariant}: ${message} (at ${timeMs.toFixed(3)} ms${node === '' ? '' : `, ${node}`})`;
  });
  return [...result.lastEvents, ...broken, `replay: ${replayCommand(result.seed, range)}`];
}

function replayCommand(seed: number, { options, faultsText }: SeedRange): string {
  const { nodes, clones, replicas, clients, virtualMs } = options;
  const extras = [
    clones > 0 ? ` --clones ${clones}` : '',
    replicas > 0 ? ` --replicas ${replicas}` : '',
    clients === undefined ? '' : ` --clients ${clients}`,
  ].join('');
  return `cairn simulate --seed ${seed} --nodes ${nodes}${extras} --ticks ${virtualMs} --faults ${faultsText}`;
}

function joinedHash(outcomes: readonly SeedOutcome[]): string {
  const only = outcomes.length === 1 ? outcomes[0] : undefined;
  if (only !== undefined) return only.traceHash;
  const text = new TextEncoder().encode(outcomes.map((outcome) => outcome.traceHash).join(''));
  const reversed = text.slice().reverse();
  return [text, reversed].map((bytes) => hex(crc32c(bytes, 0, bytes.length, 0))).join('');
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function total(outcomes: readonly SeedOutcome[], of: (outcome: SeedOutcome) => number): number {
  return outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
}

function joinedStats(outcomes: readonly SeedOutcome[]): SimulationStats {
  return {
    elections: total(outcomes, ({ stats }) => stats.elections),
    crashes: total(outcomes, ({ stats }) => stats.crashes),
    faults: total(outcomes, ({ stats }) => stats.faults),
    messages: total(outcomes, ({ stats }) => stats.messages),
    appendsAccepted: total(outcomes, ({ stats }) => stats.appendsAccepted),
    appendsAsked: total(outcomes, ({ stats }) => stats.appendsAsked),
    reads: total(outcomes, ({ stats }) => stats.reads),
    committedBytes: total(outcomes, ({ stats }) => stats.committedBytes),
    membershipChanges: total(outcomes, ({ stats }) => stats.membershipChanges),
    truncations: total(outcomes, ({ stats }) => stats.truncations),
  };
}
