/** Options of a node as the files of a deployment set them: by name, with the spelling that the option table gives for each place. Pure. */
import { environmentName, OPTION_NAMES, type OptionName, specOf } from '../../../config/options.js';
import { formatValue } from '../../../config/values.js';

/** Name in the option table → value, as text. */
export type Settings = Readonly<Partial<Record<OptionName, string>>>;

/** What is different from file to file is in the files; this all of them have. */
export const PORT = 2113;
/** There is no TLS yet: other nodes reach this one only if it says so. */
export const REACHABLE: Settings = { NodeIp: '0.0.0.0', Insecure: 'true' };
/** How long a node may take to stop: it makes durable and answers what it has accepted. */
export const STOP_SECONDS = 60;

const COMMENT_WIDTH = 118;

/** As environment variables, in order. */
export function environmentOf(settings: Settings): [name: string, value: string][] {
  return Object.entries(settings).map(([name, value]) => [environmentName(name), value]);
}

/** A configuration file with all options: those that are set, and the others as comments with their defaults. */
export function optionFile(settings: Settings): string {
  const groups = [...new Set(shownOptions().map((name) => specOf(name).group))];
  const blocks = groups.map((group) => {
    const options = shownOptions().filter((name) => specOf(name).group === group);
    return `# ${group}\n\n${options.map((name) => optionText(name, settings)).join('\n')}`;
  });
  return blocks.join('\n');
}

function shownOptions(): OptionName[] {
  return OPTION_NAMES.filter((name) => {
    const { group, hidden } = specOf(name);
    return group !== 'Application' && group !== 'Older' && hidden !== true;
  });
}

function optionText(name: OptionName, settings: Settings): string {
  const value = settings[name];
  const spec = specOf(name);
  const standard = formatValue(spec, spec.default);
  const line =
    value === undefined ? `#${name}:${standard === '' ? '' : ` ${standard}`}` : `${name}: ${value}`;
  return `${comment(spec.help)}${line}\n`;
}

/** Lines that begin with `# `, broken between words. */
function comment(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COMMENT_WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `# ${line}\n`).join('');
}
