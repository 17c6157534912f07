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
  readonly members: Int32Array;
  /** By byte class: number of the next state, or unknown. */
  readonly next: Int32Array;
  readonly acceptance: Acceptance;
}

export class Matcher {
  /** Steps taken since it was made; one is worth some nanoseconds. */
  work = 0;
  /** How often all states were forgotten: never, unless the pattern has very many. */
  forgotten = 0;
  readonly #automaton: Automaton;
  /** By byte: its class. No state tells the bytes of one class apart. */
  readonly #classOf = new Uint8Array(256);
  /** By class: one of its bytes. */
  readonly #byteOf: number[] = [];
  readonly #states: DfaState[] = [];
  readonly #numbers = new Map<string, number>();
  #start = UNKNOWN;
  /** By state of the automaton: in which search it was reached last. */
  readonly #reached: Int32Array;
  #search = 0;

  /** Throws `CairnError` `invalid-filter`. */
  constructor(pattern: string) {
    this.#automaton = compilePattern(pattern);
    this.#reached = new Int32Array(this.#automaton.states.length);
    this.#classify();
  }

  matches(bytes: Uint8Array, at: number, length: number): boolean {
    if (this.#start === UNKNOWN)
      this.#start = this.#numberOf(this.#closure([this.#automaton.start], 'start'));
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
    const targets: number[] = [];
    for (const member of from.members) {
      const state = this.#automaton.states[member]!;
      if (state.kind === 'bytes' && byte >= state.low && byte <= state.high) targets.push(state.next);
    }
    this.work += from.members.length;
    const members = this.#closure(targets, 'middle');
    const { forgotten } = this;
    const number = this.#numberOf(members);
    // If all were forgotten just now, `from` has no number any more, and its own are of no use.
    if (forgotten === this.forgotten) from.next[byteClass] = number;
    return this.#states[number]!;
  }

  /** The number of a set of states. Forgets all others first if there are too many. */
  #numberOf(members: Int32Array): number {
    const key = members.join(',');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#states.length >= STATES_MAX) {
      this.#states.length = 0;
      this.#numbers.clear();
      this.#start = UNKNOWN;
      this.forgotten++;
    }
    const next = new Int32Array(this.#byteOf.length).fill(UNKNOWN);
    const number = this.#states.push({ members, next, acceptance: this.#acceptanceOf(members) }) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  #acceptanceOf(members: Int32Array): Acceptance {
    const { states } = this.#automaton;
    if (members.some((member) => states[member]!.kind === 'match')) return ACCEPTS.now;
    const atEnd = this.#closure([...members], 'end');
    return atEnd.some((member) => states[member]!.kind === 'match') ? ACCEPTS.atEnd : ACCEPTS.no;
  }

  /** All states that are reached from these without a byte, where the text is just at its start, in the middle, or at its end; sorted. */
  #closure(from: readonly number[], place: 'start' | 'middle' | 'end'): Int32Array {
    const { states } = this.#automaton;
    const search = ++this.#search;
    const open = [...from];
    const members: number[] = [];
    for (let member = open.pop(); member !== undefined; member = open.pop()) {
      if (this.#reached[member] === search) continue;
      this.#reached[member] = search;
      this.work++;
      const state = states[member]!;
      if (state.kind === 'split') open.push(state.first, state.second);
      else if (state.kind === place) open.push(state.next);
      else if (state.kind !== 'start') members.push(member);
    }
    return Int32Array.from(members).sort();
  }
}
