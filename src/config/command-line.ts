/** Reads options from the arguments of `cairn node`: `--name value`, `--name=value`, flags without a value. Pure. */
import { COMMAND_LINE_SPELLINGS, oldNameWarning, type Settings } from './names.js';
import { commandLineName, type OptionName, specOf } from './options.js';

const SHORT_FORMS: ReadonlyMap<string, string> = new Map([
  ['-h', '--help'],
  ['-o', '--output'],
]);

/** A flag takes a following word only if it is one of these. */
const FLAG_VALUES: ReadonlySet<string> = new Set(['true', 'false']);

/** What the arguments say. Each option may be given once. */
export function readCommandLine(argv: readonly string[]): Settings {
  const result: Settings = { settings: [], problems: [], warnings: [] };
  for (let at = 0; at < argv.length; ) at += readArgument(argv, at, result);
  return result;
}

/** Reads the option at `at` into `result`; returns how many arguments it took. */
function readArgument(argv: readonly string[], at: number, result: Settings): number {
  const argument = argv[at]!;
  if (!argument.startsWith('-')) {
    result.problems.push(`${JSON.stringify(argument)}: an option starts with --`);
    return 1;
  }
  const equals = argument.indexOf('=');
  const given = equals < 0 ? argument : argument.slice(0, equals);
  const inline = equals < 0 ? undefined : argument.slice(equals + 1);
  const found = COMMAND_LINE_SPELLINGS.find(SHORT_FORMS.get(given) ?? given);
  const next = inline === undefined ? argv[at + 1] : undefined;
  if (found === undefined) {
    result.problems.push(`${given}: unknown option.${COMMAND_LINE_SPELLINGS.suggest(given)}`);
    return next === undefined || next.startsWith('-') ? 1 : 2;
  }
  if (found.old) result.warnings.push(oldNameWarning(given, commandLineName(found.name)));
  if (inline !== undefined) {
    add(result, found.name, inline, given);
    return 1;
  }
  if (specOf(found.name).kind === 'flag') {
    const taken = next !== undefined && FLAG_VALUES.has(next);
    add(result, found.name, taken ? next : 'true', given);
    return taken ? 2 : 1;
  }
  if (next === undefined || next.startsWith('--')) {
    result.problems.push(`${given}: has no value`);
    return 1;
  }
  add(result, found.name, next, given);
  return 2;
}

function add(result: Settings, name: OptionName, text: string, where: string): void {
  if (result.settings.some((setting) => setting.name === name)) result.problems.push(`${where}: given twice`);
  else result.settings.push({ name, text, where });
}
