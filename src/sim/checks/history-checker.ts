/**
 * Decides whether what clients were told is strictly serializable, given the committed log. Pure.
 *
 * Strict serializability asks for some serial order of all operations that explains every answer and keeps real time: what
 * completed before another began comes before it (Papadimitriou, The Serializability of Concurrent Database Updates, 1979; for
 * single objects: Herlihy and Wing, Linearizability, 1990). To find one is NP-complete; with the order of the writes
 * known it is easy (Gibbons and Korach, Testing Shared Memories, 1997), which is why Elle appends to lists (Kingsbury and Alvaro,
 * Elle, 2020). Here every write has a position in one log, and the log's order is what every read shows: no other order is a
 * candidate. So each operation has its place on the line of positions: an append just where it stands, a read up to where it
 * has read, a rejection anywhere between the events that made the stream so and the next ones. The rule is that an
 * operation's place is not before what was committed when it was asked, and not behind what was committed when it was
 * answered. Commit positions only grow, so what was answered before another was asked has its place before it: real time is
 * kept, and one pass through time is enough.
 *
 *   positions ──▶  ┌─────────┬──────────────┬───────┬───────
 *                  │ s@0 s@1 │ t@0          │ s@2   │
 *                  └─────────┴──────────────┴───────┴───────
 *        "s is at revision 1" ├────────────────────┤ has to meet what was committed: [when asked, when answered]
 *
 * The rule asks for a little more than clients could notice: what any node had committed, and not only what somebody was told
 * of it, is in every answer to later questions. Raft's read index promises as much.
 */
import type { Position, Revision } from '../../base/units.js';
import {
  type AppendOperation,
  describeOperation,
  type Operation,
  type ReadOperation,
} from '../clients/history.js';
import { isExpected } from '../node/stream-model.js';
import { type Anomaly, type AnomalyKind, Findings } from './anomaly.js';
import type { CommitMark } from './committed-log.js';
import { LogTimeline } from './log-timeline.js';
import type { LoggedEvent } from './logged-event.js';

export interface CheckInput {
  readonly operations: readonly Operation[];
  /** The committed log, `CommittedLog.events`. */
  readonly events: readonly LoggedEvent[];
  /** `CommittedLog.marks`. */
  readonly marks: readonly CommitMark[];
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
  const appends = input.operations.filter((operation) => operation.kind === 'append');
  const timeline = new LogTimeline(appends, input.events, findings);
  for (const append of appends) checkPresence(append, timeline, findings);
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
  /** As each operation began: what was committed, and how far its node's reads had come. */
  readonly #committedBefore = new Map<Operation, Position>();
  readonly #sessionsBefore = new Map<Operation, Session>();
  readonly #sessions = new Map<string, Session>();
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
    }
  }

  #begin(operation: Operation): void {
    this.#committedBefore.set(operation, this.#committed);
    if (operation.kind === 'read') {
      const session = this.#sessions.get(operation.node);
      if (session !== undefined) this.#sessionsBefore.set(operation, session);
      return;
    }
    // Whatever its client was told: if it happened, then after it was asked for.
    const placement = this.#timeline.placementOf(operation);
    if (placement !== undefined && placement.position < this.#committed) {
      const problem = `is at ${placement.position}, and ${this.#committed} was committed before it was asked for`;
      this.#report('real-time-order', operation, problem);
    }
  }

  #completeAppend(append: AppendOperation): void {
    const { outcome } = append;
    if (outcome.kind === 'ok' && outcome.end > this.#committed) {
      this.#report('acked-uncommitted', append, `only what is before ${this.#committed} was committed`);
    }
    if (outcome.kind === 'rejected') this.#checkRejection(append, outcome.current);
  }

  #checkRejection(append: AppendOperation, current: Revision): void {
    const { begin, end } = this.#timeline.spanOf(append.stream, current);
    const before = this.#committedBefore.get(append)!;
    let problem = '';
    if (isExpected(append.expected, current)) problem = 'this is what it expects';
    else if (begin > this.#committed) problem = 'the stream was not there yet, or never';
    else if (Math.max(begin, before) >= end) {
      problem = `the stream had moved on at ${end}, and ${before} was committed before it was asked for`;
    }
    if (problem !== '') this.#report('unjustified-rejection', append, problem);
  }

  #completeRead(read: ReadOperation): void {
    const { outcome } = read;
    if (outcome.kind !== 'ok') return;
    this.#checkSession(read, outcome);
    const before = this.#committedBefore.get(read)!;
    if (read.mode === 'linearizable' && outcome.upTo < before) {
      this.#report('stale-read', read, `${before} was committed before it was asked for`);
    }
    if (outcome.upTo > this.#committed) {
      this.#report('read-uncommitted', read, `only what is before ${this.#committed} was committed`);
    } else this.#checkState(read, outcome);
  }

  /** A read shows the stream as it is in the log up to where it says that it has read. */
  #checkState(read: ReadOperation, { state, upTo }: ReadOk): void {
    const timeline = this.#timeline;
    const { stream } = read;
    const { revision, lastEventId, digest } = state;
    const isThere = revision < 0 || timeline.has(lastEventId);
    const { begin, end } = timeline.spanOf(stream, revision);
    if (!isThere || revision > timeline.revisionOf(stream)) {
      this.#report('read-uncommitted', read, `event ${lastEventId} at its end is not in the log there`);
    } else if (digest !== timeline.digestAt(stream, revision)) {
      this.#report('read-differs', read, 'the log has other events there');
    } else if (upTo < begin || upTo >= end) {
      this.#report('read-not-at-position', read, `the stream is so from ${begin} to before ${end} only`);
    }
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
