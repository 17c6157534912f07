/**
 * What clients asked, when, and what they were told: the record that the checker judges. Pure. Every invocation, completion and
 * move of the commit position gets a moment of its own from one counter, so that "before" is never a matter of milliseconds.
 */
import { assert } from '../../base/assert.js';
import type { Position, Revision } from '../../base/units.js';
import type { Expected, ReadMode, StreamState } from './client-messages.js';

/** A point in the run: `sequence` orders, `timeMs` is for people. */
export interface Moment {
  readonly sequence: number;
  readonly timeMs: number;
}

export type AppendOutcome =
  /** Acknowledged: position of the first record, end of the last. */
  | {
      readonly kind: 'ok';
      readonly firstRevision: Revision;
      readonly position: Position;
      readonly end: Position;
    }
  | { readonly kind: 'rejected'; readonly current: Revision }
  /** No attempt of it had an effect. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'conflict' }
  /** Still open, or given up after an attempt that got no answer: it may have happened, or may yet. */
  | { readonly kind: 'unknown' };

export type ReadOutcome =
  | { readonly kind: 'ok'; readonly state: StreamState; readonly upTo: Position; readonly start: number }
  /** Still open, refused, or not answered in time. */
  | { readonly kind: 'failed' };

interface OperationBase {
  /** Its place in the history. */
  readonly number: number;
  readonly client: string;
  readonly stream: string;
  readonly invoked: Moment;
  /** Undefined as long as it is open. */
  completed: Moment | undefined;
}

export interface AppendOperation extends OperationBase {
  readonly kind: 'append';
  readonly expected: Expected;
  readonly eventIds: readonly string[];
  outcome: AppendOutcome;
  /** How often it was sent. */
  attempts: number;
  /** How many of the attempts got no answer: each may still arrive somewhere and be carried out. */
  unsettled: number;
}

export interface ReadOperation extends OperationBase {
  readonly kind: 'read';
  readonly mode: ReadMode;
  /** Who was asked. */
  readonly node: string;
  outcome: ReadOutcome;
}

export type Operation = AppendOperation | ReadOperation;

export type NewAppend = Pick<AppendOperation, 'client' | 'stream' | 'expected' | 'eventIds'>;
export type NewRead = Pick<ReadOperation, 'client' | 'stream' | 'mode' | 'node'>;

/** A run of a million operations is a bug in whoever drives it; this many take some hundred megabytes. */
const OPERATIONS_MAX = 1_000_000;

export class History {
  /** In the order of their invocations. */
  readonly operations: Operation[] = [];
  #sequence = 0;

  /** The next moment: later than all before. */
  moment(timeMs: number): Moment {
    return { sequence: ++this.#sequence, timeMs };
  }

  invokeAppend(append: NewAppend, nowMs: number): AppendOperation {
    const operation: AppendOperation = {
      kind: 'append',
      number: this.operations.length,
      ...append,
      invoked: this.moment(nowMs),
      completed: undefined,
      outcome: { kind: 'unknown' },
      attempts: 0,
      unsettled: 0,
    };
    this.#add(operation);
    return operation;
  }

  invokeRead(read: NewRead, nowMs: number): ReadOperation {
    const operation: ReadOperation = {
      kind: 'read',
      number: this.operations.length,
      ...read,
      invoked: this.moment(nowMs),
      completed: undefined,
      outcome: { kind: 'failed' },
    };
    this.#add(operation);
    return operation;
  }

  completeAppend(operation: AppendOperation, outcome: AppendOutcome, nowMs: number): void {
    this.#complete(operation, nowMs);
    operation.outcome = outcome;
  }

  completeRead(operation: ReadOperation, outcome: ReadOutcome, nowMs: number): void {
    this.#complete(operation, nowMs);
    operation.outcome = outcome;
  }

  #add(operation: Operation): void {
    assert(this.operations.length < OPERATIONS_MAX, 'the history is bounded');
    this.operations.push(operation);
  }

  #complete(operation: Operation, nowMs: number): void {
    assert(operation.completed === undefined, 'an operation completes once');
    operation.completed = this.moment(nowMs);
  }
}

/** One line about an operation, for people. */
export function describeOperation(operation: Operation): string {
  const { number, client, stream, invoked, completed } = operation;
  const when = `${invoked.timeMs} to ${completed?.timeMs ?? '…'} ms`;
  const what =
    operation.kind === 'append'
      ? `append of ${operation.eventIds.length} to ${stream}, expecting ${operation.expected}, ${operation.attempts} attempts`
      : `${operation.mode} read of ${stream} at ${operation.node}`;
  return `#${number} ${client}: ${what}, ${when}: ${describeOutcome(operation.outcome)}`;
}

function describeOutcome(outcome: AppendOutcome | ReadOutcome): string {
  if (outcome.kind === 'rejected') return `rejected, stream is at ${outcome.current}`;
  if (outcome.kind !== 'ok') return outcome.kind;
  return 'state' in outcome
    ? `revision ${outcome.state.revision}, up to ${outcome.upTo}`
    : `revision ${outcome.firstRevision} at ${outcome.position} to ${outcome.end}`;
}
