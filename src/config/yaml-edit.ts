/**
 * Puts options into the text of a YAML configuration file and leaves everything else as it is: comments, order, quotes, line ends. Pure. What
 * always holds: reading the result gives what the text said, and the new values.
 */
import { type Document, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { YAML_SPELLINGS } from './names.js';
import type { OptionName } from './options.js';

/** The new values, as the file is to spell them. */
export type OptionTexts = ReadonlyMap<OptionName, string>;

/** A value that stands in the text already. */
interface Place {
  readonly from: number;
  readonly to: number;
}

/**
 * The text with the options set. One that stands there under an old name keeps it. `text` must be what `readYaml` takes without problems:
 * ask that first.
 */
export function editYaml(text: string, options: OptionTexts): string {
  const document = parse(text);
  const changed = [...options].filter(([name, value]) => textOf(document, name) !== value);
  if (changed.length === 0) return text;
  const patched = patch(text, document, new Map(changed));
  const isAsWanted = (each: Document) =>
    each.errors.length === 0 && changed.every(([name, value]) => textOf(each, name) === value);
  if (patched !== undefined && isAsWanted(parse(patched))) return patched;
  return rewritten(document, changed);
}

/** The failsafe schema leaves every scalar as text, as `readYaml` reads it. */
function parse(text: string): Document {
  return parseDocument(text, { schema: 'failsafe' });
}

/** What `readYaml` would find. Spellings of a number or a size count as different, and become the given one. */
function textOf(document: Document, name: OptionName): string | undefined {
  const value = pairOf(document.contents, name)?.value;
  return isScalar(value) ? String(value.value ?? '') : undefined;
}

function pairOf(contents: unknown, name: OptionName): Pair | undefined {
  if (!isMap(contents)) return undefined;
  return contents.items.find(
    ({ key }) => isScalar(key) && YAML_SPELLINGS.find(String(key.value))?.name === name,
  );
}

/** Changes only the bytes of values, and adds lines at the end. Undefined where the file is written in a way that has no such lines. */
function patch(text: string, document: Document, options: OptionTexts): string | undefined {
  const { contents } = document;
  const isEmpty = contents === null || (isScalar(contents) && contents.value === '');
  if (!isEmpty && !(isMap(contents) && contents.flow !== true)) return undefined;
  const replaced: [Place, string][] = [];
  const added: string[] = [];
  for (const [name, value] of options) {
    const node = pairOf(contents, name)?.value;
    if (node === undefined) added.push(`${name}: ${value}`);
    else if (isScalar(node) && node.range) replaced.push([{ from: node.range[0], to: node.range[1] }, value]);
    else return undefined;
  }
  let result = text;
  for (const [{ from, to }, value] of replaced.sort(([a], [b]) => b.from - a.from)) {
    result = result.slice(0, from) + value + result.slice(to);
  }
  const indent = isMap(contents) ? indentOf(text, contents) : '';
  return withLines(
    result,
    added.map((line) => indent + line),
  );
}

/** A mapping may stand indented as a whole. */
function indentOf(text: string, map: YAMLMap): string {
  const key = map.items[0]?.key;
  const at = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
}

function withLines(text: string, lines: readonly string[]): string {
  if (lines.length === 0) return text;
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const gap = text === '' || text.endsWith('\n') ? '' : end;
  return `${text}${gap}${lines.join(end)}${end}`;
}

/** The same by way of the library, which may lay out the file anew; comments stay. */
function rewritten(document: Document, options: readonly [OptionName, string][]): string {
  for (const [name, value] of options) {
    const pair = pairOf(document.contents, name);
    if (pair === undefined) document.set(name, document.createNode(value));
    else pair.value = document.createNode(value);
  }
  return document.toString({ lineWidth: 0 });
}
