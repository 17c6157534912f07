/** The tables of docs/configuration.md, as they follow from the option table. */
import { OTHER_VARIABLES } from '../../src/config/environment.js';
import type { OptionGroup } from '../../src/config/option-spec.js';
import { OPTION_NAMES, type OptionName, specOf } from '../../src/config/options.js';
import { SPACE_MARKS } from '../../src/config/space-mark.js';
import { endpointsIn, formatValue, rangeOf, wordsOf } from '../../src/config/values.js';

/** The rows of one group's table, header included. */
export function groupTable(group: OptionGroup): string {
  const names = OPTION_NAMES.filter((name) => specOf(name).group === group && specOf(name).hidden !== true);
  const header = '| option | default | values | what it does |\n|---|---|---|---|\n';
  return header + names.map((name) => `| ${optionRow(name).join(' | ')} |\n`).join('');
}

function optionRow(name: OptionName): string[] {
  const spec = specOf(name);
  const old = spec.aliases === undefined ? '' : ` Old names: ${spec.aliases.join(', ')}.`;
  const standard = formatValue(spec, spec.default);
  return [`\`${name}\``, standard === '' ? '–' : `\`${standard}\``, valuesOf(name), spec.help + old];
}

function valuesOf(name: OptionName): string {
  const spec = specOf(name);
  switch (spec.kind) {
    case 'size':
    case 'count':
      return rangeOf(spec);
    case 'choice':
      return spec.choices.join(', ');
    case 'flag':
      return 'true, false';
    case 'address':
      return 'an IP address';
    case 'path':
      return 'a path';
    case 'host':
      return 'a host name or an IP address';
    case 'text':
      return wordsOf(spec);
    case 'space':
      return SPACE_MARKS;
    case 'endpoints':
      return endpointsIn(spec);
  }
}

/** The rows about environment variables that are no options. */
export function variableTable(): string {
  const rows = [...OTHER_VARIABLES].map(([name, purpose]) => `| \`${name}\` | ${purpose} |\n`);
  return `| variable | what for |\n|---|---|\n${rows.join('')}`;
}
