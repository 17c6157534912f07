/** `cairn node --help`, from the option table. Pure. */
import type { OptionSpec } from '../config/option-spec.js';
import { commandLineName, OPTION_NAMES, type OptionName, specOf } from '../config/options.js';
import { formatValue, rangeOf } from '../config/values.js';

const INTRODUCTION = `Usage: cairn node [options]

Runs a node. Every option can also be set by an environment variable (--chunk-size: CAIRN_CHUNK_SIZE) or in a YAML file
named by --config (ChunkSize: 256MiB). The command line wins over the environment, the environment over the file.
`;

/** The whole help text. */
export function nodeHelp(): string {
  const shown = OPTION_NAMES.filter((name) => specOf(name).hidden !== true);
  const groups = [...new Set(shown.map((name) => specOf(name).group))];
  const blocks = groups.map((group) => {
    const names = shown.filter((name) => specOf(name).group === group);
    return `\n${group}\n${names.map(optionText).join('')}`;
  });
  return INTRODUCTION + blocks.join('');
}

function optionText(name: OptionName): string {
  const spec = specOf(name);
  const remark = remarkOf(spec);
  return `  ${commandLineName(name)}${spec.kind === 'flag' ? '' : ` <${spec.kind}>`}\n      ${spec.help}${remark}\n`;
}

function remarkOf(spec: OptionSpec): string {
  const standard = `Default: ${formatValue(spec, spec.default)}.`;
  if (spec.kind === 'flag') return spec.default ? ` ${standard}` : '';
  if (spec.default === '' || spec.default.toString() === '') return '';
  if (spec.kind === 'choice') return `\n      One of ${spec.choices.join(', ')}. ${standard}`;
  if (spec.kind === 'size' || spec.kind === 'count')
    return `\n      ${capitalized(rangeOf(spec))}. ${standard}`;
  return ` ${standard}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
