/**
 * `cairn tune disk`, from the claim on the folder to the settings: check the host, measure the disk, look whether that can be true, propose,
 * have the engine verify. Says what it found; writes no file but in a folder of its own, below the data folder, which is gone afterwards. Main
 * thread.
 */
import { CairnError } from '../../src/base/errors.js';
import type { Platform } from '../../src/native/platform.js';
import { withScratchFolder } from '../scratch-folder.js';
import { type CheckRow, failedErrors } from './check-row.js';
import { type Claim, claimFolder } from './claim.js';
import { EngineRuns } from './engine-runs.js';
import { hostChecks } from './host-checks.js';
import { type HostFacts, type HostSource, readHostFacts } from './host-facts.js';
import type { TuneOptions } from './options.js';
import { plausibilityChecks } from './plausibility.js';
import { type PredictionRow, predictionRows } from './prediction.js';
import { type Proposal, propose } from './proposal.js';
import { TUNED_NAMES, type TunedName, type TunedSettings } from './settings.js';
import { sweepDisk } from './sweep.js';
import type { Sweep } from './sweep-point.js';
import { type Verification, verify } from './verification.js';

/** All that was found. What is undefined there was no time, or no leave, to find out. */
export interface TuneResult {
  readonly folder: string;
  readonly goal: TuneOptions['goal'];
  readonly seconds: number;
  readonly facts: HostFacts;
  readonly checks: readonly CheckRow[];
  readonly sweep: Sweep | undefined;
  readonly proposal: Proposal | undefined;
  readonly predictions: readonly PredictionRow[];
  readonly verification: Verification | undefined;
  /** Of a log that is there already: it keeps the size of its chunks. */
  readonly keptChunkSize: number | undefined;
  /** Why no setting can be relied on; undefined if all is well. */
  readonly refusal: CairnError | undefined;
}

export interface TuneSurroundings {
  readonly platform: Platform;
  readonly host: HostSource;
  readonly signal: AbortSignal;
  /** One line about what is being done. */
  readonly progress: (line: string) => void;
}

/** Of the time there is, what goes to the measurement. The rest is the engine's. */
const SWEEP_SHARE = 0.3;
/** From so many seconds on the engine runs everything several times, and other sizes of chunks as well. */
const THOROUGH_SECONDS = 20;
/** How many runs of the engine there are about, and what each takes besides: opening, stopping, removing the log. */
const RUNS = { quick: 14, thorough: 44 };
const RUN_OVERHEAD_SECONDS = 0.25;
const RUN_SECONDS_MIN = 0.15;
const RUN_SECONDS_MAX = 5;
/** A run may fill this much of what is free. */
const RUN_SPACE_SHARE = 0.25;
const WARMUP_SHARE = 0.25;

/** The options that are worth writing down. */
export function tunedNames({ keptChunkSize }: TuneResult): readonly TunedName[] {
  return TUNED_NAMES.filter((name) => name !== 'ChunkSize' || keptChunkSize === undefined);
}

/** The settings that were found best; undefined if there was not enough time to verify any, or what was measured can't be true. */
export function settingsOf({ verification, refusal }: TuneResult): TunedSettings | undefined {
  return verification?.isComplete === true && refusal === undefined ? verification.settings : undefined;
}

/** Throws `CairnError` or `DiskError` if the folder can't be measured at all. */
export async function tuneDisk(options: TuneOptions, surroundings: TuneSurroundings): Promise<TuneResult> {
  const claim = claimFolder(options.folder, surroundings.platform);
  try {
    return await tuneClaimed(options, surroundings, claim);
  } finally {
    claim.release();
  }
}

