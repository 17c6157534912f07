/**
 * Regular expressions for names, as text and as a tree. Pure, any thread. The part of the usual syntax that an automaton can match in linear time, and no
 * more: what is not understood is refused, never ignored. docs/protocol.md, "Filters", lists it.
 */
import { CairnError } from '../base/errors.js';

/** Inclusive, of code points. */
export type CodeRange = readonly [low: number, high: number];

export type Expression =
  /** One character of these. */
  | { readonly kind: 'set'; readonly ranges: readonly CodeRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly parts: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly part: Expression; readonly min: number; readonly max: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' };

const CODE_POINT_MAX = 0x10ffff;
/** Groups inside each other: far more than a person can read, and far less than the stack holds. */
const DEPTH_MAX = 50;
/** In `{m,n}`: each repetition is a copy. */
const REPEAT_MAX = 1000;

const DIGIT: readonly CodeRange[] = [[0x30, 0x39]];
const SPACE: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const WORD: readonly CodeRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const ANY: readonly CodeRange[] = [[0, CODE_POINT_MAX]];
/** By letter behind a backslash; the upper-case letter is the opposite. */
const CLASSES = new Map([
  ['d', DIGIT],
  ['s', SPACE],
  ['w', WORD],
]);
const CONTROLS = new Map([
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['v', 0x0b],
]);

/** Throws `CairnError` `invalid-filter`. */
export function parsePattern(pattern: string): Expression {
  return new Parser(pattern).parse();
}

/** Everything but these. */
function complement(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  const others: CodeRange[] = [];
  let from = 0;
  for (const [low, high] of sorted) {
    if (low > from) others.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= CODE_POINT_MAX) others.push([from, CODE_POINT_MAX]);
  return others;
}

class Parser {
  readonly #pattern: string;
  /** Characters, not halves of them. */
  readonly #text: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#text = Array.from(pattern);
  }

  parse(): Expression {
    const expression = this.#choice();
    if (this.#at < this.#text.length) throw this.#refused('there is no ( to this )');
    return expression;
  }

  #choice(): Expression {
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#text.length && this.#peek !== '|' && this.#peek !== ')')
      parts.push(this.#repeated());
    return { kind: 'sequence', parts };
  }

  #repeated(): Expression {
    const at = this.#at;
    const part = this.#atom();
    const count = this.#count();
    if (count === undefined) return part;
    if (part.kind === 'start' || part.kind === 'end')
      throw this.#refused('nothing that could be repeated', at);
    // Whether as few or as many as possible are taken makes no difference to whether there is a match.
    this.#takes('?');
    if ('*+?{'.includes(this.#peek ?? ' ')) throw this.#refused('a repetition of a repetition: use a group');
    return { kind: 'repeat', part, ...count };
  }

  #atom(): Expression {
    const character = this.#text[this.#at++]!;
    switch (character) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'set', ranges: ANY };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', ranges: this.#class() };
      case '\\':
        return { kind: 'set', ranges: this.#escape() };
      case '*':
      case '+':
      case '?':
      case '{':
        throw this.#refused('there is nothing to repeat', this.#at - 1);
      default:
        return { kind: 'set', ranges: [only(character)] };
    }
  }

  #group(): Expression {
    const at = this.#at - 1;
    if (this.#takes('?') && !this.#takes(':'))
      throw this.#refused('of the groups with (? only (?: is understood', at);
    if (++this.#depth > DEPTH_MAX) throw this.#refused(`more than ${DEPTH_MAX} groups inside each other`, at);
    const inside = this.#choice();
    if (!this.#takes(')')) throw this.#refused('there is no ) to this (', at);
    this.#depth--;
    return inside;
  }

  /** Behind the `[`. */
  #class(): readonly CodeRange[] {
    const at = this.#at - 1;
    const isNegated = this.#takes('^');
    const ranges: CodeRange[] = [];
    for (let isFirst = true; isFirst || this.#peek !== ']'; isFirst = false) {
      if (this.#at >= this.#text.length) throw this.#refused('there is no ] to this [', at);
      ranges.push(...this.#classItem());
    }
    this.#at++;
    return isNegated ? complement(ranges) : ranges;
  }

  #classItem(): readonly CodeRange[] {
    const at = this.#at;
    const low = this.#classCharacter();
    if (this.#peek !== '-' || (this.#text[this.#at + 1] ?? ']') === ']') return low;
    this.#at++;
    const high = this.#classCharacter();
    const [from, to] = [single(low), single(high)];
    if (from === undefined || to === undefined || from > to)
      throw this.#refused('a range goes from a character to a later one', at);
    return [[from, to]];
  }

  #classCharacter(): readonly CodeRange[] {
    const character = this.#text[this.#at++]!;
    return character === '\\' ? this.#escape() : [only(character)];
  }

  /** Behind the backslash. */
  #escape(): readonly CodeRange[] {
    const at = this.#at - 1;
    const letter = this.#text[this.#at++];
    if (letter === undefined) throw this.#refused('a backslash ends the pattern', at);
    const control = CONTROLS.get(letter);
    if (control !== undefined) return [[control, control]];
    const named = CLASSES.get(letter);
    if (named !== undefined) return named;
    const opposite = CLASSES.get(letter.toLowerCase());
    if (opposite !== undefined) return complement(opposite);
    if (letter === 'x') return [this.#hexadecimal(2, at)];
    if (letter === 'u') return [this.#hexadecimal(4, at)];
    if (/[A-Za-z0-9]/.test(letter)) throw this.#refused(`\\${letter} is not understood`, at);
    return [only(letter)];
  }

  /** So many digits, or any number in braces. */
  #hexadecimal(digits: number, at: number): CodeRange {
    const rest = this.#text.slice(this.#at, this.#at + 10).join('');
    const [whole, braced, plain] = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]+))/.exec(rest) ?? [];
    const text = braced ?? plain?.slice(0, digits) ?? '';
    const code = Number.parseInt(text, 16);
    if (whole === undefined || (braced === undefined && text.length < digits) || code > CODE_POINT_MAX)
      throw this.#refused('not the number of a character', at);
    this.#at += braced === undefined ? digits : whole.length;
    return [code, code];
  }

  /** How often, if that is said here. */
  #count(): { readonly min: number; readonly max: number } | undefined {
    if (this.#takes('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#takes('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#takes('?')) return { min: 0, max: 1 };
    if (this.#peek !== '{') return undefined;
    const at = this.#at;
    const end = this.#text.indexOf('}', at);
    const [, low, comma, high] =
      /^\{(\d{1,4})(,?)(\d{0,4})$/.exec(this.#text.slice(at, Math.max(at, end)).join('')) ?? [];
    if (low === undefined || (comma === '' && high !== ''))
      throw this.#refused('a count is {n}, {n,} or {n,m}', at);
    const min = Number(low);
    const max = comma === '' ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    if (min > max || min > REPEAT_MAX || (max > REPEAT_MAX && max !== Number.POSITIVE_INFINITY))
      throw this.#refused(`a count is at most ${REPEAT_MAX}, and its second number not below the first`, at);
    this.#at = end + 1;
    return { min, max };
  }

  get #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #takes(character: string): boolean {
    if (this.#peek !== character) return false;
    this.#at++;
    return true;
  }

  #refused(what: string, at = this.#at): CairnError {
    return refusedPattern(this.#pattern, what, at);
  }
}

/** A pattern that can't be used. */
export function refusedPattern(pattern: string, what: string, at: number): CairnError {
  return new CairnError('invalid-filter', `the pattern can't be used: ${what} (at character ${at})`, {
    pattern,
    at,
  });
}

function only(character: string): CodeRange {
  const code = character.codePointAt(0)!;
  return [code, code];
}

/** The character, if it is one. */
function single(ranges: readonly CodeRange[]): number | undefined {
  const [first] = ranges;
  return ranges.length === 1 && first![0] === first![1] ? first![0] : undefined;
}
