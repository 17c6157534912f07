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
}

/** Where an append is: of its first event that was found, to the end of its transaction. */
export interface Placement {
  readonly firstRevision: Revision;
  readonly position: Position;
  readonly end: Position;
}

/** An event id's append, and which of its events it is. */
interface Owner {
  readonly append: AskedAppend;
  readonly index: number;
}

/** By revision: where the transaction ends that made it the last one, and the digest up to it. */
interface StreamTimeline {
  readonly ends: Position[];
  readonly digests: number[];
}

const UNTOUCHED: StreamTimeline = { ends: [], digests: [] };

export class LogTimeline {
  readonly #findings: Findings;
  readonly #owners = new Map<string, Owner>();
  readonly #streams = new Map<string, StreamTimeline>();
  readonly #placements = new Map<AskedAppend, Placement>();
  readonly #found = new Set<string>();

  constructor(appends: readonly AskedAppend[], events: readonly LoggedEvent[], findings: Findings) {
    this.#findings = findings;
    for (const append of appends) {
      for (const [index, id] of append.eventIds.entries()) this.#owners.set(id, { append, index });
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
    const first = events[0]!;
    const before = this.revisionOf(first.stream);
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
    const owner = this.#owners.get(first.eventId)!;
    if (!isExpected(owner.append.expected, before)) {
      this.#report('expected-revision-violated', first, owner, `came after revision ${before}`);
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
      const { append } = this.#owners.get(eventId)!;
      if (!this.#placements.has(append))
        this.#placements.set(append, { firstRevision: revision, position, end });
    }
  }

  /** A transaction is one append: all of its events in their order, in its stream, and nothing else. */
  #checkWhole(events: readonly LoggedEvent[]): void {
    const { append } = this.#owners.get(events[0]!.eventId)!;
    for (const [i, event] of events.entries()) {
      const owner = this.#owners.get(event.eventId)!;
      if (event.stream !== owner.append.stream) {
        this.#report('wrong-stream', event, owner, `belongs into ${owner.append.stream}`);
      } else if (owner.append !== append || owner.index !== i) {
        this.#report('split-append', event, owner, 'is not where it belongs in its transaction');
        return;
      }
    }
    if (events.length === append.eventIds.length) return;
    const last = events.at(-1)!;
    this.#report('partial-append', last, this.#owners.get(last.eventId), 'is not followed by the rest');
  }

  #report(kind: AnomalyKind, event: LoggedEvent, owner: Owner | undefined, problem: string): void {
    const operations = owner === undefined ? [] : [owner.append.number];
    this.#findings.add(kind, `${describeEvent(event)} ${problem}`, operations);
  }
}

function describeEvent({ stream, revision, position, eventId }: LoggedEvent): string {
  return `event ${eventId} (${stream} @${revision}, at ${position})`;
}
