/**
 * How each source spells an option, and what is said when it spells one that does not exist. Pure.
 */
import { nearest } from './nearest.js';
import { commandLineName, environmentName, OPTION_NAMES, type OptionName, specOf } from './options.js';

/** Where a value can come from, from weakest to strongest. */
export type SourceKind = 'default' | 'yaml' | 'environment' | 'command-line';

/** What one source says about one option, as text. `where` names the place for messages: `--db`, `CAIRN_DB`, `a.yaml:3`. */
export interface Setting {
  readonly name: OptionName;
  readonly text: string;
  readonly where: string;
}

/** All that one source says. Problems are sentences for the user. */
export interface Settings {
  readonly settings: Setting[];
  readonly problems: string[];
  readonly warnings: string[];
}

/** Finds options by the spelling of one source. */
export interface Spellings {
  /** The option of this spelling, and whether it is an old name; undefined if there is none. */
  find(word: string): { readonly name: OptionName; readonly old: boolean } | undefined;
  /** ` Did you mean X?`, or an empty string if nothing is like `word`. */
  suggest(word: string): string;
}

/** The spellings of the options that `kind` can set, aliases included. Suggestions name no alias and nothing hidden. */
function spellingsOf(kind: Exclude<SourceKind, 'default'>, spell: (name: string) => string): Spellings {
  const found = new Map<string, { name: OptionName; old: boolean }>();
  const shown: string[] = [];
  for (const name of OPTION_NAMES) {
    const spec = specOf(name);
    if (!canSet(kind, name)) continue;
    found.set(spell(name), { name, old: false });
    if (spec.hidden !== true) shown.push(spell(name));
    for (const alias of spec.aliases ?? []) found.set(spell(alias), { name, old: true });
  }
  return {
    find: (word) => found.get(word),
    suggest: (word) => {
      const candidate = nearest(word, shown);
      return candidate === undefined ? '' : ` Did you mean ${candidate}?`;
    },
  };
}

/** What steers the command belongs on the command line; only the path of the YAML file may come from the environment. */
function canSet(kind: SourceKind, name: OptionName): boolean {
  if (specOf(name).group !== 'Application' || kind === 'command-line') return true;
  return kind === 'environment' && name === 'Config';
}

export const COMMAND_LINE_SPELLINGS = spellingsOf('command-line', commandLineName);
export const ENVIRONMENT_SPELLINGS = spellingsOf('environment', environmentName);
export const YAML_SPELLINGS = spellingsOf('yaml', (name) => name);

export function oldNameWarning(old: string, current: string): string {
  return `${old} is an old name: use ${current}`;
}
