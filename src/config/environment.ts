/** Reads options from environment variables, `CAIRN_CHUNK_SIZE` for `ChunkSize`. Pure: the variables are an argument. */
import { ENVIRONMENT_SPELLINGS, oldNameWarning, type Settings } from './names.js';
import { environmentName } from './options.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'CAIRN_';

/** Variables with our prefix that other parts of Cairn read: name → what for, as docs/configuration.md says it. */
export const OTHER_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['CAIRN_DISK', '`native` or `javascript`: which disk path to use, instead of the best one'],
  [
    'CAIRN_URL',
    'the node that client commands talk to when there is no `--url`; several, with commas between, for a cluster',
  ],
  ['CAIRN_SKIP_ADDON', '`1`: `npm ci` does not build the addon'],
  ['CAIRN_DEBUG', '`1`: errors of the command line come with their stack'],
]);

/** What the variables say. An empty variable counts as absent, because that is all some tools can do to unset one. */
export function readEnvironment(environment: Environment): Settings {
  const result: Settings = { settings: [], problems: [], warnings: [] };
  for (const where of Object.keys(environment).sort()) {
    const text = environment[where];
    if (!where.startsWith(PREFIX) || OTHER_VARIABLES.has(where) || text === undefined || text === '')
      continue;
    const found = ENVIRONMENT_SPELLINGS.find(where);
    if (found === undefined) {
      result.problems.push(`${where}: unknown environment variable.${ENVIRONMENT_SPELLINGS.suggest(where)}`);
    } else if (result.settings.some((setting) => setting.name === found.name)) {
      result.problems.push(`${where}: given twice, by an old and a new name`);
    } else {
      if (found.old) result.warnings.push(oldNameWarning(where, environmentName(found.name)));
      result.settings.push({ name: found.name, text, where });
    }
  }
  return result;
}
