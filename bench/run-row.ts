/** Runs one row of any bench from its flags, and which rows the floors take. Main thread. */
import { openPlatform } from '../src/native/platform.js';
import { runAppend } from './append.js';
import { runCatchUp } from './catchup.js';
import { parseCatchUpOptions, parseFailoverOptions, parseSlowFollowerOptions } from './cluster-options.js';
import { openEngineTarget } from './engine-target.js';
import { runFailover } from './failover.js';
import { type FlagValues, numberOf } from './flags.js';
import { type Bench, CLUSTER_SUITE, type RowOf, SINGLE_NODE_SUITE, type SuiteRun } from './floors.js';
import { parseAppendOptions, parseReadOptions } from './options.js';
import { runRead } from './read.js';
import type { BenchRow } from './row.js';
import { runSlowFollower } from './slow-follower.js';
import type { SkippedRow, TroubleRow } from './trouble-rows.js';
import { openWsTarget } from './ws-target.js';

/** Short runs, so that the whole suite takes about ten minutes: what it judges by is the median of several. */
const SUITE_SECONDS = '3';

async function runAppendRow(flags: FlagValues): Promise<BenchRow> {
  const options = parseAppendOptions(flags);
  const open = options.mode === 'engine' ? openEngineTarget : openWsTarget;
  return await runAppend(options, openPlatform().disk, open);
}

async function runReadRow(flags: FlagValues): Promise<BenchRow> {
  return await runRead(parseReadOptions(flags), openPlatform().disk);
}

async function runFailoverRow(flags: FlagValues): Promise<TroubleRow> {
  return await runFailover(parseFailoverOptions(flags), openPlatform().disk);
}

async function runCatchUpRow(flags: FlagValues): Promise<TroubleRow> {
  return await runCatchUp(parseCatchUpOptions(flags), openPlatform().disk);
}

async function runSlowFollowerRow(flags: FlagValues): Promise<TroubleRow> {
  return await runSlowFollower(parseSlowFollowerOptions(flags), openPlatform().disk);
}

/** Bench → its row, from the flags of its command. */
export const RUN_ROW = {
  append: runAppendRow,
  read: runReadRow,
  failover: runFailoverRow,
  catchup: runCatchUpRow,
  'slow-follower': runSlowFollowerRow,
} as const satisfies Record<keyof RowOf, (flags: FlagValues) => Promise<BenchRow | TroubleRow>>;

/** Runs a row of the floors, with what the user has set besides. Throws `CairnError`. */
export function runFloorRow(
  { bench, flags: own }: SuiteRun,
  flags: FlagValues,
): Promise<RowOf[Bench] | SkippedRow> {
  return RUN_ROW[bench]({ ...defaultsOf(flags), ...own });
}

/** The floors of one node, of a cluster, or all. Throws `CairnError`. */
export function suiteOf(flags: FlagValues): readonly SuiteRun[] {
  if (flags['nodes'] === undefined) return [...SINGLE_NODE_SUITE, ...CLUSTER_SUITE];
  return numberOf(flags, 'nodes') === 1 ? SINGLE_NODE_SUITE : CLUSTER_SUITE;
}

/** The flags of a suite run that the user may set. */
function defaultsOf(flags: FlagValues): FlagValues {
  const { seconds = SUITE_SECONDS, warmup, eventBytes, syncMode, dir } = flags;
  return { seconds, warmup, eventBytes, syncMode, dir };
}
