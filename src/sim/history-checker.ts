/**
 * Decides whether what clients were told is strictly serializable, given the committed log. Pure.
 *
 * Strict serializability asks for some serial order of all operations that explains every answer and keeps real time: what
 * completed before another began comes before it (Papadimitriou, The Serializability of Concurrent Database Updates, 1979; for
 * single objects: Herlihy and Wing, Linearizability, 1990). To find one is NP-complete; with the order of the writes
 * known it is easy (Gibbons and Korach, Testing Shared Memories, 1997), which is why Elle appends to lists (Kingsbury and Alvaro,
 * Elle, 2020). Here every write has a position in one log, and the log's order is what every read shows: no other order is a
 * candidate. So each operation has its place on the line of positions: an append just where it stands, a read up to where it
 * has read, a rejection anywhere between the events that made the stream so and the next ones. One pass through time
 * suffices: each operation takes the earliest place that it may have, which leaves the most to those after it; and if that
 * is too late, there is none.
 *
 *   positions ──▶  ┌─────────┬──────────────┬───────┬───────
 *                  │ s@0 s@1 │ t@0          │ s@2   │
 *                  └─────────┴──────────────┴───────┴───────
 *        "s is at revision 1" ├────────────────────┤ and not before `floor`: what was known when it was asked
 *
 * The floor is what operations that completed before have shown, and also what any node had committed: that may have
 * been told to somebody. Each answer must also rest on what is committed when it is given.
 */
import type { Position } from '../base/units.js';
import { type Anomaly, type AnomalyKind, Findings } from './anomaly.js';
import type { CommitMark } from './committed-log.js';
import { type AppendOperation, describeOperation, type Operation, type ReadOperation } from './history.js';
import { LogTimeline } from './log-timeline.js';
import type { LoggedEvent } from './logged-event.js';
import { isExpected } from './stream-model.js';

export interface CheckInput {
  readonly operations: readonly Operation[];
  /** The committed log, `CommittedLog.events`. */
  readonly events: readonly LoggedEvent[];
  /** `CommittedLog.marks`. */
  readonly marks: readonly CommitMark[];
}

/** What must have been seen by an operation: the log up to `position`, because of operation `because` (-1: because it was committed). */
interface Floor {
  readonly position: Position;
  readonly because: number;
}

/** How far reads at a node have come since its start. */
interface Session {
  readonly start: number;
  readonly upTo: Position;
  readonly read: number;
}

type ReadOk = Extract<ReadOperation['outcome'], { kind: 'ok' }>;

const ANOMALIES_MAX = 20;

/** All that is wrong, up to a limit. Takes n log n steps for sorting, and n for the rest. */
export function checkHistory(input: CheckInput, anomaliesMax = ANOMALIES_MAX): readonly Anomaly[] {
  const findings = new Findings(anomaliesMax);
  const timeline = new LogTimeline(input.operations, input.events, findings);
  for (const operation of input.operations) {
    if (operation.kind === 'append') checkPresence(operation, timeline, findings);
  }
  new TimePass(timeline, input.marks, findings).run(input.operations);
  return findings.anomalies;
}

/** Whether an append is in the log if it was acknowledged, as it was acknowledged, and isn't if it was turned down. */
function checkPresence(append: AppendOperation, timeline: LogTimeline, findings: Findings): void {
  const { outcome } = append;
  const placement = timeline.placementOf(append);
  const report = (kind: AnomalyKind, problem: string) =>
    findings.add(kind, `${describeOperation(append)}: ${problem}`, [append.number]);
  if (outcome.kind === 'conflict') report('id-conflict', 'its ids are new, or all of them are there');
  if (outcome.kind === 'ok') {
    if (placement === undefined) report('lost-append', 'is not in the log');
    else if (placement.firstRevision !== outcome.firstRevision) {
      report('wrong-revision', `has revision ${placement.firstRevision}`);
    } else if (placement.position !== outcome.position || placement.end !== outcome.end) {
      report('wrong-position', `is at ${placement.position} to ${placement.end}`);
    }
  }
  // An attempt without an answer may arrive late and succeed, whatever another one was told.
  if (placement === undefined || append.unsettled > 0) return;
  if (outcome.kind === 'rejected') report('rejected-but-present', `is at ${placement.position}`);
  if (outcome.kind === 'refused') report('refused-but-present', `is at ${placement.position}`);
}

class TimePass {
  readonly #timeline: LogTimeline;
  readonly #marks: readonly CommitMark[];
  readonly #findings: Findings;
  /** As each operation began: the floor, and how far its node's reads had come. */
  readonly #floors = new Map<Operation, Floor>();
  readonly #sessionsBefore = new Map<Operation, Session>();
  readonly #sessions = new Map<string, Session>();
  #floor: Floor = { position: 0, because: -1 };
  #marksTaken = 0;
  #committed: Position = 0;

  constructor(timeline: LogTimeline, marks: readonly CommitMark[], findings: Findings) {
    this.#timeline = timeline;
    this.#marks = marks;
    this.#findings = findings;
  }