async function tuneClaimed(
  options: TuneOptions,
  surroundings: TuneSurroundings,
  claim: Claim,
): Promise<TuneResult> {
  const { folder, goal, force } = options;
  const started = performance.now();
  const facts = readHostFacts(surroundings.host, folder);
  const checks = [claim.check, ...hostChecks(facts)];
  const refusal = force ? undefined : refusalOf(checks, claim);
  const nothing = { sweep: undefined, proposal: undefined, predictions: [], verification: undefined };
  const known = { folder, goal, facts, keptChunkSize: claim.chunkSize };
  if (refusal !== undefined) return { ...known, ...nothing, seconds: 0, checks, refusal };
  const found = await withScratchFolder(
    folder,
    (scratch) => measureAndVerify(options, surroundings, { scratch, facts }),
    // The command hears of signals, and ends what runs in order.
    () => undefined,
  );
  const all = [...checks, ...found.checks];
  const seconds = (performance.now() - started) / 1000;
  return { ...known, ...found, seconds, checks: all, refusal: force ? undefined : refusalOf(all, claim) };
}

interface Place {
  readonly scratch: string;
  readonly facts: HostFacts;
}

type Found = Pick<TuneResult, 'checks' | 'sweep' | 'proposal' | 'predictions' | 'verification'>;

async function measureAndVerify(
  { seconds, goal, force }: TuneOptions,
  { platform, signal, progress }: TuneSurroundings,
  { scratch, facts }: Place,
): Promise<Found> {
  const started = performance.now();
  const sweep = await sweepDisk({
    platform,
    folder: scratch,
    seconds: seconds * SWEEP_SHARE,
    signal,
    progress: (done, all) => progress(`measuring the disk: ${Math.round((done / all) * 100)} %`),
  });
  const checks = plausibilityChecks(sweep, facts);
  const proposal = propose(sweep, goal, facts.freeBytes);
  const found = { checks, sweep, proposal, predictions: [], verification: undefined };
  const isBelieved = force || failedErrors(checks).length === 0;
  if (proposal === undefined || signal.aborted || !isBelieved) return found;
  const isThorough = seconds >= THOROUGH_SECONDS;
  const left = seconds - (performance.now() - started) / 1000;
  const { freeBytes = Number.POSITIVE_INFINITY } = facts;
  const runs = new EngineRuns({
    folder: scratch,
    ...runTimes(left / (isThorough ? RUNS.thorough : RUNS.quick), freeBytes, sweep),
    signal,
    deadlineMs: started + seconds * 1000,
    progress: (load, settings) =>
      progress(`running the engine: ${load}, ${Object.values(settings).join(', ')}`),
  });
  const plan = {
    goal,
    rounds: isThorough ? 3 : 1,
    isThorough,
    chunkSizeMax: freeBytes * RUN_SPACE_SHARE,
  };
  const verification = await verify(runs, proposal, plan);
  return { ...found, verification, predictions: predictionRows(sweep, runs.all) };
}

/** How long a run and its warm-up are, `seconds` being there for all of it. */
function runTimes(seconds: number, freeBytes: number, { points }: Sweep) {
  const bytesPerSecond = Math.max(1, ...points.map(({ megabytesPerSecond }) => megabytesPerSecond)) * 1e6;
  const most = Math.min(RUN_SECONDS_MAX, (freeBytes * RUN_SPACE_SHARE) / bytesPerSecond);
  const both = Math.min(most, Math.max(RUN_SECONDS_MIN, seconds - RUN_OVERHEAD_SECONDS));
  return { secondsPerRun: Math.max(0.05, both * (1 - WARMUP_SHARE)), warmupSeconds: both * WARMUP_SHARE };
}

/** The error that failed checks come to: the one that has a code of its own if it is alone. */
function refusalOf(checks: readonly CheckRow[], { refusal }: Claim): CairnError | undefined {
  const failed = failedErrors(checks);
  if (failed.length === 0) return undefined;
  if (refusal !== undefined) return refusal;
  const told = failed.map(
    ({ condition, current, required }) => `${condition} is ${current}, required: ${required}`,
  );
  const code = failed.every(({ condition }) => condition === 'free space')
    ? 'disk-full'
    : 'invalid-configuration';
  return new CairnError(code, `${told.join('; ')}. --force goes on all the same`, { checks: failed.length });
}
