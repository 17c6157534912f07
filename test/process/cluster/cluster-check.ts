/**
 * Decides whether what clients of a real cluster were told can be true, given the log that all nodes ended with. Pure. The idea is that of
 * the simulator's checker (`src/sim/checks/history-checker.ts`): every write has a place in one order, the log's, so nothing has to be
 * searched for. There the moment at which something was committed is known; here only that it was before somebody was told. So what is
 * held against an answer is what any client had been told before the question was asked: an acknowledgement, or an event that a read showed.
 *
 *   positions ──▶  ┌─────────┬──────────┬─────────┬─────────
 *                  │ s@0 s@1 │ t@0      │ s@2     │
 *                  └─────────┴──────────┴─────────┴─────────
 *                                           ▲ told before the question: an answer "s is at revision 1" comes too late
 *
 * - what was acknowledged is there once, as it was acknowledged; what was refused is not there; what is unknown is there once and whole,
 *   or not at all; revisions, expected revisions and transactions fit the log (`LogTimeline`);
 * - what any read showed stays there; reads show everything between their first and their last event;
 * - linearizable reads show everything that was known before they began; reads of one life of a node never go back;
 * - a wrong expected revision was true of the stream at an instant between question and answer, and is not said of a retry of what is there;
 * - what was asked for after something was known stands behind it in the log;
 * - what subscriptions must do: `subscription-check.ts`. What they showed is known, like what reads did.
 */
import { type Anomaly, type AnomalyKind, Findings } from '../../../src/sim/checks/anomaly.js';
import { LogTimeline } from '../../../src/sim/checks/log-timeline.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { isExpected } from '../../../src/sim/node/stream-model.js';
import {
  type ClusterAppend,
  type ClusterHistory,
  type ClusterRead,
  describeAppend,
  describeRead,
} from './cluster-history.js';
import { HighestSoFar, LogIndex } from './log-index.js';
import { checkSubscriptions } from './subscription-check.js';

const ANOMALIES_MAX = 20;

/** All that is wrong, up to a limit. `log` = all events that are committed at the end, in the order of positions. */
export function checkCluster(
  history: ClusterHistory,
  log: readonly LoggedEvent[],
  anomaliesMax = ANOMALIES_MAX,
): readonly Anomaly[] {
  const findings = new Findings(anomaliesMax);
  const timeline = new LogTimeline(history.appends, log, findings);
  const check = new ClusterCheck(history, new LogIndex(log), timeline, findings);
  check.run();
  return findings.anomalies;
}

class ClusterCheck {
  readonly #history: ClusterHistory;
  readonly #log: LogIndex;
  readonly #timeline: LogTimeline;
  readonly #findings: Findings;
  /** Positions of events that somebody had been told to be committed. */
  readonly #known = new HighestSoFar();
  /** The same of reads at one node in one of its lives. */
  readonly #sessions = new Map<string, HighestSoFar>();

  constructor(history: ClusterHistory, log: LogIndex, timeline: LogTimeline, findings: Findings) {
    this.#history = history;
    this.#log = log;
    this.#timeline = timeline;
    this.#findings = findings;
  }

  run(): void {
    const { appends, reads, contradictions } = this.#history;
    for (const contradiction of contradictions) this.#report('read-differs', contradiction);
    this.#checkSightings();
    for (const append of appends) this.#checkPresence(append);
    this.#learn();
    for (const append of appends) {
      this.#checkOrder(append);
      this.#checkRefusals(append);
    }
    for (const read of reads) this.#checkRead(read);
    checkSubscriptions(this.#history, this.#log, this.#findings);
  }

  #checkSightings(): void {
    for (const { position, stream, revision, eventId, by } of this.#history.seen.values()) {
      const event = this.#log.at(position);
      const what = `${by} showed ${stream} @${revision} (${eventId}) at ${position}`;
      if (event === undefined) this.#report('read-uncommitted', `${what}, where no event is`);
      else if (event.eventId !== eventId || event.stream !== stream || event.revision !== revision) {
        this.#report('read-uncommitted', `${what}, where ${describeEvent(event)} is`);
      }
    }
  }

