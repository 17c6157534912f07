/**
 * A store as a plain list of events in memory: what every answer of a node is held against. Appends are put to it in the order in which one client
 * makes them, and it says what must come of each. Pure.
 */
import type { ExpectedRevision } from '../../../src/client/append-encoder.js';
import { eventOf } from '../cluster/event-content.js';

export interface ModelEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  /** Undefined until a node has told it; the same ever after. */
  position: number | undefined;
}

/** A part of a transaction; one alone is an append. */
export interface ModelPart {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly ids: readonly string[];
}

/** What must come of an append. `isRepeat`: its ids were there, so the answer is that of the first time. */
export type Verdict =
  | {
      readonly kind: 'written';
      readonly isRepeat: boolean;
      readonly revisions: readonly number[];
      readonly last: ModelEvent;
    }
  /** The streams that are not as expected; the node names one of them. */
  | { readonly kind: 'refused'; readonly streams: readonly string[] };

const NO_EVENTS: readonly ModelEvent[] = [];

export class StoreModel {
  /** In the order of the log. */
  readonly events: ModelEvent[] = [];
  readonly #streams = new Map<string, ModelEvent[]>();
  /** First id of an append → what came of it. */
  readonly #written = new Map<string, Verdict & { readonly kind: 'written' }>();

  /** Streams that exist. */
  get streams(): readonly string[] {
    return [...this.#streams.keys()];
  }

  eventsOf(stream: string): readonly ModelEvent[] {
    return this.#streams.get(stream) ?? NO_EVENTS;
  }

  /** Its last revision; −1 if there is no such stream. */
  headOf(stream: string): number {
    return this.eventsOf(stream).length - 1;
  }

  append(parts: readonly ModelPart[]): Verdict {
    const key = parts[0]!.ids[0]!;
    const before = this.#written.get(key);
    if (before !== undefined) return { ...before, isRepeat: true };
    const refusing = parts.filter(({ stream, expected }) => !isMet(expected, this.headOf(stream)));
    if (refusing.length > 0) return { kind: 'refused', streams: refusing.map(({ stream }) => stream) };
    for (const { stream, ids } of parts) for (const id of ids) this.#add(stream, id);
    const revisions = parts.map(({ stream }) => this.headOf(stream));
    const verdict = { kind: 'written' as const, isRepeat: false, revisions, last: this.events.at(-1)! };
    this.#written.set(key, verdict);
    return verdict;
  }

  #add(stream: string, id: string): void {
    const events = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, events);
    const event = { id, type: eventOf(id).type!, stream, revision: events.length, position: undefined };
    events.push(event);
    this.events.push(event);
  }
}

function isMet(expected: ExpectedRevision, head: number): boolean {
  if (expected === 'any') return true;
  if (expected === 'none') return head < 0;
  return expected === 'exists' ? head >= 0 : head === expected;
}
