import type { CommitMark } from './committed-log.js';
import type { Operation } from './history.js';
import type { LoggedEvent } from './logged-event.js';
import type { Violation } from './violation.js';

export interface CheckInput {
  readonly operations: readonly Operation[];
  /** The committed log, {@link CommittedLog.events}. */
  readonly events: readonly LoggedEvent[];
  /** {@link CommittedLog.marks}. */
  readonly marks: readonly CommitMark[];
}

export function checkHistory(input: CheckInput, _violationsMax = 20): readonly Violation[] {
  void input;
  return [];
}
