/** Reads options from a YAML file: one mapping from the table's names to single values, or lists of them. Pure: the text is an argument. */
import { isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';
import { oldNameWarning, type Settings, YAML_SPELLINGS } from './names.js';
import { specOf } from './options.js';

/** What the file says. `path` is for messages. An empty file says nothing. */
export function readYaml(text: string, path: string): Settings {
  const result: Settings = { settings: [], problems: [], warnings: [] };
  const lineCounter = new LineCounter();
  // The failsafe schema leaves every scalar as text: all sources are parsed by the same rules.
  const document = parseDocument(text, { schema: 'failsafe', lineCounter, prettyErrors: false });
  for (const { message, pos } of document.errors) {
    result.problems.push(`${path}:${lineCounter.linePos(pos[0]).line}: ${message}`);
  }
  if (document.errors.length > 0 || document.contents === null) return result;
  if (!isMap(document.contents)) {
    result.problems.push(`${path}: must hold options, one a line, such as "ChunkSize: 256MiB"`);
    return result;
  }
  for (const pair of document.contents.items) {
    const start = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
    readPair(pair, `${path}:${lineCounter.linePos(start).line}`, result);
  }
  return result;
}

function readPair(pair: Pair, where: string, result: Settings): void {
  const key = isScalar(pair.key) ? String(pair.key.value) : '';
  const found = YAML_SPELLINGS.find(key);
  if (found === undefined) {
    result.problems.push(`${where}: ${key}: unknown option.${YAML_SPELLINGS.suggest(key)}`);
    return;
  }
  const { kind } = specOf(found.name);
  const takesList = kind === 'endpoints' || kind === 'space';
  const text = takesList ? (listText(pair.value) ?? scalarText(pair.value)) : scalarText(pair.value);
  if (text === undefined) {
    result.problems.push(
      `${where}: ${key}: takes ${takesList ? 'a single value or a list of them' : 'a single value'}`,
    );
  } else if (text === '' && !isSeq(pair.value)) {
    result.problems.push(`${where}: ${key}: has no value`);
  } else if (result.settings.some((setting) => setting.name === found.name)) {
    result.problems.push(`${where}: ${key}: given twice, by an old and a new name`);
  } else {
    if (found.old) result.warnings.push(`${where}: ${oldNameWarning(key, found.name)}`);
    result.settings.push({ name: found.name, text, where: `${where}: ${key}` });
  }
}

/** Empty if there is a place for a value and none in it; undefined if it isn't a single value. */
function scalarText(node: unknown): string | undefined {
  return isScalar(node) ? String(node.value ?? '') : undefined;
}

/** The list's items as other sources write them; undefined if it isn't a list of single values. */
function listText(node: unknown): string | undefined {
  if (!isSeq(node)) return undefined;
  const items = node.items.map(scalarText);
  return items.includes(undefined) ? undefined : items.join(',');
}
