/**
 * The committed log of a run, read once from front to back: where each append ended up, and which states each stream went through
 * at which positions. Pure. On the way it holds the log against itself: whole appends, each once, of somebody who asked for
 * them, at the revision that they expected.
 */
import type { Position, Revision } from '../../base/units.js';
import { type Expected, extendDigest, NO_EVENTS } from '../clients/client-messages.js';
import { isExpected } from '../node/stream-model.js';
import type { AnomalyKind, Findings } from './anomaly.js';
import type { LoggedEvent } from './logged-event.js';

/** What somebody asked to be appended. */
export interface AskedAppend {
  /** In the history. */
  readonly number: number;
  readonly stream: string;
  readonly expected: Expected;
  readonly eventIds: readonly string[];
  /** Of an append to several streams: all its parts, each an append by itself, in their order; this one is among them. */
  readonly parts?: readonly AskedAppend[];
}

/** Where an append is: of its first event that was found, to the end of its transaction. */
export interface Placement {
  readonly firstRevision: Revision;
  readonly position: Position;
  readonly end: Position;
}

/** By revision: where the transaction ends that made it the last one, and the digest up to it. */
interface StreamTimeline {
  readonly ends: Position[];
  readonly digests: number[];
}

const UNTOUCHED: StreamTimeline = { ends: [], digests: [] };

export class LogTimeline {
  readonly #findings: Findings;
  /** Event id → what it was asked for in. */
  readonly #owners = new Map<string, AskedAppend>();
  readonly #streams = new Map<string, StreamTimeline>();
  readonly #placements = new Map<AskedAppend, Placement>();
  readonly #found = new Set<string>();

  constructor(appends: readonly AskedAppend[], events: readonly LoggedEvent[], findings: Findings) {
    this.#findings = findings;
    for (const append of appends) {
      for (const id of append.eventIds) this.#owners.set(id, append);
    }
    for (let at = 0; at < events.length; ) {
      let next = at + 1;
      while (next < events.length && !events[next - 1]!.isLast && !events[next]!.isFirst) next++;
      this.#takeTransaction(events.slice(at, next));
      at = next;
    }
  }

  placementOf(append: AskedAppend): Placement | undefined {
    return this.#placements.get(append);
  }

  /** Whether both events are of the same append to one stream. */
  isSameAppend(eventId: string, other: string): boolean {
    return this.#owners.get(eventId) === this.#owners.get(other);
  }

  has(eventId: string): boolean {
    return this.#found.has(eventId);
  }

  /** The last revision of all. */
  revisionOf(stream: string): Revision {
    return this.#timeline(stream).ends.length - 1;
  }

  digestAt(stream: string, revision: Revision): number {
    return revision < 0 ? NO_EVENTS.digest : this.#timeline(stream).digests[revision]!;
  }

  /**
   * The log up to which positions shows the stream with this as its last revision: from `begin` to before `end`, which is the
   * same if it never was seen so, inside a transaction. Both are infinite if it never came so far.
   */
  spanOf(stream: string, revision: Revision): { readonly begin: Position; readonly end: Position } {
    const { ends } = this.#timeline(stream);
    return {
      begin: revision < 0 ? 0 : (ends[revision] ?? Number.POSITIVE_INFINITY),
      end: ends[revision + 1] ?? Number.POSITIVE_INFINITY,
    };
  }

  #timeline(stream: string): StreamTimeline {
    return this.#streams.get(stream) ?? UNTOUCHED;
  }

  #takeTransaction(events: readonly LoggedEvent[]): void {
    const before = new Map(events.map(({ stream }) => [stream, this.revisionOf(stream)]));
    const { end } = events.at(-1)!;
    let isSound = true;
    for (const event of events) {
      this.#advance(event, end);
      const owner = this.#owners.get(event.eventId);
      if (owner === undefined) {
        this.#findings.add('unknown-event', `nobody appended ${describeEvent(event)}`, []);
        isSound = false;
      } else if (this.#found.has(event.eventId)) {
        this.#report('doubled-event', event, owner, 'is in the log for the second time');
        isSound = false;
      }
      this.#found.add(event.eventId);
    }
    if (!isSound) return;
    this.#place(events, end);
    this.#checkWhole(events);
    for (const [stream, revision] of before) {
      const first = events.find((event) => event.stream === stream)!;
      const owner = this.#owners.get(first.eventId)!;
      if (!isExpected(owner.expected, revision))
        this.#report('expected-revision-violated', first, owner, `came after revision ${revision}`);
    }
  }

  #advance(event: LoggedEvent, end: Position): void {
    const timeline = this.#streams.get(event.stream) ?? { ends: [], digests: [] };
    this.#streams.set(event.stream, timeline);
    const due = timeline.ends.length;
    if (event.revision !== due) {
      const owner = this.#owners.get(event.eventId);
      this.#report('revision-gap', event, owner, `should have revision ${due}`);
    }
    timeline.ends.push(end);
    timeline.digests.push(extendDigest(timeline.digests.at(-1) ?? 0, event.eventId));
  }

  #place(events: readonly LoggedEvent[], end: Position): void {
    for (const { eventId, revision, position } of events) {
      const append = this.#owners.get(eventId)!;
      if (!this.#placements.has(append))
        this.#placements.set(append, { firstRevision: revision, position, end });
    }
  }

  /** A transaction is one append, or all parts of one: all of its events in their order, in their streams, and nothing else. */
  #checkWhole(events: readonly LoggedEvent[]): void {
    const append = this.#owners.get(events[0]!.eventId)!;
    const wanted = (append.parts ?? [append]).flatMap((part) => part.eventIds);
    for (const [i, event] of events.entries()) {
      const owner = this.#owners.get(event.eventId)!;
      if (event.stream !== owner.stream) {
        this.#report('wrong-stream', event, owner, `belongs into ${owner.stream}`);
      } else if (event.eventId !== wanted[i]) {
        this.#report('split-append', event, owner, 'is not where it belongs in its transaction');
        return;
      }
    }
    if (events.length === wanted.length) return;
    const last = events.at(-1)!;
    this.#report('partial-append', last, this.#owners.get(last.eventId), 'is not followed by the rest');
  }

  #report(kind: AnomalyKind, event: LoggedEvent, owner: AskedAppend | undefined, problem: string): void {
    const operations = owner === undefined ? [] : [owner.number];
    this.#findings.add(kind, `${describeEvent(event)} ${problem}`, operations);
  }
}

function describeEvent({ stream, revision, position, eventId }: LoggedEvent): string {
  return `event ${eventId} (${stream} @${revision}, at ${position})`;
}
