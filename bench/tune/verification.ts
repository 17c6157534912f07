/**
 * Has the real engine run with what was proposed, with its neighbours and with the defaults, and decides. The rules are the proposal's, applied
 * to what the engine did instead of to the line; where runs can't be told apart, the proposal stands. Main thread.
 */
import {
  type Candidate,
  isBetter,
  isNowhereWorse,
  type Merit,
  meritsOf,
  ratioOf,
  smallestEnough,
} from './comparison.js';
import type { EngineRuns, LoadName } from './engine-runs.js';
import { sizeText } from './host-checks.js';
import { type Proposal, RATE_SHARE } from './proposal.js';
import { defaultSettings, type Goal, type TunedName, type TunedSettings } from './settings.js';

/** How much is run. */
export interface VerificationPlan {
  readonly goal: Goal;
  readonly rounds: number;
  /** Chunks, too: other sizes, and how many are prepared. */
  readonly isThorough: boolean;
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
/** The ends of what is sensible; the proposal is mostly in between. */
const CHUNK_SIZES = [64, 1024].map((mebibytes) => mebibytes * 1024 ** 2);
/** The neighbours of a cap that are tried, as factors. */
const NEIGHBOURS = [1 / 4, 1, 4];

/** What each goal looks at in the end. */
const MERITS: Readonly<Record<Goal, readonly Merit[]>> = {
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

/** What each goal looks at to compare sync modes. */
const MODE_MERITS: Readonly<Record<Goal, readonly Merit[]>> = { ...MERITS, latency: [['lone', 'p50']] };

const ALL_LOADS: readonly LoadName[] = ['lone', 'steady', 'flood'];
const NO_TIME = 'not tried: no time left (--seconds)';
const NOT_RUN = 'interrupted before it could tell';

export async function verify(
  runs: EngineRuns,
  proposal: Proposal,
  plan: VerificationPlan,
): Promise<Verification> {
  const defaults = defaultSettings();
  await runs.warmUp(defaults);
  const mode = await verifyMode(runs, proposal, plan);
  const cap = await verifyCap(runs, { ...defaults, SyncMode: mode.value }, proposal, plan);
  const soFar = { ...defaults, SyncMode: mode.value, BatchBytesMax: cap.value };
  const chunk = await verifyChunk(runs, soFar, proposal, plan);
  const prepared = await verifyPrepared(runs, { ...soFar, ChunkSize: chunk.value }, proposal, plan);
  const tuned = { ...soFar, ChunkSize: chunk.value, PreparedChunks: prepared.value };
  const verdicts = {
    SyncMode: mode.verdict,
    BatchBytesMax: cap.verdict,
    ChunkSize: chunk.verdict,
    PreparedChunks: prepared.verdict,
  };
  // One round more than the search had: what is compared in the end was also run in turn.
  await ensureAll(runs, [defaults, tuned], ALL_LOADS, plan.rounds + 1);
  if (runs.isInterrupted) return { settings: tuned, verdicts, isComplete: false };
  const [ofDefaults, ofTuned] = [defaults, tuned].map((each) => meritsOf(runs, each, MERITS[plan.goal]));
  if (!isBetter(ofDefaults!, ofTuned!)) return { settings: tuned, verdicts, isComplete: true };
  const overruled = `together with the others it came out worse than the defaults (${ratioOf(ofTuned!, ofDefaults!).toFixed(2)} ×): these stay`;
  return {
    settings: defaults,
    verdicts: {
      SyncMode: overruled,
      BatchBytesMax: overruled,
      ChunkSize: overruled,
      PreparedChunks: overruled,
    },
    isComplete: true,
  };
}

interface Verdict<Value> {
  readonly value: Value;
  readonly verdict: string;
}

function ensureAll(
  runs: EngineRuns,
  settings: readonly TunedSettings[],
  loads: readonly LoadName[],
  rounds: number,
): Promise<void> {
  return runs.ensure(
    loads.flatMap((load) => settings.map((each) => [each, load] as const)),
    rounds,
  );
}

async function verifyMode(
  runs: EngineRuns,
  { settings }: Proposal,
  { goal, rounds }: VerificationPlan,
): Promise<Verdict<TunedSettings['SyncMode']>> {
  const proposed = { ...defaultSettings(), SyncMode: settings.SyncMode };
  const other = { ...proposed, SyncMode: proposed.SyncMode === 'dsync' ? 'fdatasync' : 'dsync' } as const;
  const merits = MODE_MERITS[goal];
  await ensureAll(
    runs,
    [proposed, other],
    merits.map(([load]) => load),
    rounds,
  );
  const [ofProposed, ofOther] = [meritsOf(runs, proposed, merits), meritsOf(runs, other, merits)];
  if (ofProposed.length === 0 || ofOther.length === 0) return { value: proposed.SyncMode, verdict: NOT_RUN };
  const verdict = `with ${other.SyncMode} it is ${ratioOf(ofOther, ofProposed).toFixed(2)} × as good`;
  if (isBetter(ofOther, ofProposed) && isNowhereWorse(runs, other, proposed, merits))
    return { value: other.SyncMode, verdict: `${verdict}: taken instead` };
  const isSame = !isBetter(ofProposed, ofOther);
  return {
    value: proposed.SyncMode,
    verdict: isSame ? `${verdict}, which the rounds don't bear out` : verdict,
  };
}

async function verifyCap(
  runs: EngineRuns,
  base: TunedSettings,
  { settings }: Proposal,
  { goal, rounds }: VerificationPlan,
): Promise<Verdict<number>> {
  const proposed = settings.BatchBytesMax;
  const tried = NEIGHBOURS.map((factor) => Math.min(CAP_MAX, Math.max(CAP_MIN, proposed * factor)));
  const caps = sorted([...tried, base.BatchBytesMax]);
  const found = await ratesOf(
    runs,
    caps.map((BatchBytesMax) => ({ ...base, BatchBytesMax })),
    rounds,
  );
  if (found === undefined) return { value: proposed, verdict: NOT_RUN };
  const candidates = found.map((rates, index) => ({ value: caps[index]!, rates }));
  const share = RATE_SHARE[goal];
  const value = smallestEnough(candidates, proposed, share);
  const outcome =
    value === proposed
      ? 'the proposed one stands'
      : `${sizeText(value)} is the smallest with ${share * 100} % of the best`;
  return { value, verdict: `MB/s: ${rateList(candidates)}; ${outcome}` };
}

async function verifyChunk(
  runs: EngineRuns,
  base: TunedSettings,
  { settings }: Proposal,
  { rounds, isThorough, chunkSizeMax }: VerificationPlan,
): Promise<Verdict<number>> {
  const { ChunkSize: proposed } = settings;
  if (!isThorough || runs.isLate) return { value: proposed, verdict: NO_TIME };
  const sizes = sorted([proposed, ...CHUNK_SIZES.filter((size) => size <= chunkSizeMax)]);
  const found = await ratesOf(
    runs,
    sizes.map((ChunkSize) => ({ ...base, ChunkSize })),
    rounds,
  );
  if (found === undefined) return { value: proposed, verdict: NOT_RUN };
  const candidates = found.map((rates, index) => ({ value: sizes[index]!, rates }));
  const ofProposed = candidates.find(({ value }) => value === proposed)!;
  const better = candidates.filter(({ rates }) => isBetter(rates, ofProposed.rates));
  const best = better.reduce((a, b) => (ratioOf(b.rates, a.rates) > 1 ? b : a), ofProposed);
  const filled = runs.find({ ...base, ChunkSize: best.value }, 'flood')!.median.chunks;
  const outcome = best === ofProposed ? 'none is better' : `${sizeText(best.value)} is better`;
  const length = filled >= 1 ? '' : '; no run was long enough to fill one';
  return { value: best.value, verdict: `MB/s: ${rateList(candidates)}; ${outcome}${length}` };
}

/** More than one chunk costs space, and time at each start: only for what the bursts show beyond doubt. */
async function verifyPrepared(
  runs: EngineRuns,
  base: TunedSettings,
  { settings }: Proposal,
  { goal, rounds, isThorough }: VerificationPlan,
): Promise<Verdict<number>> {
  const { PreparedChunks: one } = base;
  const { PreparedChunks: proposed } = settings;
  if (proposed === one) return { value: one, verdict: 'not tried: nothing else was proposed' };
  if (!isThorough || runs.isLate) return { value: one, verdict: `${NO_TIME}: the default stays` };
  const [few, many] = [base, { ...base, PreparedChunks: proposed }];
  await ensureAll(runs, [few, many], ['burst'], rounds);
  const merits: readonly Merit[] =
    goal === 'latency'
      ? [['burst', 'p99']]
      : [
          ['burst', 'p99'],
          ['burst', 'rate'],
        ];
  const [ofFew, ofMany] = [meritsOf(runs, few, merits), meritsOf(runs, many, merits)];
  if (ofFew.length === 0 || ofMany.length === 0) return { value: one, verdict: NOT_RUN };
  const verdict = `a burst after a rest: with ${proposed} it is ${ratioOf(ofMany, ofFew).toFixed(2)} × as good`;
  if (isBetter(ofMany, ofFew)) return { value: proposed, verdict };
  return { value: one, verdict: `${verdict}, which is no reason` };
}

/** MB/s of a flood, round by round; undefined if it was interrupted before all had a round. */
async function ratesOf(
  runs: EngineRuns,
  settings: readonly TunedSettings[],
  rounds: number,
): Promise<(readonly number[])[] | undefined> {
  await ensureAll(runs, settings, ['flood'], rounds);
  const found = settings.flatMap((each) => {
    const run = runs.find(each, 'flood');
    return run === undefined ? [] : [run.rounds.map(({ megabytesPerSecond }) => megabytesPerSecond)];
  });
  return found.length < settings.length ? undefined : found;
}

function rateList(candidates: readonly Candidate[]): string {
  return candidates
    .map(({ value, rates }) => {
      const [low, high] = [Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(0));
      return `${sizeText(value)} ${low === high ? low : `${low} to ${high}`}`;
    })
    .join(', ');
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
