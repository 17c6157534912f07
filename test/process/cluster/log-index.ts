/** The log that a run ended with, to be looked things up in: by position, and by stream and revision. Pure. */
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';

const NO_EVENTS: readonly LoggedEvent[] = [];

export class LogIndex {
  readonly events: readonly LoggedEvent[];
  readonly #streams = new Map<string, LoggedEvent[]>();
  /** Position → place in {@link events}. */
  readonly #places = new Map<number, number>();

  constructor(events: readonly LoggedEvent[]) {
    this.events = events;
    for (const [place, event] of events.entries()) {
      this.#places.set(event.position, place);
      const stream = this.#streams.get(event.stream);
      if (stream === undefined) this.#streams.set(event.stream, [event]);
      else stream.push(event);
    }
  }

  at(position: number): LoggedEvent | undefined {
    const place = this.#places.get(position);
    return place === undefined ? undefined : this.events[place];
  }

  /** The events of a stream, by revision; of the whole log, if it is undefined. */
  eventsOf(stream: string | undefined): readonly LoggedEvent[] {
    return stream === undefined ? this.events : (this.#streams.get(stream) ?? NO_EVENTS);
  }

  /** Where the event at this position stands among those of the stream, or of the whole log. */
  placeOf(position: number, stream: string | undefined): number {
    const place = this.#places.get(position)!;
    return stream === undefined ? place : this.events[place]!.revision;
  }
}

/** The greatest value among those noted up to a moment. Moments are noted in any order, then asked for. */
export class HighestSoFar {
  readonly #notes: { readonly moment: number; value: number }[] = [];
  #isSorted = true;

  note(moment: number, value: number): void {
    this.#notes.push({ moment, value });
    this.#isSorted = false;
  }

  /** The greatest value noted for a moment before this one; -1 if there is none. */
  before(moment: number): number {
    if (!this.#isSorted) this.#sort();
    let [low, high] = [0, this.#notes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#notes[middle]!.moment < moment) low = middle + 1;
      else high = middle;
    }
    return this.#notes[low - 1]?.value ?? -1;
  }

  #sort(): void {
    this.#notes.sort((a, b) => a.moment - b.moment);
    let highest = -1;
    for (const note of this.#notes) {
      highest = Math.max(highest, note.value);
      note.value = highest;
    }
    this.#isSorted = true;
  }
}