  run(operations: readonly Operation[]): void {
    const moments: { readonly sequence: number; readonly operation: Operation }[] = [];
    for (const operation of operations) {
      const { invoked, completed } = operation;
      moments.push({ sequence: invoked.sequence, operation });
      if (completed !== undefined) moments.push({ sequence: completed.sequence, operation });
    }
    moments.sort((a, b) => a.sequence - b.sequence);
    for (const { sequence, operation } of moments) {
      this.#advance(sequence);
      if (operation.invoked.sequence === sequence) this.#begin(operation);
      else if (operation.kind === 'read') this.#completeRead(operation);
      else this.#completeAppend(operation);
    }
  }

  #advance(sequence: number): void {
    for (; (this.#marks[this.#marksTaken]?.sequence ?? sequence) < sequence; this.#marksTaken++) {
      this.#committed = this.#marks[this.#marksTaken]!.end;
      this.#raise(this.#committed, -1);
    }
  }

  #raise(position: Position, because: number): void {
    if (position > this.#floor.position) this.#floor = { position, because };
  }

  #begin(operation: Operation): void {
    this.#floors.set(operation, this.#floor);
    if (operation.kind === 'read') {
      const session = this.#sessions.get(operation.node);
      if (session !== undefined) this.#sessionsBefore.set(operation, session);
      return;
    }
    // Whatever its client was told: if it happened, then after it was asked for.
    const placement = this.#timeline.placementOf(operation);
    if (placement !== undefined && placement.position < this.#floor.position) {
      this.#report(
        'real-time-order',
        operation,
        `is at ${placement.position}, before ${describe(this.#floor)}`,
      );
    }
  }

  #completeAppend(append: AppendOperation): void {
    const { outcome } = append;
    if (outcome.kind === 'ok') {
      if (outcome.end > this.#committed) {
        this.#report('acked-uncommitted', append, `only what is before ${this.#committed} was committed`);
      }
      const placement = this.#timeline.placementOf(append);
      if (placement !== undefined) this.#raise(placement.end, append.number);
    }
    if (outcome.kind === 'rejected') this.#checkRejection(append, outcome.current);
  }

  #checkRejection(append: AppendOperation, current: number): void {
    const { begin, end } = this.#timeline.spanOf(append.stream, current);
    const floor = this.#floors.get(append)!;
    const place = Math.max(begin, floor.position);
    let problem = '';
    if (isExpected(append.expected, current)) problem = 'this is what it expects';
    else if (begin > this.#committed) problem = 'the stream was not there yet, or never';
    else if (place >= end) problem = `the stream had moved on at ${end}, before ${describe(floor)}`;
    if (problem === '') this.#raise(place, append.number);
    else this.#report('unjustified-rejection', append, problem);
  }

  #completeRead(read: ReadOperation): void {
    const { outcome } = read;
    if (outcome.kind !== 'ok') return;
    this.#checkSession(read, outcome);
    const floor = this.#floors.get(read)!;
    if (read.mode === 'linearizable' && outcome.upTo < floor.position) {
      this.#report('stale-read', read, `it was asked after ${describe(floor)}`, floor.because);
    }
    if (outcome.upTo > this.#committed) {
      this.#report('read-uncommitted', read, `only what is before ${this.#committed} was committed`);
      return;
    }
    if (this.#isInLog(read, outcome)) this.#raise(outcome.upTo, read.number);
  }

  /** Whether the read shows the stream as it is in the log up to where it says that it has read. */
  #isInLog(read: ReadOperation, { state, upTo }: ReadOk): boolean {
    const timeline = this.#timeline;
    const { stream } = read;
    const { revision, lastEventId, digest } = state;
    const isThere = revision < 0 || timeline.has(lastEventId);
    if (!isThere || revision > timeline.revisionOf(stream)) {
      this.#report('read-uncommitted', read, `event ${lastEventId} at its end is not in the log there`);
      return false;
    }
    if (digest !== timeline.digestAt(stream, revision)) {
      this.#report('read-differs', read, 'the log has other events there');
      return false;
    }
    const { begin, end } = timeline.spanOf(stream, revision);
    if (begin <= upTo && upTo < end) return true;
    this.#report('read-not-at-position', read, `the stream is so from ${begin} to before ${end} only`);
    return false;
  }

  /** Reads at one node, between two starts of it, never go back. */
  #checkSession(read: ReadOperation, { upTo, start }: ReadOk): void {
    const before = this.#sessionsBefore.get(read);
    if (before?.start === start && upTo < before.upTo) {
      this.#report('session-backwards', read, `#${before.read} had read up to ${before.upTo}`, before.read);
    }
    const session = this.#sessions.get(read.node);
    if (session?.start !== start || upTo > session.upTo) {
      this.#sessions.set(read.node, { start, upTo, read: read.number });
    }
  }

  #report(kind: AnomalyKind, operation: Operation, problem: string, other = -1): void {
    const operations = other < 0 ? [operation.number] : [operation.number, other];
    this.#findings.add(kind, `${describeOperation(operation)}: ${problem}`, operations);
  }
}

function describe({ position, because }: Floor): string {
  return because < 0 ? `${position} was committed` : `#${because} had shown the log up to ${position}`;
}
