/**
 * From the tree of a regular expression to a nondeterministic automaton over bytes. Pure, any thread. Thompson's construction, built from the end to the
 * start: each part is given the state that follows it. K. Thompson, "Regular Expression Search Algorithm" (1968).
 */
import { type Expression, parsePattern, refusedPattern } from './syntax.js';
import { type ByteRange, byteSequences } from './utf8-ranges.js';

/** A state and where it leads. */
export type NfaState =
  | { readonly kind: 'bytes'; readonly low: number; readonly high: number; readonly next: number }
  /** To both, without a byte. `second` may be set later. */
  | { readonly kind: 'split'; first: number; readonly second: number }
  /** Only at the start, or at the end, of the text. */
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'match' };

export interface Automaton {
  readonly states: readonly NfaState[];
  readonly start: number;
}

/** What one byte of a text may cost at worst: the longest name then takes some milliseconds, or tens of them. */
const STATES_MAX = 500;
/** Parts built, copies counted, of which some need no state. */
const PARTS_MAX = 20_000;

/** Matches any part of a text. Throws `CairnError` `invalid-filter`. */
export function compilePattern(pattern: string): Automaton {
  const builder = new Builder(pattern);
  const match = builder.add({ kind: 'match' });
  const expression = builder.build(parsePattern(pattern), match);
  // Before the match there may be anything.
  const loop = builder.add({ kind: 'split', first: -1, second: expression });
  const skip = builder.add({ kind: 'bytes', low: 0, high: 0xff, next: loop });
  builder.enter(loop, skip);
  return { states: builder.states, start: loop };
}

class Builder {
  readonly states: NfaState[] = [];
  readonly #pattern: string;
  /** Ends that characters of several bytes share. */
  readonly #shared = new Map<string, number>();
  #parts = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  add(state: NfaState): number {
    if (this.states.length === STATES_MAX) throw this.#tooLarge();
    return this.states.push(state) - 1;
  }

  /** Sets where a split that had to be there first leads. */
  enter(split: number, first: number): void {
    const state = this.states[split]!;
    if (state.kind === 'split') state.first = first;
  }

  /** Returns the state with which the expression begins, if what follows it begins with `next`. */
  build(expression: Expression, next: number): number {
    if (++this.#parts > PARTS_MAX) throw this.#tooLarge();
    switch (expression.kind) {
      case 'set':
        return this.#anyOf(
          expression.ranges.flatMap((range) => byteSequences(range)),
          (sequence) => this.#bytes(sequence, next),
        );
      case 'sequence':
        return expression.parts.reduceRight((following, part) => this.build(part, following), next);
      case 'choice':
        return this.#anyOf(expression.parts, (part) => this.build(part, next));
      case 'repeat':
        return this.#repeat(expression, next);
      case 'start':
      case 'end':
        return this.add({ kind: expression.kind, next });
    }
  }

  #tooLarge(): Error {
    return refusedPattern(this.#pattern, `it is too large: more than ${STATES_MAX} states`, 0);
  }

  #bytes(sequence: readonly ByteRange[], next: number): number {
    return sequence.reduceRight((following, [low, high]) => {
      const key = `${low},${high},${following}`;
      const state = this.#shared.get(key) ?? this.add({ kind: 'bytes', low, high, next: following });
      this.#shared.set(key, state);
      return state;
    }, next);
  }

  /** Of nothing to choose from nothing is matched, as by an empty class. */
  #anyOf<Part>(parts: readonly Part[], build: (part: Part) => number): number {
    const nothing: NfaState = { kind: 'bytes', low: 1, high: 0, next: 0 };
    if (parts.length === 0) return this.add(nothing);
    return parts.map(build).reduceRight((second, first) => this.add({ kind: 'split', first, second }));
  }

  #repeat({ part, min, max }: Extract<Expression, { kind: 'repeat' }>, next: number): number {
    let start = next;
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.add({ kind: 'split', first: -1, second: next });
      this.enter(loop, this.build(part, loop));
      start = loop;
    } else {
      for (let i = min; i < max; i++) {
        const first = this.build(part, start);
        start = this.add({ kind: 'split', first, second: next });
      }
    }
    for (let i = 0; i < min; i++) start = this.build(part, start);
    return start;
  }
}
