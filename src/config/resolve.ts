/**
 * From arguments, environment and file to the options of a node. Pure: what it reads is handed in. Weakest to strongest:
 * default, YAML file, environment, command line. What always holds: all problems come back at once.
 */
import { readCommandLine } from './command-line.js';
import { type Environment, readEnvironment } from './environment.js';
import type { Setting, Settings, SourceKind } from './names.js';
import {
  defaultValues,
  type NodeOptions,
  nodeOptionsOf,
  OPTION_NAMES,
  type OptionName,
  type OptionValues,
  specOf,
} from './options.js';
import { applyRules } from './rules.js';
import { type OptionValue, parseValue } from './values.js';
import { readYaml } from './yaml-file.js';

/** What options are resolved from. */
export interface ConfigurationInput {
  /** The arguments behind `cairn node`. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  /** What relative paths are relative to, wherever they are written. */
  readonly workingFolder: string;
  /** The text of a file; throws if it can't be read. Called at most once, for the file that Config names. */
  readonly readFile: (path: string) => string;
}

/** Where an option's value comes from. `where` is for people: `--db`, `CAIRN_DB`, `cairn.yaml:3: Db`. */
export interface OptionSource {
  readonly kind: SourceKind;
  readonly where: string;
}

export type OptionSources = Record<OptionName, OptionSource>;

/** The options, or all that is wrong with them; or the user asked for help or the version, whatever else was given. */
export type Resolution =
  | {
      readonly kind: 'ok';
      readonly options: NodeOptions;
      readonly values: OptionValues;
      readonly sources: OptionSources;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

export function resolveOptions(input: ConfigurationInput): Resolution {
  const commandLine = readCommandLine(input.argv);
  if (isSet(commandLine, 'Help')) return { kind: 'help' };
  if (isSet(commandLine, 'Version')) return { kind: 'version' };
  const environment = readEnvironment(input.environment);
  const yaml = readConfigFile(input, settingOf(commandLine, 'Config') ?? settingOf(environment, 'Config'));
  const layers = [
    ['yaml', yaml],
    ['environment', environment],
    ['command-line', commandLine],
  ] as const;

  const values = defaultValues();
  values.Db = parsePath(values.Db, input.workingFolder);
  const sources = defaultSources();
  const problems = layers.flatMap(([, layer]) => layer.problems);
  for (const [kind, layer] of layers) {
    for (const setting of layer.settings) {
      const problem = applySetting(setting, input.workingFolder, values);
      if (problem !== undefined) problems.push(problem);
      sources[setting.name] = { kind, where: setting.where };
    }
  }
  const rules = applyRules(values, (name) => sources[name].kind === 'default');
  for (const [name, { kind, option }] of rules.adjusted)
    sources[name] = { kind: 'default', where: `${kind} ${option}` };
  problems.push(...rules.problems);
  if (problems.length > 0) return { kind: 'invalid', problems };
  const warnings = [...layers.flatMap(([, layer]) => layer.warnings), ...rules.warnings];
  return { kind: 'ok', options: nodeOptionsOf(values), values, sources, warnings };
}

function isSet(settings: Settings, name: 'Help' | 'Version'): boolean {
  return settingOf(settings, name)?.text === 'true';
}

function settingOf(settings: Settings, name: OptionName): Setting | undefined {
  return settings.settings.find((setting) => setting.name === name);
}

function readConfigFile(input: ConfigurationInput, setting: Setting | undefined): Settings {
  if (setting === undefined || setting.text === '') return { settings: [], problems: [], warnings: [] };
  let text: string;
  try {
    text = input.readFile(parsePath(setting.text, input.workingFolder));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      settings: [],
      problems: [`${setting.where} ${setting.text}: can't be read: ${reason}`],
      warnings: [],
    };
  }
  return readYaml(text, setting.text);
}

function parsePath(text: string, workingFolder: string): string {
  const result = parseValue(specOf('Db'), text, workingFolder);
  return result.kind === 'value' ? String(result.value) : text;
}

/** Puts the setting into `values`, or returns what is wrong with it. */
function applySetting(setting: Setting, workingFolder: string, values: OptionValues): string | undefined {
  const spec = specOf(setting.name);
  const result = parseValue(spec, setting.text, workingFolder);
  if (result.kind === 'invalid') {
    const given = spec.secret === true ? '' : ` ${JSON.stringify(setting.text)}`;
    return `${setting.where}${given}: must be ${result.expected}`;
  }
  // The table's row has checked the kind of the value.
  (values as Record<OptionName, OptionValue>)[setting.name] = result.value;
  return undefined;
}

function defaultSources(): OptionSources {
  return Object.fromEntries(
    OPTION_NAMES.map((name) => [name, { kind: 'default', where: '' }]),
  ) as OptionSources;
}
