/** The flags of `cairn bench suite`, turned into what to do. Pure. Throws `CairnError` code `invalid-configuration`. */
import { type FlagValues, numberOf, refused } from '../flags.js';
import { parseOutput, urlsOf } from '../options.js';
import type { RunSettings } from './configuration.js';
import type { SweepPlan } from './run-sweeps.js';
import { planOf, SWEEP_NAMES, type SweepName } from './sweeps.js';

/** As commander gives them: besides text, a switch and a list. */
export interface SuiteFlags {
  readonly quick?: boolean;
  readonly compare?: readonly string[];
  readonly text: FlagValues;
}

export type SuiteTask =
  | {
      readonly kind: 'measure';
      readonly names: readonly SweepName[];
      readonly plan: SweepPlan;
      readonly out: string | undefined;
    }
  | { readonly kind: 'render'; readonly from: string }
  | { readonly kind: 'compare'; readonly before: string; readonly after: string };

export interface SuiteOptions {
  readonly task: SuiteTask;
  readonly output: 'table' | 'json';
  /** Where the HTML page goes. */
  readonly report: string | undefined;
  /** Results of `bench peers` that the page is to show, too. */
  readonly peers: string | undefined;
}

/** Short enough that all of it takes about a minute. */
const QUICK = { seconds: 0.3, warmup: 0.1 } as const;
const FULL = { seconds: 2, warmup: 1 } as const;

export function parseSuiteOptions({ quick = false, compare, text }: SuiteFlags): SuiteOptions {
  const output = parseOutput(text);
  const report = text['report'];
  const peers = text['peers'];
  if (peers !== undefined && report === undefined) throw refused('--peers adds to the page: give --report');
  if (compare !== undefined) {
    const [before, after, ...more] = compare;
    if (before === undefined || after === undefined || more.length > 0)
      throw refused('--compare takes two result files: --compare A.jsonl B.jsonl');
    if (report !== undefined) throw refused('--report is of one run; --compare prints a table');
    return { task: { kind: 'compare', before, after }, output, report, peers };
  }
  const from = text['from'];
  if (from !== undefined) return { task: { kind: 'render', from }, output, report, peers };
  const names = namesOf(text['only']);
  const urls = urlsOf(text);
  const lengths = quick ? QUICK : FULL;
  const settings: RunSettings = {
    seconds: numberOf(text, 'seconds', lengths.seconds),
    warmupSeconds: numberOf(text, 'warmup', lengths.warmup),
    urls,
    directory: text['dir'] ?? '.',
  };
  const points = planOf(names, quick ? 'quick' : 'full', urls.length);
  if (points.length === 0) {
    throw refused('none of these sweeps can be asked of nodes that run already: leave out --only, or --url');
  }
  const plan = { points, repetitions: numberOf(text, 'runs'), settings };
  return { task: { kind: 'measure', names, plan, out: text['out'] }, output, report, peers };
}

function namesOf(text: string | undefined): readonly SweepName[] {
  if (text === undefined) return SWEEP_NAMES;
  return text.split(',').map((word) => {
    const name = SWEEP_NAMES.find((known) => known === word.trim());
    if (name === undefined)
      throw refused(`--only takes some of ${SWEEP_NAMES.join(', ')}, not '${word.trim()}'`);
    return name;
  });
}
