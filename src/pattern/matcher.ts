/**
 * Whether a text has a part that fits a regular expression: the automaton is made deterministic as far as the texts need it, and what was made is kept.
 * Pure, any thread. Every text takes time in proportion to its length; `work` counts it, so that the caller can leave off in time. Lazy
 * construction with a bounded cache: R. Cox, "Regular Expression Matching in the Wild" (2010).
 */
import { compilePattern, type NfaState } from './automaton.js';

/** Kept at most; then all are forgotten, and made anew as they are needed: at most some hundred kilobytes a pattern. */
const STATES_MAX = 256;

const UNKNOWN = -1;
const ACCEPTS = { no: 0, atEnd: 1, now: 2 } as const;
type Acceptance = (typeof ACCEPTS)[keyof typeof ACCEPTS];

/** What a state of the automaton is, as a number. */
const KIND = { bytes: 0, split: 1, start: 2, end: 3, match: 4 } as const satisfies Record<
  NfaState['kind'],
  number
>;
/** Where in a text a search without a byte is: at its start, its end, or between. */
type Place = typeof KIND.start | typeof KIND.end | -1;
const MIDDLE = -1;

/** The automaton's states in plain memory: looked at by the million where a pattern is expensive. */
class StateTable {
  readonly size: number;
  readonly kind: Uint8Array;
  readonly low: Uint8Array;
  readonly high: Uint8Array;
  /** Where a state leads; of a split the first way. */
  readonly next: Int32Array;
  readonly second: Int32Array;

  constructor(states: readonly NfaState[]) {
    this.size = states.length;
    this.kind = Uint8Array.from(states, ({ kind }) => KIND[kind]);
    this.low = Uint8Array.from(states, (state) => (state.kind === 'bytes' ? state.low : 1));
    this.high = Uint8Array.from(states, (state) => (state.kind === 'bytes' ? state.high : 0));
    this.next = Int32Array.from(states, (state) =>
      state.kind === 'match' ? 0 : state.kind === 'split' ? state.first : state.next,
    );
    this.second = Int32Array.from(states, (state) => (state.kind === 'split' ? state.second : 0));
  }
}

/** A set of states of the automaton, as one state. */
interface DfaState {
  /** Those that wait for a byte, for the end, or are the match; ascending. */
  readonly members: Int32Array;
  /** By byte class: number of the next state, or unknown. */
  readonly next: Int32Array;
  readonly acceptance: Acceptance;
}

export class Matcher {
  /** Steps taken since it was made; one is worth some nanoseconds, more for patterns that need many states. */
  work = 0;
  /** How often all states were forgotten: never, unless the pattern has very many. */
  forgotten = 0;
  readonly #table: StateTable;
  readonly #first: number;
  /** By byte: its class. No state tells the bytes of one class apart. */
  readonly #classOf = new Uint8Array(256);
  /** By class: one of its bytes. */
  readonly #byteOf: number[] = [];
  readonly #states: DfaState[] = [];
  /** Numbers of states by the hash of their members. */
  readonly #numbers = new Map<number, number[]>();
  #start = UNKNOWN;
  /** By state of the automaton: in which search it was reached last. */
  readonly #reached: Int32Array;
  #search = 0;
  /** States that a search has still to look at; twice as many as there are, since each may lead to two. */
  readonly #open: Int32Array;
  /** What a search has found. */
  readonly #members: Int32Array;

  /** Throws `CairnError` `invalid-filter`. */
  constructor(pattern: string) {
    const { states, start } = compilePattern(pattern);
    this.#table = new StateTable(states);
    this.#first = start;
    this.#reached = new Int32Array(states.length);
    this.#open = new Int32Array(2 * states.length + 2);
    this.#members = new Int32Array(states.length);
    this.#classify();
  }

  matches(bytes: Uint8Array, at: number, length: number): boolean {
    if (this.#start === UNKNOWN) {
      this.#begin();
      this.#reach(this.#first, KIND.start);
      this.#start = this.#numberOf(this.#found());
    }
    let state = this.#states[this.#start]!;
    this.work += length;
    for (let i = at; i < at + length; i++) {
      if (state.acceptance === ACCEPTS.now) return true;
      const byteClass = this.#classOf[bytes[i]!]!;
      const known = state.next[byteClass]!;
      state = known === UNKNOWN ? this.#step(state, byteClass) : this.#states[known]!;
    }
    return state.acceptance !== ACCEPTS.no;
  }

