/**
 * What a simulated node knows about streams, from its own log: the simulation's stand-in for the sequencer, which is tied to the
 * ring, and for the index. Pure. It is always the state that the records given to it amount to, whole transactions only,
 * committed or not; `truncate` takes it back exactly. What it decides rests on bytes that may never be committed: `dependsOn`
 * says what must be before anybody is told.
 */
import { assert } from '../../base/assert.js';
import type { Bytes } from '../../base/ports.js';
import type { Position, Revision } from '../../base/units.js';
import { eventOf, forEachRecord, type LoggedEvent, OpenTransaction } from '../checks/logged-event.js';
import { type Expected, extendDigest, NO_EVENTS, type StreamState } from '../clients/client-messages.js';

export interface AppendQuestion {
  readonly stream: string;
  readonly expected: Expected;
  readonly eventIds: readonly string[];
}

export interface NewEvent {
  readonly stream: string;
  readonly eventId: string;
  readonly revision: Revision;
}

export type Decision =
  /** Append these as one transaction; acknowledge when its end is committed. */
  | { readonly kind: 'append'; readonly firstRevision: Revision; readonly events: readonly NewEvent[] }
  /** A retry of what stands there; acknowledge when `dependsOn` (= `end`) is committed. */
  | {
      readonly kind: 'duplicate';
      readonly firstRevision: Revision;
      readonly position: Position;
      readonly end: Position;
      readonly dependsOn: Position;
    }
  /**
   * Say so when `dependsOn` is committed *and* this node was confirmed as leader after the decision (a read index): the bytes
   * alone don't tell a leader that it was replaced, and that the stream has moved on elsewhere.
   */
  | { readonly kind: 'rejected'; readonly current: Revision; readonly dependsOn: Position }
  /** Some ids are there, but not as this request. */
  | { readonly kind: 'conflict'; readonly dependsOn: Position };

interface KnownEvent extends LoggedEvent {
  /** Of the stream up to this event. */
  readonly digest: number;
}

/** What `truncate` takes back: events, and the epochs that ended open transactions. */
type JournalEntry = LoggedEvent | { readonly position: Position; readonly isEpoch: true };

export class StreamModel {
  /** By stream, in order. */
  readonly #streams = new Map<string, KnownEvent[]>();
  readonly #byId = new Map<string, KnownEvent>();
  readonly #journal: JournalEntry[] = [];
  readonly #applied: KnownEvent[] = [];
  #open = new OpenTransaction();
  #end: Position = 0;

  /** Where the records given so far end. */
  get end(): Position {
    return this.#end;
  }

  /** Takes the whole records that stand at {@link end}. */
  append(bytes: Bytes): void {
    const taken = forEachRecord(bytes, (record) => {
      const { position } = record.header;
      if (record.body.kind === 'epoch') {
        this.#journal.push({ position, isEpoch: true });
        this.#open.takeEvents();
      }
      const event = eventOf(record);
      if (event === undefined) return;
      this.#journal.push(event);
      this.#take(event);
    });
    assert(taken === bytes.length, 'the model is given whole records');
    this.#end += taken;
  }

  /** Forgets what stands at `to` and behind. A transaction that is cut is open again. */
  truncate(to: Position): void {
    assert(to <= this.#end, 'a truncation cuts');
    this.#end = to;
    while ((this.#journal.at(-1)?.position ?? -1) >= to) this.#journal.pop();
    // Where the log now ends inside a transaction, all of it was applied or none.
    const begin = this.#beginOfOpen();
    const from = this.#journal[begin]?.position ?? to;
    while ((this.#applied.at(-1)?.position ?? -1) >= from) this.#forget(this.#applied.pop()!);
    this.#open = new OpenTransaction();
    for (const entry of this.#journal.slice(begin)) if (!('isEpoch' in entry)) this.#take(entry);
  }

  /** What is to become of an append. Retries are known by their ids, whatever they expect. */
  decide(question: AppendQuestion): Decision {
    const { stream, expected, eventIds } = question;
    const known = eventIds.map((id) => this.#byId.get(id)).filter((event) => event !== undefined);
    if (known.length > 0) return matchRetry(question, known);
    const events = this.#streams.get(stream) ?? [];
    const current = events.length - 1;
    if (!isExpected(expected, current)) {
      return { kind: 'rejected', current, dependsOn: events.at(-1)?.end ?? 0 };
    }
    const firstRevision = current + 1;
    return {
      kind: 'append',
      firstRevision,
      events: eventIds.map((eventId, i) => ({ stream, eventId, revision: firstRevision + i })),
    };
  }

  /** The stream as it is in the log before `position`. */
  stateAt(stream: string, position: Position): StreamState {
    const events = this.#streams.get(stream) ?? [];
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (events[middle]!.end <= position) low = middle + 1;
      else high = middle;
    }
    const last = events[low - 1];
    return last === undefined
      ? NO_EVENTS
      : { revision: last.revision, digest: last.digest, lastEventId: last.eventId };
  }

  #take(event: LoggedEvent): void {
    if (this.#open.add(event) !== 'whole') return;
    for (const each of this.#open.takeEvents()) this.#apply(each);
  }

  #apply(event: LoggedEvent): void {
    const events = this.#streams.get(event.stream) ?? [];
    this.#streams.set(event.stream, events);
    const known = { ...event, digest: extendDigest(events.at(-1)?.digest ?? 0, event.eventId) };
    events.push(known);
    this.#byId.set(event.eventId, known);
    this.#applied.push(known);
  }

  #forget(event: KnownEvent): void {
    this.#streams.get(event.stream)!.pop();
    if (this.#byId.get(event.eventId) === event) this.#byId.delete(event.eventId);
  }

  /** Where in the journal the transaction begins that is now open; its length if there is none. */
  #beginOfOpen(): number {
    let begin = this.#journal.length;
    while (begin > 0) {
      const entry = this.#journal[begin - 1]!;
      if ('isEpoch' in entry || entry.isLast) break;
      begin--;
    }
    return begin;
  }
}

/** Whether a stream whose last revision is `current` (-1: no events) is as an append expects it. */
export function isExpected(expected: Expected, current: Revision): boolean {
  switch (expected) {
    case 'any':
      return true;
    case 'none':
      return current < 0;
    case 'exists':
      return current >= 0;
    default:
      return current === expected;
  }
}

/** Some ids of `question` are known: as this very append, or otherwise. */
function matchRetry(question: AppendQuestion, known: readonly LoggedEvent[]): Decision {
  const [first, last] = [known[0]!, known.at(-1)!];
  const isSame =
    known.length === question.eventIds.length &&
    known.every((event, i) => event.stream === question.stream && event.revision === first.revision + i);
  if (!isSame) return { kind: 'conflict', dependsOn: Math.max(...known.map(({ end }) => end)) };
  const { position } = first;
  return {
    kind: 'duplicate',
    firstRevision: first.revision,
    position,
    end: last.end,
    dependsOn: last.end,
  };
}
