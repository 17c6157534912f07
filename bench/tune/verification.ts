/**
 * Has the real engine run with what was proposed, with its neighbours and with the defaults, and decides. The rules are the proposal's, applied
 * to what the engine did instead of to the line; where runs can't be told apart, the proposal stands. Main thread.
 */
import type { EngineRun, EngineRuns, LoadName } from './engine-runs.js';
import { GAIN_MIN, type Proposal, RATE_SHARE } from './proposal.js';
import { sizeText } from './host-checks.js';
import { defaultSettings, type Goal, type TunedName, type TunedSettings } from './settings.js';

/** How much is run. */
export interface VerificationPlan {
  readonly goal: Goal;
  readonly rounds: number;
  /** Other sizes of chunks, too. */
  readonly triesChunks: boolean;
  /** No chunk may be larger: of what is free. */
  readonly chunkSizeMax: number;
}

export interface Verification {
  /** What came out best. */
  readonly settings: TunedSettings;
  /** What the engine said to each. */
  readonly verdicts: Readonly<Record<TunedName, string>>;
  /** False if it was interrupted. */
  readonly isComplete: boolean;
}

const CAP_MIN = 64 * 1024;
const CAP_MAX = 16 * 1024 ** 2;
const CHUNK_SIZES = [64, 256, 1024].map((mebibytes) => mebibytes * 1024 ** 2);
/** The neighbours of a cap that are tried, as factors. */
const NEIGHBOURS = [1 / 4, 1, 4];

/** What each goal looks at: it is better if the product is larger. */
const MERITS: Readonly<Record<Goal, readonly (readonly [LoadName, 'rate' | 'p50' | 'p99'])[]>> = {
  latency: [
    ['lone', 'p50'],
    ['steady', 'p99'],
  ],
  throughput: [['flood', 'rate']],
  balanced: [
    ['lone', 'p50'],
    ['flood', 'rate'],
  ],
};

/** What each load is run for when modes are compared. */
const MODE_LOADS: Readonly<Record<Goal, readonly LoadName[]>> = {
  latency: ['lone'],
  throughput: ['flood'],
  balanced: ['lone', 'flood'],
};

export async function verify(runs: EngineRuns, proposal: Proposal, plan: VerificationPlan): Promise<Verification> {
  const defaults = defaultSettings();
  // One round of each load on the defaults: the predictions learn from it what the main thread costs.
  await runs.ensure([[defaults, 'lone'], [defaults, 'steady'], [defaults, 'flood']], 1);
  const mode = await verifyMode(runs, proposal, plan);
  const cap = await verifyCap(runs, { ...defaults, SyncMode: mode.value }, proposal, plan);
  const soFar = { ...defaults, SyncMode: mode.value, BatchBytesMax: cap.value };
  const chunk = await verifyChunk(runs, soFar, proposal, plan);
  const tuned = { ...soFar, ChunkSize: chunk.value };
  const verdicts = { SyncMode: mode.verdict, BatchBytesMax: cap.verdict, ChunkSize: chunk.verdict };
  const pairs = (['lone', 'steady', 'flood'] as const).flatMap((load) => [[defaults, load] as const, [tuned, load] as const]);
  // One round more than the search had: these are the figures that are shown.
  await runs.ensure(pairs, plan.rounds + 1);
  if (runs.isInterrupted) return { settings: tuned, verdicts, isComplete: false };
  const { ratio, tolerance } = compare(runs, tuned, defaults, MERITS[plan.goal]);
  if (ratio >= 1 - tolerance) return { settings: tuned, verdicts, isComplete: true };
  const overruled = `all together came out ${percent(1 - ratio)} worse than the defaults: these stay`;
  return {
    settings: defaults,
    verdicts: { SyncMode: overruled, BatchBytesMax: overruled, ChunkSize: overruled },
    isComplete: true,
  };
}

interface Verdict<Value> {
  readonly value: Value;
  readonly verdict: string;
}

async function verifyMode(
  runs: EngineRuns,
  { settings }: Proposal,
  { goal, rounds }: VerificationPlan,
): Promise<Verdict<TunedSettings['SyncMode']>> {
  const proposed = { ...defaultSettings(), SyncMode: settings.SyncMode };
  const other = { ...proposed, SyncMode: proposed.SyncMode === 'dsync' ? 'fdatasync' : 'dsync' } as const;
  const loads = MODE_LOADS[goal];
  await runs.ensure(loads.flatMap((load) => [[proposed, load] as const, [other, load] as const]), rounds);
  const merits = MERITS[goal].filter(([load]) => loads.includes(load));
  const { ratio, tolerance } = compare(runs, other, proposed, merits);
  if (Number.isNaN(ratio)) return { value: proposed.SyncMode, verdict: NOT_RUN };
  const verdict = `with ${other.SyncMode} the engine is ${ratioText(ratio)}`;
  if (ratio > 1 + tolerance) return { value: other.SyncMode, verdict: `${verdict}: taken instead` };
  return { value: proposed.SyncMode, verdict: ratio < 1 - tolerance ? verdict : `${verdict}: not a difference` };
}

