/**
 * The errors by which a node says that it can't decide about appends, or can't any more. Pure, any thread, browsers too. After one of them it
 * takes no further append of that connection: what was sent behind the one that was refused must not overtake it when it is sent again.
 */

import type { ErrorCode } from '../base/errors.js';

const INTERRUPTIONS: ReadonlySet<ErrorCode> = new Set([
  'not-leader',
  'no-leader',
  'no-quorum',
  'no-cluster',
  'fenced',
  'not-ready',
  'shutting-down',
  'outcome-unknown',
]);

/** Whether it is worth trying again, with the same event ids, over another connection. */
export function isInterruption(code: ErrorCode): boolean {
  return INTERRUPTIONS.has(code);
}

/** Whether an append that was refused with this may have been written all the same. */
export function leavesOutcomeOpen(code: ErrorCode): boolean {
  return code === 'outcome-unknown' || code === 'shutting-down';
}
