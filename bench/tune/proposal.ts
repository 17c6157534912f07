/**
 * From a measurement to the settings that ought to be best, before a real engine has its say. Pure. What it can't tell apart it leaves at the
 * default: a setting is changed for a reason only.
 */
import { isBetter } from './comparison.js';
import { batchForShare, batchRate, batchUs, type CostModel } from './cost-model.js';
import { sizeText } from './host-checks.js';
import { defaultSettings, type Goal, type TunedName, type TunedSettings } from './settings.js';
import { costOf, findPoint, type PointKind, type Sweep } from './sweep-point.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** The share of the disk's full rate that a batch at the cap must reach: the smallest cap that does is the best. */
export const RATE_SHARE: Readonly<Record<Goal, number>> = { latency: 0.5, balanced: 0.8, throughput: 0.95 };

/** Below 64 KiB many appends of an ordinary size are split; the upper end is the option's. */
const CAP_MIN = 64 * KIB;
const CAP_MAX = 16 * MIB;

/** Smaller chunks make many files, larger ones long starts; the option's own end is the upper one. */
const CHUNK_MIN = 64 * MIB;
const CHUNK_MAX = GIB;
/** Making the chunks may take so much of the time in which they fill, at the disk's full rate. */
const MAKING_SHARE_MAX = 0.02;
/** A chunk twice as large must lower that share to this part of it; where all of a chunk is written when it is made, none does. */
const MAKING_GAIN_MAX = 0.8;
/** The active chunk and the prepared one may take this much of what is free. */
const SPACE_SHARE_MAX = 0.1;
/** Prewritten blocks must be so many times as fast for more than one chunk of them to be worth its space. */
const PREWRITING_GAIN_MIN = 1.15;
/** A start reads the active chunk and the prepared ones. How long that may take. */
const START_MS_MAX: Readonly<Record<Goal, number>> = { latency: 2_000, balanced: 4_000, throughput: 8_000 };

export interface Proposal {
  readonly settings: TunedSettings;
  /** Why each is what it is. */
  readonly why: Readonly<Record<TunedName, string>>;
  /** What a batch costs in the proposed mode: to blocks that are merely reserved, and to prewritten ones. */
  readonly fresh: CostModel;
  readonly prewritten: CostModel;
  /** How many times as long a durable write to fresh blocks takes as one to prewritten ones, at 4 KiB and at 1 MiB. */
  readonly prewritingGain: { readonly small: number; readonly large: number } | undefined;
}

/** Undefined if the measurement was interrupted before there was enough of it. */
export function propose(sweep: Sweep, goal: Goal, freeBytes: number | undefined): Proposal | undefined {
  const mode = chooseMode(sweep, goal);
  if (mode === undefined) return undefined;
  const prewritten = costOf(sweep.points, { path: sweep.path, mode: mode.value, blocks: 'prewritten' });
  if (prewritten === undefined) return undefined;
  const fresh = costOf(sweep.points, { path: sweep.path, mode: mode.value, blocks: 'fresh' }) ?? prewritten;
  const cap = chooseCap(goal === 'throughput' ? fresh : prewritten, goal);
  const chunk = chooseChunk(sweep, goal, { freeBytes, rate: batchRate(fresh, cap.value) });
  const gain = prewritingGain(sweep, mode.value);
  const prepared = choosePrepared(gain, goal, { freeBytes, chunkSize: chunk.value });
  return {
    settings: {
      SyncMode: mode.value,
      BatchBytesMax: cap.value,
      ChunkSize: chunk.value,
      PreparedChunks: prepared.value,
    },
    why: { SyncMode: mode.why, BatchBytesMax: cap.why, ChunkSize: chunk.why, PreparedChunks: prepared.why },
    fresh,
    prewritten,
    prewritingGain: gain,
  };
}

interface Choice<Value> {
  readonly value: Value;
  readonly why: string;
}

/** Which mode is the faster one, at what the goal looks at: beyond doubt, or the default. */
function chooseMode(sweep: Sweep, goal: Goal): Choice<TunedSettings['SyncMode']> | undefined {
  const [ofDsync, ofFdatasync] = (['dsync', 'fdatasync'] as const).map((mode) => {
    const [small, large] = [4 * KIB, MIB].map((bytes) =>
      findPoint(sweep.points, { path: sweep.path, mode, blocks: 'prewritten', depth: 1, bytes }),
    );
    return small === undefined || large === undefined ? undefined : { small, large };
  });
  if (ofDsync === undefined || ofFdatasync === undefined) return undefined;
  const merits = (of: NonNullable<typeof ofDsync>) => {
    if (goal !== 'balanced') return (goal === 'latency' ? of.small : of.large).rounds.map((us) => 1 / us);
    return of.small.rounds.map((us, round) => 1 / Math.sqrt(us * (of.large.rounds[round] ?? us)));
  };
  const other = defaultSettings().SyncMode === 'dsync' ? 'fdatasync' : 'dsync';
  const [ofOther, ofDefault] = other === 'dsync' ? [ofDsync, ofFdatasync] : [ofFdatasync, ofDsync];
  const isClear = isBetter(merits(ofOther), merits(ofDefault));
  const [small, large] = [
    ofDsync.small.p50Us / ofFdatasync.small.p50Us,
    ofDsync.large.p50Us / ofFdatasync.large.p50Us,
  ];
  const times = `dsync takes ${small.toFixed(2)} × the time of fdatasync for 4 KiB, ${large.toFixed(2)} × for 1 MiB`;
  if (isClear) return { value: other, why: times };
  return { value: defaultSettings().SyncMode, why: `${times}: not beyond doubt better than the default` };
}