const NOT_RUN = 'not run';

/** The smallest cap that gives the goal's share of the best rate. */
async function verifyCap(
  runs: EngineRuns,
  base: TunedSettings,
  { settings }: Proposal,
  { goal, rounds }: VerificationPlan,
): Promise<Verdict<number>> {
  const tried = NEIGHBOURS.map((factor) => Math.min(CAP_MAX, Math.max(CAP_MIN, settings.BatchBytesMax * factor)));
  const caps = [...new Set([...tried, base.BatchBytesMax])].sort((a, b) => a - b);
  const candidates = caps.map((BatchBytesMax) => ({ ...base, BatchBytesMax }));
  await runs.ensure(candidates.map((candidate) => [candidate, 'flood'] as const), rounds);
  const found = candidates.flatMap((candidate) => runs.find(candidate, 'flood') ?? []);
  if (found.length < candidates.length) return { value: settings.BatchBytesMax, verdict: NOT_RUN };
  const rateOf = ({ median }: EngineRun) => median.megabytesPerSecond;
  const best = Math.max(...found.map(rateOf));
  const chosen = found.find((run) => rateOf(run) >= RATE_SHARE[goal] * best)!;
  const rates = found.map((run) => `${sizeText(run.settings.BatchBytesMax)} ${rateOf(run).toFixed(0)}`);
  const verdict = `MB/s by cap: ${rates.join(', ')}; the smallest with ${RATE_SHARE[goal] * 100} % of the best is taken`;
  return { value: chosen.settings.BatchBytesMax, verdict };
}

async function verifyChunk(
  runs: EngineRuns,
  base: TunedSettings,
  { settings }: Proposal,
  { rounds, triesChunks, chunkSizeMax }: VerificationPlan,
): Promise<Verdict<number>> {
  const { ChunkSize: proposed } = settings;
  if (!triesChunks) return { value: proposed, verdict: 'predicted only: a longer run (--seconds) tries others' };
  const sizes = [...new Set([proposed, ...CHUNK_SIZES.filter((size) => size <= chunkSizeMax)])].sort((a, b) => a - b);
  const candidates = sizes.map((ChunkSize) => ({ ...base, ChunkSize }));
  await runs.ensure(candidates.map((candidate) => [candidate, 'flood'] as const), rounds);
  const found = candidates.flatMap((candidate) => runs.find(candidate, 'flood') ?? []);
  const ofProposed = found.find((run) => run.settings.ChunkSize === proposed);
  if (ofProposed === undefined || found.length < candidates.length) return { value: proposed, verdict: NOT_RUN };
  const rateOf = ({ median }: EngineRun) => median.megabytesPerSecond;
  const best = found.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));
  const tolerance = Math.max(GAIN_MIN, best.spread, ofProposed.spread);
  const isBetter = rateOf(best) > rateOf(ofProposed) * (1 + tolerance);
  const rates = found.map((run) => `${sizeText(run.settings.ChunkSize)} ${rateOf(run).toFixed(0)}`);
  const filled = ofProposed.median.chunks >= 1 ? '' : '; no run was long enough to fill one';
  const verdict = `MB/s by size: ${rates.join(', ')} (within ${percent(tolerance)} is no difference)${filled}`;
  return { value: isBetter ? best.settings.ChunkSize : proposed, verdict };
}

/** How many times as good `one` is as `other`, and what is no difference. The ratio is NaN if either was not run. */
export function compare(
  runs: Pick<EngineRuns, 'find'>,
  one: TunedSettings,
  other: TunedSettings,
  merits: readonly (readonly [LoadName, 'rate' | 'p50' | 'p99'])[],
): { readonly ratio: number; readonly tolerance: number } {
  let product = 1;
  let spread = 0;
  for (const [load, what] of merits) {
    const [a, b] = [runs.find(one, load), runs.find(other, load)];
    if (a === undefined || b === undefined) return { ratio: Number.NaN, tolerance: 0 };
    product *= meritOf(a, what) / meritOf(b, what);
    spread = Math.max(spread, a.spread, b.spread);
  }
  return { ratio: product ** (1 / merits.length), tolerance: Math.max(GAIN_MIN, spread) };
}

function meritOf({ median }: EngineRun, what: 'rate' | 'p50' | 'p99'): number {
  if (what === 'rate') return median.eventsPerSecond;
  return 1 / Math.max(1, what === 'p50' ? median.p50Us : median.p99Us);
}

function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)} × as good`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
