/**
 * Answers that wait for the log: one entry for each request, in log order, until everything it speaks of is committed.
 * A rejection waits as well if it rests on events that are not committed yet, so that nothing uncommitted is ever told to
 * anyone; and any answer that is held waits, until whoever holds it is certain of it. A queue in typed arrays: no object per request. Main thread only.
 */
import { assert } from '../base/assert.js';
import type { ErrorCode, ErrorDetails } from '../base/errors.js';

/** Where the answers of one client go. Called in log order, after the commit; must not block. */
export interface AppendSink {
  /** The append with this token is durable. `revision` and `position` are those of its last event. */
  appended(token: number, revision: number, position: number, isDuplicate: boolean): void;
  /** The same of an append to several streams, with the revision of the last event of each; `position` is that of the last event of all. */
  appendedParts(token: number, revisions: readonly number[], position: number, isDuplicate: boolean): void;
  rejected(token: number, rejection: Rejection): void;
}

/** Why an append was refused. */
export interface Rejection {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** It speaks of the log's content, though its code doesn't say so. */
  readonly restsOnLog?: boolean;
}

/**
 * Asks whether what this node knows is the newest there is: a leader of old may not have noticed that there is a new one, and a no from
 * its log may be wrong by now. Calls one of the two.
 */
export type Confirm = (answer: () => void, abandon: () => void) => void;

/** Rejections that speak of the log's content. The others hold whoever leads. */
const STATE_CODES: ReadonlySet<ErrorCode> = new Set([
  'wrong-expected-revision',
  'event-id-conflict',
  'transaction-over',
  'stream-deleted',
]);

/** What an entry is, above the 32 bits of its token. The native pass over appends writes `written` ones. */
const KIND = { written: 0, duplicate: 1, rejected: 2 } as const;
const TWO_TO_32 = 0x1_0000_0000;
/** An entry is four numbers: these. */
const ENTRY = { end: 0, revision: 1, position: 2, tokenAndKind: 3 } as const;
const ENTRY_NUMBERS = 4;
const ENTRIES_AT_FIRST = 1024;

export class PendingReplies {
  #mask = ENTRIES_AT_FIRST - 1;
  #entries = new Float64Array(ENTRIES_AT_FIRST * ENTRY_NUMBERS);
  #sinks: (AppendSink | undefined)[] = new Array(ENTRIES_AT_FIRST).fill(undefined);
  /** Rejections are rare, and kept aside by entry number. */
  readonly #rejections = new Map<number, Rejection>();
  /** So are the revisions of appends to several streams. */
  readonly #revisions = new Map<number, readonly number[]>();
  #head = 0;
  #tail = 0;
  readonly #confirm: Confirm;
  /** Answers that may not be said yet, nor anything behind them, which keeps their order: rejections to be confirmed, and what is held. */
  readonly #uncertain = new Set<number>();
  /** Up to where {@link release} was called. */
  #committed = 0;