  #checkPresence(append: ClusterAppend): void {
    const { eventIds, acknowledgements, unsettled } = append;
    const placement = this.#timeline.placementOf(append);
    if (append.hasConflict) this.#reportAppend('id-conflict', append, 'its ids are new, or all there');
    for (const { revision, position } of acknowledgements) {
      const event = this.#log.at(position);
      if (placement === undefined) this.#reportAppend('lost-append', append, 'is not in the log');
      else if (placement.firstRevision + eventIds.length - 1 !== revision) {
        this.#reportAppend('wrong-revision', append, `begins at revision ${placement.firstRevision}`);
      } else if (event?.eventId !== (append.parts?.at(-1) ?? append).eventIds.at(-1)) {
        this.#reportAppend('wrong-position', append, `begins at position ${placement.position}`);
      }
    }
    // An attempt without an answer may arrive late and succeed, whatever another one was told.
    if (placement === undefined || unsettled > 0 || acknowledgements.length > 0) return;
    this.#reportAppend('refused-but-present', append, `is at ${placement.position}`);
  }

  /** Collects what was known when. Only what is in the log counts: what isn't has been reported. */
  #learn(): void {
    for (const { acknowledgements } of this.#history.appends) {
      for (const { answered, position } of acknowledgements) this.#know(answered, position);
    }
    for (const { moment, position } of this.#history.seen.values()) this.#know(moment, position);
    for (const read of this.#history.reads) {
      const { answered, first, last } = read;
      if (first === undefined) continue;
      const session = this.#sessionOf(read);
      session.note(answered, Math.max(first, last!));
    }
  }

  #know(moment: number, position: number): void {
    if (this.#log.at(position) !== undefined) this.#known.note(moment, position);
  }

  #sessionOf({ node, life }: ClusterRead): HighestSoFar {
    const key = `${node} ${life}`;
    const session = this.#sessions.get(key) ?? new HighestSoFar();
    this.#sessions.set(key, session);
    return session;
  }

  /** Whatever its client was told: if it happened, then after all that was known when it was first asked for. */
  #checkOrder(append: ClusterAppend): void {
    const placement = this.#timeline.placementOf(append);
    if (placement === undefined) return;
    const known = this.#known.before(append.invoked);
    if (placement.position > known) return;
    const problem = `is at ${placement.position}, and ${known} was known before it was asked for`;
    this.#reportAppend('real-time-order', append, problem);
  }

  #checkRefusals(append: ClusterAppend): void {
    const placement = this.#timeline.placementOf(append);
    for (const { invoked, node, current } of append.refusals) {
      const { begin, end } = this.#timeline.spanOf(append.stream, current);
      const next = this.#log.eventsOf(append.stream)[current + 1];
      const known = this.#known.before(invoked);
      let problem = '';
      if (isExpected(append.expected, current)) problem = 'this is what it expects';
      else if ((placement?.firstRevision ?? Number.POSITIVE_INFINITY) <= current) {
        problem = 'it stands in there itself: this was a retry';
      } else if (begin === Number.POSITIVE_INFINITY) problem = 'the stream never came so far';
      else if (begin >= end) problem = 'that is inside of a transaction';
      else if (next !== undefined && next.position <= known) {
        problem = `${describeEvent(next)} came next, and ${known} was known before it was asked for`;
      }
      if (problem !== '') {
        this.#reportAppend('unjustified-rejection', append, `${node} says ${current}: ${problem}`);
      }
    }
  }

  #checkRead(read: ClusterRead): void {
    const { invoked, consistency, stream, isBackwards, from, first, last, shown, count } = read;
    const events = this.#log.eventsOf(stream);
    // What it showed that is not in the log has been reported.
    const isAsLogged = [first, last].every((p) => p === undefined || this.#log.at(p) !== undefined);
    if (!isAsLogged || !this.#checkRange(read)) return;
    const end = isBackwards ? first : last;
    // The oldest event that is newer than all it showed, and that it would have shown had it known of it.
    let missing: LoggedEvent | undefined;
    if (end !== undefined) missing = events[this.#log.placeOf(end, stream) + 1];
    else missing = from === undefined || isBackwards ? events[0] : this.#firstFrom(stream, from);
    // Backwards from an event that was there nothing newer is missing.
    const isFromThere = end !== undefined && this.#log.placeOf(end, stream) === from;
    if (isBackwards && from !== undefined && (stream === undefined || isFromThere)) return;
    if (!isBackwards && shown === count) return;
    if (missing === undefined) return;
    const lastShown = end === undefined ? undefined : this.#log.at(end);
    // In a stream, a transaction over several may begin with an event that isn't its first.
    const isSplit =
      stream === undefined
        ? !missing.isFirst
        : this.#timeline.isSameAppend(missing.eventId, lastShown?.eventId ?? '');
    if (lastShown !== undefined && isSplit) {
      this.#reportRead('split-transaction', read, `shows a part of the append of ${describeEvent(missing)}`);
    }
    const known = this.#known.before(invoked);
    const sessionKnown = this.#sessionOf(read).before(invoked);
    const told = `${describeEvent(missing)} is missing`;
    if (consistency === 'linearizable' && missing.position <= known) {
      this.#reportRead('stale-read', read, `${told}, and ${known} was known before`);
    }
    if (missing.position <= sessionKnown) {
      this.#reportRead('session-backwards', read, `${told}, and this node had shown ${sessionKnown} before`);
    }
  }

  /** Whether it showed all events from its first one to its last one, began where it should, and stopped for a reason. */
  #checkRange(read: ClusterRead): boolean {
    const { stream, isBackwards, from, first, last, shown, count } = read;
    if (first === undefined || last === undefined) return true;
    const [begin, end] = [this.#log.placeOf(first, stream), this.#log.placeOf(last, stream)];
    const there = (isBackwards ? begin - end : end - begin) + 1;
    let problem = '';
    if (there !== shown || shown > count) problem = `the log has ${there} events there`;
    else if (!isBackwards && begin !== this.#placeFrom(stream, from ?? 0)) problem = 'it begins elsewhere';
    // A node that doesn't know that event yet begins with the newest that it knows.
    else if (isBackwards && from !== undefined && stream !== undefined && begin > from) {
      problem = 'it begins elsewhere';
    } else if (isBackwards && end > 0 && shown < count) problem = 'it stops before the beginning';
    if (problem !== '') this.#reportRead('read-differs', read, problem);
    return problem === '';
  }

  #firstFrom(stream: string | undefined, from: number): LoggedEvent | undefined {
    return this.#log.eventsOf(stream)[this.#placeFrom(stream, from)];
  }

  /** Where a read from there begins: revisions are places, positions are looked for. */
  #placeFrom(stream: string | undefined, from: number): number {
    if (stream !== undefined) return from;
    const { events } = this.#log;
    let [low, high] = [0, events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle]!.position < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #reportAppend(kind: AnomalyKind, append: ClusterAppend, problem: string): void {
    this.#findings.add(kind, `${describeAppend(append)}: ${problem}`, [append.number]);
  }

  #reportRead(kind: AnomalyKind, read: ClusterRead, problem: string): void {
    this.#findings.add(kind, `${describeRead(read)}: ${problem}`, [read.number]);
  }

  #report(kind: AnomalyKind, message: string): void {
    this.#findings.add(kind, message, []);
  }
}

function describeEvent({ stream, revision, position, eventId }: LoggedEvent): string {
  return `${stream} @${revision} (${eventId}, at ${position})`;
}