  #classify(): void {
    const isFirst = new Uint8Array(257);
    const { size, kind, low, high } = this.#table;
    for (let state = 0; state < size; state++) {
      if (kind[state] !== KIND.bytes) continue;
      isFirst[low[state]!] = 1;
      isFirst[high[state]! + 1] = 1;
    }
    for (let byte = 0; byte < 256; byte++) {
      if (byte === 0 || isFirst[byte] === 1) this.#byteOf.push(byte);
      this.#classOf[byte] = this.#byteOf.length - 1;
    }
  }

  /** The state behind a byte of this class, made and noted. */
  #step(from: DfaState, byteClass: number): DfaState {
    const byte = this.#byteOf[byteClass]!;
    const { low, high, next } = this.#table;
    this.#begin();
    // Only a state that waits for a byte has one that is neither below `low` nor above `high`.
    const { members } = from;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (byte >= low[member]! && byte <= high[member]!) this.#reach(next[member]!, MIDDLE);
    }
    const { forgotten } = this;
    const number = this.#numberOf(this.#found());
    // If all were forgotten just now, `from` has no number any more, and its own are of no use.
    if (forgotten === this.forgotten) from.next[byteClass] = number;
    return this.#states[number]!;
  }

  /** The number of a set of states. Forgets all others first if there are too many. */
  #numberOf(members: Int32Array): number {
    const hash = hashOf(members);
    const known = this.#numbers.get(hash)?.find((number) => isSame(this.#states[number]!.members, members));
    if (known !== undefined) return known;
    if (this.#states.length >= STATES_MAX) {
      this.#states.length = 0;
      this.#numbers.clear();
      this.#start = UNKNOWN;
      this.forgotten++;
    }
    const next = new Int32Array(this.#byteOf.length).fill(UNKNOWN);
    const number = this.#states.push({ members, next, acceptance: this.#acceptanceOf(members) }) - 1;
    const others = this.#numbers.get(hash);
    if (others === undefined) this.#numbers.set(hash, [number]);
    else others.push(number);
    return number;
  }

  #acceptanceOf(members: Int32Array): Acceptance {
    if (this.#has(members, KIND.match)) return ACCEPTS.now;
    if (!this.#has(members, KIND.end)) return ACCEPTS.no;
    const { kind, next } = this.#table;
    this.#begin();
    for (let i = 0; i < members.length; i++)
      if (kind[members[i]!] === KIND.end) this.#reach(next[members[i]!]!, KIND.end);
    return this.#has(this.#found(), KIND.match) ? ACCEPTS.atEnd : ACCEPTS.no;
  }

  #has(members: Int32Array, wanted: number): boolean {
    const { kind } = this.#table;
    for (let i = 0; i < members.length; i++) if (kind[members[i]!] === wanted) return true;
    return false;
  }

  /** Begins a search. */
  #begin(): void {
    this.#search++;
  }

  /** Notes all states that are reached from this one without a byte. */
  #reach(from: number, place: Place): void {
    const { kind, next, second } = this.#table;
    const open = this.#open;
    const reached = this.#reached;
    let count = 0;
    open[count++] = from;
    while (count > 0) {
      const state = open[--count]!;
      if (reached[state] === this.#search) continue;
      reached[state] = this.#search;
      this.work++;
      if (kind[state] === KIND.split) {
        open[count++] = second[state]!;
        open[count++] = next[state]!;
      } else if (kind[state] === place) {
        open[count++] = next[state]!;
      }
    }
  }

  /** The states that the search has reached and that matter later, ascending. */
  #found(): Int32Array {
    const { size, kind } = this.#table;
    const members = this.#members;
    const reached = this.#reached;
    let count = 0;
    for (let state = 0; state < size; state++) {
      if (reached[state] !== this.#search) continue;
      if (kind[state] !== KIND.split && kind[state] !== KIND.start) members[count++] = state;
    }
    this.work += count + (size >> 2);
    return members.slice(0, count);
  }
}

function hashOf(members: Int32Array): number {
  let hash = members.length;
  for (let i = 0; i < members.length; i++) hash = Math.imul(hash ^ members[i]!, 0x01000193);
  return hash;
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