  /** `confirm`: is asked about each no that rests on the log's content, when it is decided. */
  constructor(confirm: Confirm = (answer) => answer()) {
    this.#confirm = confirm;
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  /** Answers `appended` once the log is committed up to `end`. Ends never decrease. Returns the entry's number. */
  appended(end: number, sink: AppendSink, token: number, isDuplicate: boolean): number {
    return this.#push(end, isDuplicate ? KIND.duplicate : KIND.written, sink, token);
  }

  /** Sets what the entry returned by `appended` answers. */
  setResult(entry: number, revision: number, position: number): void {
    const at = this.#at(entry);
    this.#entries[at + ENTRY.revision] = revision;
    this.#entries[at + ENTRY.position] = position;
  }

  /** The entry is of an append to several streams: it answers with the revision of the last event of each. */
  setRevisions(entry: number, revisions: readonly number[]): void {
    this.#revisions.set(entry, revisions);
  }

  rejected(end: number, sink: AppendSink, token: number, rejection: Rejection): void {
    const entry = this.#push(end, KIND.rejected, sink, token);
    this.#rejections.set(entry, rejection);
    if (STATE_CODES.has(rejection.code) || rejection.restsOnLog === true) this.#askFirst(entry, rejection);
  }

  /**
   * What the entry returned by `appended` answers is not certain yet: it waits for {@link free} or {@link refuse}. If it was abandoned meanwhile, those do
   * nothing.
   */
  hold(entry: number): void {
    this.#uncertain.add(entry);
  }

  /** Whether somebody waits for what becomes of a held entry. */
  isHeld(entry: number): boolean {
    return this.#uncertain.has(entry);
  }

  /** A held entry answers what it was to answer. */
  free(entry: number): void {
    if (this.#uncertain.delete(entry)) this.release(this.#committed);
  }

  /** A held entry answers this instead, which rests on the log's content. */
  refuse(entry: number, rejection: Rejection): void {
    if (!this.#uncertain.has(entry)) return;
    const at = this.#at(entry) + ENTRY.tokenAndKind;
    this.#entries[at] = (this.#entries[at]! % TWO_TO_32) + KIND.rejected * TWO_TO_32;
    this.#revisions.delete(entry);
    this.#rejections.set(entry, rejection);
    this.#askFirst(entry, rejection);
  }

  /** The entries, for the native pass, which adds some itself: `count` of them have room from number `tail` on. */
  reserve(count: number): Float64Array {
    while (this.size + count > this.#mask + 1) this.#grow();
    return this.#entries;
  }

  /** The number of the next entry. */
  get tail(): number {
    return this.#tail;
  }

  /** The entries up to number `tail` were added natively, all of this sink. */
  advance(tail: number, sink: AppendSink): void {
    while (this.#tail < tail) this.#sinks[this.#tail++ & this.#mask] = sink;
  }

  /** Answers all entries up to `committed`. Sinks may add new entries meanwhile; those stay. */
  release(committed: number): void {
    this.#committed = committed;
    const last = this.#tail;
    while (this.#head < last) {
      const entry = this.#head;
      if (this.#uncertain.size > 0 && this.#uncertain.has(entry)) break;
      if (this.#entries[this.#at(entry) + ENTRY.end]! > committed) break;
      this.#head++;
      this.#answer(entry);
    }
  }

  /** Nobody will know any more what becomes of the entries: all are answered with `rejection`. */
  abandon(rejection: Rejection): void {
    while (this.#head < this.#tail) {
      const entry = this.#head++;
      this.#rejections.delete(entry);
      this.#revisions.delete(entry);
      this.#uncertain.delete(entry);
      this.#takeSink(entry)?.rejected(
        this.#entries[this.#at(entry) + ENTRY.tokenAndKind]! % TWO_TO_32,
        rejection,
      );
    }
  }

  /** The rejection is said if this log is still the newest. */
  #askFirst(entry: number, rejection: Rejection): void {
    this.#uncertain.add(entry);
    this.#confirm(
      () => this.#settle(entry, rejection),
      () => this.#settle(entry, LEADER_CHANGED),
    );
  }

  /** What a rejection says is certain now. */
  #settle(entry: number, rejection: Rejection): void {
    if (!this.#uncertain.delete(entry)) return;
    this.#rejections.set(entry, rejection);
    this.release(this.#committed);
  }

  #answer(entry: number): void {
    const sink = this.#takeSink(entry);
    if (sink === undefined) return;
    const tokenAndKind = this.#entries[this.#at(entry) + ENTRY.tokenAndKind]!;
    const kind = tokenAndKind < TWO_TO_32 ? KIND.written : Math.floor(tokenAndKind / TWO_TO_32);
    const token = tokenAndKind - kind * TWO_TO_32;
    if (kind === KIND.rejected) {
      this.#reject(entry, sink, token);
    } else {
      const at = this.#at(entry);
      const { revision, position } = ENTRY;
      const isDuplicate = kind === KIND.duplicate;
      const revisions = this.#revisions.size === 0 ? undefined : this.#revisions.get(entry);
      if (revisions === undefined) {
        sink.appended(token, this.#entries[at + revision]!, this.#entries[at + position]!, isDuplicate);
        return;
      }
      this.#revisions.delete(entry);
      sink.appendedParts(token, revisions, this.#entries[at + position]!, isDuplicate);
    }
  }

  #reject(entry: number, sink: AppendSink, token: number): void {
    const rejection = this.#rejections.get(entry);
    assert(rejection !== undefined, 'a rejected entry has its rejection');
    this.#rejections.delete(entry);
    sink.rejected(token, rejection);
  }

  /** Frees the entry's place for its sink. */
  #takeSink(entry: number): AppendSink | undefined {
    const slot = entry & this.#mask;
    const sink = this.#sinks[slot];
    this.#sinks[slot] = undefined;
    return sink;
  }

  /** Where the numbers of an entry stand. */
  #at(entry: number): number {
    return (entry & this.#mask) * ENTRY_NUMBERS;
  }

  #push(end: number, kind: number, sink: AppendSink | undefined, token: number): number {
    this.reserve(1);
    const entry = this.#tail++;
    const at = this.#at(entry);
    assert(
      this.size === 1 || end >= this.#entries[this.#at(entry - 1) + ENTRY.end]!,
      'answers are in log order',
    );
    this.#entries[at + ENTRY.end] = end;
    this.#entries[at + ENTRY.tokenAndKind] = token + kind * TWO_TO_32;
    this.#sinks[entry & this.#mask] = sink;
    return entry;
  }

  /** Doubles the queue. How long it can get is bounded by the sessions' limits on appends in flight. */
  #grow(): void {
    const [entries, sinks, mask] = [this.#entries, this.#sinks, this.#mask];
    this.#mask = 2 * mask + 1;
    this.#entries = new Float64Array(2 * entries.length);
    this.#sinks = new Array(2 * sinks.length).fill(undefined);
    for (let entry = this.#head; entry < this.#tail; entry++) {
      const from = (entry & mask) * ENTRY_NUMBERS;
      this.#entries.set(entries.subarray(from, from + ENTRY_NUMBERS), this.#at(entry));
      this.#sinks[entry & this.#mask] = sinks[entry & mask];
    }
  }
}

const LEADER_CHANGED: Rejection = {
  code: 'no-leader',
  message: 'the leader is changing; nothing was written; try again',
  details: {},
};