function chooseCap(cost: CostModel, goal: Goal): Choice<number> {
  const share = RATE_SHARE[goal];
  const wanted = batchForShare(cost, share);
  const value = Math.min(CAP_MAX, Math.max(CAP_MIN, powerOfTwoAbove(wanted)));
  const waitMs = (batchUs(cost, value) / 1000).toFixed(2);
  const rate = batchRate(cost, value).toFixed(0);
  const from = wanted === Number.POSITIVE_INFINITY ? 'no size' : sizeText(Math.ceil(wanted));
  const why = `${share * 100} % of the disk's rate is reached from ${from} on; at ${sizeText(value)} a batch takes ${waitMs} ms, ${rate} MB/s`;
  return { value, why };
}

function powerOfTwoAbove(value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

/** The default, unless something speaks against it. `rate` in bytes a microsecond. */
function chooseChunk(
  sweep: Sweep,
  goal: Goal,
  {
    freeBytes = Number.POSITIVE_INFINITY,
    rate,
  }: { readonly freeBytes: number | undefined; readonly rate: number },
): Choice<number> {
  const makingUs = makingTime(sweep);
  const makingShare = (bytes: number) => makingUs(bytes) / (bytes / rate);
  // The active chunk and the one that is prepared are read at a start.
  const startMs = (bytes: number) => (2 * bytes) / sweep.readMegabytesPerSecond / 1000;
  const tooLarge = (bytes: number) =>
    startMs(bytes) > START_MS_MAX[goal] || 2 * bytes > freeBytes * SPACE_SHARE_MAX;
  let value = defaultSettings().ChunkSize;
  while (value > CHUNK_MIN && tooLarge(value)) value /= 2;
  const isWorth = (bytes: number) => makingShare(bytes * 2) < makingShare(bytes) * MAKING_GAIN_MAX;
  while (value < CHUNK_MAX && makingShare(value) > MAKING_SHARE_MAX && isWorth(value) && !tooLarge(value * 2))
    value *= 2;
  const fill = (value / rate / 1e6).toFixed(2);
  const why =
    `at the disk's full rate it fills in ${fill} s; making one takes ${(makingShare(value) * 100).toFixed(1)} % of that, ` +
    `and a start reads this chunk and the next in ${startMs(value).toFixed(0)} ms`;
  return { value, why };
}

/** µs to make a chunk of a size, from those that were made; no time is negative. */
function makingTime({ chunkTimes }: Sweep): (bytes: number) => number {
  const [small, large] = chunkTimes;
  if (small === undefined || large === undefined) return () => 0;
  const perByte = Math.max(0, (large.us - small.us) / (large.bytes - small.bytes));
  return (bytes) => Math.max(0, large.us + (bytes - large.bytes) * perByte);
}

/**
 * A node's zeros keep ahead of a log that grows evenly, with one chunk (`src/preparer/agent.ts`). A second one is for bursts after a rest: it is
 * there already, and the zeros of a third don't compete with the burst.
 */
function choosePrepared(
  gain: Proposal['prewritingGain'],
  goal: Goal,
  {
    freeBytes = Number.POSITIVE_INFINITY,
    chunkSize,
  }: { readonly freeBytes: number | undefined; readonly chunkSize: number },
): Choice<number> {
  const one = defaultSettings().PreparedChunks;
  if (gain === undefined)
    return { value: one, why: 'without the addon all chunks are written in full when they are made' };
  const times = `a write to prewritten blocks is ${gain.small.toFixed(2)} times as fast for 4 KiB, ${gain.large.toFixed(2)} times for 1 MiB`;
  if (goal === 'throughput')
    return {
      value: one,
      why: `${times}; a log at full rate outruns the zeros, however many chunks are ahead`,
    };
  if (gain.small < PREWRITING_GAIN_MIN) return { value: one, why: `${times}: not enough for a second one` };
  if (3 * chunkSize > freeBytes * SPACE_SHARE_MAX)
    return { value: one, why: `${times}; there is no room for a second one` };
  return { value: 2, why: `${times}: a burst after a rest finds two chunks of them` };
}

function prewritingGain(sweep: Sweep, mode: TunedSettings['SyncMode']): Proposal['prewritingGain'] {
  const ratioAt = (bytes: number) => {
    const at = (blocks: PointKind['blocks']) =>
      findPoint(sweep.points, { path: sweep.path, mode, blocks, depth: 1, bytes })?.p50Us;
    const [prewritten, fresh] = [at('prewritten'), at('fresh')];
    return prewritten === undefined || fresh === undefined ? undefined : fresh / prewritten;
  };
  const [small, large] = [ratioAt(4 * KIB), ratioAt(MIB)];
  return small === undefined || large === undefined ? undefined : { small, large };
}
