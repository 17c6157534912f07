/**
 * Whether a text has a part that fits a regular expression: the automaton is made deterministic as far as the texts need it, and what was made is kept.
 * Pure, any thread. Every text takes time in proportion to its length; `work` counts it, so that the caller can leave off in time. Lazy
 * construction with a bounded cache: R. Cox, "Regular Expression Matching in the Wild" (2010).
 */
import { type Automaton, compilePattern } from './automaton.js';

/** Kept at most; then all are forgotten, and made anew as they are needed: at most some hundred kilobytes a pattern. */
const STATES_MAX = 256;

const UNKNOWN = -1;
const ACCEPTS = { no: 0, atEnd: 1, now: 2 } as const;
type Acceptance = (typeof ACCEPTS)[keyof typeof ACCEPTS];

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
  readonly #automaton: Automaton;
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

  /** Throws `CairnError` `invalid-filter`. */
  constructor(pattern: string) {
    this.#automaton = compilePattern(pattern);
    const { length } = this.#automaton.states;
    this.#reached = new Int32Array(length);
    this.#open = new Int32Array(2 * length + 2);
    this.#classify();
  }

  matches(bytes: Uint8Array, at: number, length: number): boolean {
    if (this.#start === UNKNOWN) {
      this.#begin();
      this.#reach(this.#automaton.start, 'start');
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
    for (const state of this.#automaton.states) {
      if (state.kind !== 'bytes') continue;
      isFirst[state.low] = 1;
      isFirst[state.high + 1] = 1;
    }
    for (let byte = 0; byte < 256; byte++) {
      if (byte === 0 || isFirst[byte] === 1) this.#byteOf.push(byte);
      this.#classOf[byte] = this.#byteOf.length - 1;
    }
  }

  /** The state behind a byte of this class, made and noted. */
  #step(from: DfaState, byteClass: number): DfaState {
    const byte = this.#byteOf[byteClass]!;
    this.#begin();
    for (const member of from.members) {
      const state = this.#automaton.states[member]!;
      if (state.kind === 'bytes' && byte >= state.low && byte <= state.high)
        this.#reach(state.next, 'middle');
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
    if (this.#hasMatch(members)) return ACCEPTS.now;
    this.#begin();
    for (const member of members) {
      const state = this.#automaton.states[member]!;
      if (state.kind === 'end') this.#reach(state.next, 'end');
    }
    return this.#hasMatch(this.#found()) ? ACCEPTS.atEnd : ACCEPTS.no;
  }

  #hasMatch(members: Int32Array): boolean {
    return members.some((member) => this.#automaton.states[member]!.kind === 'match');
  }

  /** Begins a search. */
  #begin(): void {
    this.#search++;
  }

  /** Notes all states that are reached from this one without a byte, where the text is just at its start, in the middle, or at its end. */
  #reach(from: number, place: 'start' | 'middle' | 'end'): void {
    const { states } = this.#automaton;
    const open = this.#open;
    let count = 0;
    open[count++] = from;
    while (count > 0) {
      const member = open[--count]!;
      if (this.#reached[member] === this.#search) continue;
      this.#reached[member] = this.#search;
      this.work++;
      const state = states[member]!;
      if (state.kind === 'split') {
        open[count++] = state.second;
        open[count++] = state.first;
      } else if (state.kind === place) {
        open[count++] = state.next;
      }
    }
  }

  /** The states that the search has reached and that matter later. */
  #found(): Int32Array {
    const { states } = this.#automaton;
    const members: number[] = [];
    for (let member = 0; member < states.length; member++) {
      if (this.#reached[member] !== this.#search) continue;
      const { kind } = states[member]!;
      if (kind === 'bytes' || kind === 'end' || kind === 'match') members.push(member);
    }
    this.work += members.length + (states.length >> 2);
    return Int32Array.from(members);
  }
}

function hashOf(members: Int32Array): number {
  let hash = members.length;
  for (const member of members) hash = Math.imul(hash ^ member, 0x01000193);
  return hash;
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
