import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OptionGroup } from '../../src/config/option-spec.js';
import { commandLineName, environmentName, OPTION_NAMES, specOf } from '../../src/config/options.js';
import { groupTable, variableTable } from './documentation.js';

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const groups: OptionGroup[] = [...new Set(OPTION_NAMES.map((name) => specOf(name).group))];

/** The first table behind a heading. */
function tableUnder(heading: string): string {
  const section = text.slice(text.indexOf(`\n${heading}\n`));
  return /(?:^\|.*\n)+/m.exec(section)?.[0] ?? '';
}

describe('docs/configuration.md', () => {
  it.each(groups)('holds the table of the group %s, as it follows from the option table', (group) => {
    expect(tableUnder(`### ${group}`)).toBe(groupTable(group));
  });

  it('holds the table of environment variables that are no options', () => {
    expect(tableUnder('## Other variables')).toBe(variableTable());
  });
});

describe('the spelling of an option', () => {
  it.each([
    ['Db', '--db', 'CAIRN_DB'],
    ['ChunkSize', '--chunk-size', 'CAIRN_CHUNK_SIZE'],
    ['MaxInFlightAppends', '--max-in-flight-appends', 'CAIRN_MAX_IN_FLIGHT_APPENDS'],
  ])('%s is %s and %s', (name, onCommandLine, inEnvironment) => {
    expect([commandLineName(name), environmentName(name)]).toEqual([onCommandLine, inEnvironment]);
  });
});
