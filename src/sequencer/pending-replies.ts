/**
 * Answers that wait for the log: one entry for each request, in log order, until everything it speaks of is committed.
 * A rejection waits as well if it rests on events that are not committed yet, so that nothing uncommitted is ever told to
 * anyone. A queue in typed arrays: no object per request. Main thread only.
 */
import { assert } from '../base/assert.js';
import type { ErrorCode, ErrorDetails } from '../base/errors.js';

/** Where the answers of one client go. Called in log order, after the commit; must not block. */
export interface AppendSink {
  /** The append with this token is durable. `revision` and `position` are those of its last event. */
  appended(token: number, revision: number, position: number, isDuplicate: boolean): void;
  rejected(token: number, rejection: Rejection): void;
}

/** Why an append was refused. */
export interface Rejection {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

const KIND = { written: 0, duplicate: 1, rejected: 2, nobody: 3 } as const;
const ENTRIES_AT_FIRST = 1024;

export class PendingReplies {
  #mask = ENTRIES_AT_FIRST - 1;
  #ends = new Float64Array(ENTRIES_AT_FIRST);
  #tokens = new Uint32Array(ENTRIES_AT_FIRST);
  #revisions = new Float64Array(ENTRIES_AT_FIRST);
  #positions = new Float64Array(ENTRIES_AT_FIRST);
  #kinds = new Uint8Array(ENTRIES_AT_FIRST);
  #sinks: (AppendSink | undefined)[] = new Array(ENTRIES_AT_FIRST).fill(undefined);
  /** Rejections are rare, and kept aside by entry number. */
  readonly #rejections = new Map<number, Rejection>();
  #head = 0;
  #tail = 0;

  get size(): number {
    return this.#tail - this.#head;
  }

  /** Answers `appended` once the log is committed up to `end`. Ends never decrease. */
  appended(end: number, sink: AppendSink, token: number, isDuplicate: boolean): number {
    return this.#push(end, isDuplicate ? KIND.duplicate : KIND.written, sink, token);
  }

  /** Sets what the entry returned by `appended` answers. */
  setResult(entry: number, revision: number, position: number): void {
    const slot = entry & this.#mask;
    this.#revisions[slot] = revision;
    this.#positions[slot] = position;
  }

  rejected(end: number, sink: AppendSink, token: number, rejection: Rejection): void {
    this.#rejections.set(this.#push(end, KIND.rejected, sink, token), rejection);
  }

  /** Notes the end of a record that nobody waits for, because `committed` only ever stands at the end of an entry. */
  boundary(end: number): void {
    this.#push(end, KIND.nobody, undefined, 0);
  }

  /** The last entry's end that is not beyond `durable`, or `otherwise` if there is none. */
  boundaryUpTo(durable: number, otherwise: number): number {
    let boundary = otherwise;
    for (let i = this.#head; i < this.#tail; i++) {
      const end = this.#ends[i & this.#mask]!;
      if (end > durable) break;
      boundary = end;
    }
    return boundary;
  }

  /** Answers all entries up to `committed`. Sinks may add new entries meanwhile; those stay. */
  release(committed: number): void {
    const last = this.#tail;
    while (this.#head < last) {
      const entry = this.#head;
      if (this.#ends[entry & this.#mask]! > committed) break;
      this.#head++;
      this.#answer(entry);
    }
  }

  #answer(entry: number): void {
    const slot = entry & this.#mask;
    const kind = this.#kinds[slot];
    const sink = this.#sinks[slot];
    this.#sinks[slot] = undefined;
    if (sink === undefined) return;
    const token = this.#tokens[slot]!;
    if (kind === KIND.rejected) {
      const rejection = this.#rejections.get(entry);
      assert(rejection !== undefined, 'a rejected entry has its rejection');
      this.#rejections.delete(entry);
      sink.rejected(token, rejection);
    } else {
      sink.appended(token, this.#revisions[slot]!, this.#positions[slot]!, kind === KIND.duplicate);
    }
  }

  #push(end: number, kind: number, sink: AppendSink | undefined, token: number): number {
    if (this.#tail - this.#head > this.#mask) this.#grow();
    const entry = this.#tail++;
    const slot = entry & this.#mask;
    assert(this.size === 1 || end >= this.#ends[(entry - 1) & this.#mask]!, 'answers are in log order');
    this.#ends[slot] = end;
    this.#kinds[slot] = kind;
    this.#sinks[slot] = sink;
    this.#tokens[slot] = token;
    return entry;
  }

  /** Doubles the queue. How long it can get is bounded by the sessions' limits on appends in flight. */
  #grow(): void {
    const [ends, tokens, revisions] = [this.#ends, this.#tokens, this.#revisions];
    const [positions, kinds, sinks, mask] = [this.#positions, this.#kinds, this.#sinks, this.#mask];
    const size = 2 * (mask + 1);
    this.#mask = size - 1;
    this.#ends = new Float64Array(size);
    this.#tokens = new Uint32Array(size);
    this.#revisions = new Float64Array(size);
    this.#positions = new Float64Array(size);
    this.#kinds = new Uint8Array(size);
    this.#sinks = new Array(size).fill(undefined);
    for (let i = this.#head; i < this.#tail; i++) {
      this.#ends[i & this.#mask] = ends[i & mask]!;
      this.#tokens[i & this.#mask] = tokens[i & mask]!;
      this.#revisions[i & this.#mask] = revisions[i & mask]!;
      this.#positions[i & this.#mask] = positions[i & mask]!;
      this.#kinds[i & this.#mask] = kinds[i & mask]!;
      this.#sinks[i & this.#mask] = sinks[i & mask];
    }
  }
}
