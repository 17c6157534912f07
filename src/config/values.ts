/**
 * Text → value of an option, and back to text for people. Pure; main thread, at start only. What always holds: a value
 * that `parseValue` returns satisfies its row of the table.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { unreachable } from '../base/assert.js';
import { formatEndpoint, parseEndpoint, parseHost } from '../base/endpoint.js';
import type { ChoiceSpec, EndpointsSpec, NumberSpec, OptionSpec, WordSpec } from './option-spec.js';
import { sizeOf } from './sizes.js';
import { parseSpaceMark, SPACE_MARKS } from './space-mark.js';

export type OptionValue = string | number | boolean | readonly string[];

/** A value, or what was expected instead, in words that follow "must be". */
export type ParsedValue =
  | { readonly kind: 'value'; readonly value: OptionValue }
  | { readonly kind: 'invalid'; readonly expected: string };

const FLAG_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

const COUNT_PATTERN = /^(?:\d+|-[1-9]\d*)$/;
/** A word in one line: no control characters. */
const WORD_PATTERN = /^\P{Cc}*$/u;

const TEXT_ENCODER = new TextEncoder();

/** Parses what a source says for an option. Relative paths are resolved against `workingFolder`. */
export function parseValue(spec: OptionSpec, text: string, workingFolder: string): ParsedValue {
  switch (spec.kind) {
    case 'size':
    case 'count':
      return parseNumber(spec, text);
    case 'choice':
      return parseChoice(spec, text);
    case 'flag':
      return parsed(FLAG_WORDS.get(text.toLowerCase()), 'true or false');
    case 'address':
      return parsed(isIP(text) === 0 ? undefined : text, 'an IP address, such as 127.0.0.1 or ::1');
    case 'path':
      return parsed(text === '' || text.includes('\0') ? undefined : resolve(workingFolder, text), 'a path');
    case 'host':
      return parsed(text === '' ? '' : parseHost(text), 'a host name or an IP address');
    case 'text':
      return parsed(isWord(spec, text) ? text : undefined, wordsOf(spec));
    case 'space':
      return parsed(parseSpaceMark(text) === undefined ? undefined : text.replaceAll(' ', ''), SPACE_MARKS);
    case 'endpoints':
      return parsed(endpointsOf(spec, text), `${endpointsIn(spec)}, with commas between them`);
    default:
      return unreachable(spec);
  }
}

function parsed(value: OptionValue | undefined, expected: string): ParsedValue {
  return value === undefined ? { kind: 'invalid', expected } : { kind: 'value', value };
}

function parseNumber(spec: NumberSpec, text: string): ParsedValue {
  const value = spec.kind === 'size' ? sizeOf(text) : countOf(text);
  const hint = spec.kind === 'size' && value === undefined ? ', written like 65536, 64k or 64KiB' : '';
  return parsed(value !== undefined && isInRange(spec, value) ? value : undefined, rangeOf(spec) + hint);
}

function countOf(text: string): number | undefined {
  return COUNT_PATTERN.test(text) ? Number(text) : undefined;
}

function isInRange(spec: NumberSpec, value: number): boolean {
  if (!Number.isSafeInteger(value) || value < spec.min || value > spec.max) return false;
  if (spec.powerOfTwo === true && !Number.isInteger(Math.log2(value))) return false;
  return spec.multipleOf === undefined || value % spec.multipleOf === 0;
}

function parseChoice(spec: ChoiceSpec, text: string): ParsedValue {
  const word = text.toLowerCase();
  const choice = spec.choices.find((candidate) => candidate.toLowerCase() === word);
  return parsed(choice ?? new Map(Object.entries(spec.spellings ?? {})).get(word), spec.choices.join(', '));
}

function isWord({ bytesMax }: WordSpec, text: string): boolean {
  return WORD_PATTERN.test(text) && TEXT_ENCODER.encode(text).length <= bytesMax;
}

function endpointsOf({ itemsMax }: EndpointsSpec, text: string): readonly string[] | undefined {
  const words = text.split(',').map((word) => word.trim());
  const endpoints = words.filter((word) => word !== '').map(parseEndpoint);
  if (endpoints.length > itemsMax) return undefined;
  const names: string[] = [];
  for (const endpoint of endpoints) {
    if (endpoint === undefined) return undefined;
    names.push(formatEndpoint(endpoint));
  }
  return [...new Set(names)];
}

/** Which texts an option takes, in words. */
export function wordsOf({ bytesMax }: WordSpec): string {
  return `one line of text, at most ${bytesMax} bytes`;
}

/** Which addresses an option takes, in words. */
export function endpointsIn({ itemsMax }: EndpointsSpec): string {
  return `up to ${itemsMax} addresses like node-1:2113 or [::1]:2113`;
}

/** Which numbers an option takes, in words: `a power of two from 1 MiB to 1 GiB`. */
export function rangeOf(spec: NumberSpec): string {
  const bounds = `from ${formatNumber(spec, spec.min)} to ${formatNumber(spec, spec.max)}`;
  if (spec.powerOfTwo === true) return `a power of two ${bounds}`;
  if (spec.multipleOf !== undefined) return `a multiple of ${spec.multipleOf} ${bounds}`;
  return `${spec.kind === 'size' ? 'a size' : 'a whole number'} ${bounds}`;
}

function formatNumber(spec: NumberSpec, value: number): string {
  return spec.kind === 'size' ? formatSize(value) : String(value);
}

/** Bytes for people, exact: `256 MiB`, `1000 bytes`. */
export function formatSize(bytes: number): string {
  for (const [name, unit] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit} ${name}`;
  }
  return `${bytes} bytes`;
}

/** A value for people. A secret is not shown. */
export function formatValue(spec: OptionSpec, value: OptionValue): string {
  if (spec.secret === true) return '********';
  if (typeof value === 'object') return value.join(', ');
  return spec.kind === 'size' && typeof value === 'number' ? formatSize(value) : String(value);
}
