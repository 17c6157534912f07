/** What `cairn tune disk` is asked to do, from its flags. Pure, but for the configuration file that `--apply` names. */
import { resolve } from 'node:path';
import { choiceOf, type FlagValues, numberOf, refused } from '../flags.js';
import { type ConfigurationFile, readConfiguration } from './configuration-file.js';
import { GOALS, type Goal } from './settings.js';

export interface TuneOptions {
  readonly folder: string;
  readonly goal: Goal;
  readonly seconds: number;
  readonly force: boolean;
  readonly output: 'table' | 'json';
  /** Where the tuned options are written as a configuration file of their own. */
  readonly out: string | undefined;
  /** The configuration file that they are put into. */
  readonly apply: ConfigurationFile | undefined;
  readonly report: string | undefined;
}

const SECONDS_DEFAULT = 30;
/** Below this no point has enough writes for a median, above it nothing gets better. */
const SECONDS_MIN = 5;
const SECONDS_MAX = 600;

/** Throws `CairnError` `invalid-configuration`. */
export function parseTuneOptions(flags: FlagValues, force: boolean, workingFolder: string): TuneOptions {
  const seconds = numberOf(flags, 'seconds', SECONDS_DEFAULT);
  if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
    throw refused(
      `--seconds takes a number from ${SECONDS_MIN} to ${SECONDS_MAX}, not '${flags['seconds']}'`,
    );
  const pathOf = (name: string) => {
    const text = flags[name];
    if (text === '') throw refused(`--${name} takes the path of a file`);
    return text === undefined ? undefined : resolve(workingFolder, text);
  };
  const goal = choiceOf(flags, 'goal', GOALS, 'balanced');
  const output = choiceOf(flags, 'output', ['table', 'json'], 'table');
  const [out, applied, report] = [pathOf('out'), pathOf('apply'), pathOf('report')];
  const named = [out, applied, report].filter((path) => path !== undefined);
  if (new Set(named).size < named.length) throw refused('--out, --apply and --report name the same file');
  const apply = applied === undefined ? undefined : readConfiguration(applied, workingFolder);
  const folder = pathOf('db') ?? apply?.folder ?? resolve(workingFolder, 'data');
  return { folder, goal, seconds, force, output, out, apply, report };
}
