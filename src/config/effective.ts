/** What `--what-if` prints: every option, its effective value and where that comes from. Pure. */
import { isForNode, OPTION_NAMES, type OptionValues, specOf } from './options.js';
import type { OptionSources } from './resolve.js';
import { formatValue } from './values.js';

/** Lines to print: a table for people, or one JSON object an option (`option, value, source, where`), sizes in bytes. */
export function effectiveLines(
  values: OptionValues,
  sources: OptionSources,
  output: 'table' | 'json',
): readonly string[] {
  const names = OPTION_NAMES.filter((name) => name === 'Config' || isForNode(specOf(name).group));
  if (output === 'json') {
    return names.map((name) => {
      const value = specOf(name).secret === true ? formatValue(specOf(name), values[name]) : values[name];
      return JSON.stringify({ option: name, value, source: sources[name].kind, where: sources[name].where });
    });
  }
  const rows = names.map((name) => {
    const { kind, where } = sources[name];
    return [name, formatValue(specOf(name), values[name]) || '-', where === '' ? kind : `${kind} (${where})`];
  });
  return tableLines([['Option', 'Value', 'Source'], ...rows]);
}

function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(
    ([name, value, source]) => `${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${source}`,
  );
}
