/**
 * A stream that is written to be deleted again, as whoever does both knows it, and what readers may see of it. What was hidden once, a scavenge may
 * have removed, for ever; what is hidden now, nobody sees; all else is there. Pure.
 */
import { METADATA_TYPE, TOMBSTONE_TYPE } from '../../../src/base/stream-metadata.js';
import type { NewEvent } from '../../../src/client/append-encoder.js';
import type { ShownEvent } from './cluster-history.js';

export interface KeptRange {
  readonly $tb?: number;
  readonly $maxCount?: number;
}

export class ScrapStream {
  readonly name: string;
  /** Of its events, by revision. */
  readonly #ids: string[] = [];
  #kept: KeptRange = {};
  #isTombstoned = false;
  /** What came before this revision was hidden at some time. */
  #hiddenOnce = 0;

  constructor(name: string) {
    this.name = name;
  }

  get count(): number {
    return this.#ids.length;
  }

  get isTombstoned(): boolean {
    return this.#isTombstoned;
  }

  /** Events before this revision are hidden now. */
  get hidden(): number {
    const { $tb = 0, $maxCount = Number.POSITIVE_INFINITY } = this.#kept;
    return this.#isTombstoned ? this.count : Math.max($tb, this.count - $maxCount, 0);
  }

  appended(ids: readonly string[]): void {
    this.#ids.push(...ids);
    this.#note();
  }

  keeps(kept: KeptRange): void {
    this.#kept = kept;
    this.#note();
  }

  tombstoned(): void {
    this.#isTombstoned = true;
    this.#note();
  }

  /** What is wrong with a node that shows these events of it, in this order; undefined if nothing is. */
  findProblem(shown: readonly ShownEvent[]): string | undefined {
    const { name, count, hidden } = this;
    const first = shown[0]?.revision ?? count;
    const known = `it has ${count}, hides those before ${hidden}, and hid those before ${this.#hiddenOnce}`;
    if (first < hidden) return `${name} is shown from ${first} on: ${known}`;
    if (first > this.#hiddenOnce) return `${name} is shown from ${first} on only: ${known}`;
    if (first + shown.length !== count) return `${shown.length} events of ${name} are shown: ${known}`;
    const wrong = shown.find(
      ({ revision, eventId }, i) => revision !== first + i || eventId !== this.#ids[revision],
    );
    return wrong === undefined ? undefined : `${name} @${wrong.revision} is ${wrong.eventId}: ${known}`;
  }

  #note(): void {
    this.#hiddenOnce = Math.max(this.#hiddenOnce, this.hidden);
  }
}

/** The event that says how much of a stream is kept. */
export function keeping(id: string, kept: KeptRange): NewEvent {
  return { id, type: METADATA_TYPE, data: { ...kept }, isJson: true };
}

/** The event that ends a stream for good. */
export function tombstone(id: string): NewEvent {
  return { id, type: TOMBSTONE_TYPE, data: '' };
}
