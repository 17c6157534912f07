/** Whether a stream is as an append expects it, and what to say if it isn't. Pure. */
import type { Bytes } from '../base/ports.js';
import type { Revision } from '../base/units.js';
import { EXPECTED_REVISION } from '../wire/frames.js';
import type { Rejection } from './pending-replies.js';

/** Whether `current`, -1 for a stream without events, is what `expected` says. */
export function isExpected(expected: number, current: Revision): boolean {
  if (expected === EXPECTED_REVISION.any || expected === current) return true;
  return expected === EXPECTED_REVISION.streamExists && current >= 0;
}

export function wrongRevision(name: Bytes, expected: number, current: Revision): Rejection {
  const stream = new TextDecoder().decode(name);
  return {
    code: 'wrong-expected-revision',
    message: `the append expects ${describeRevision(expected)}, but stream '${stream}' has ${describeRevision(current)}; read it again and decide anew`,
    details: { stream, expected, current },
  };
}

export function streamDeleted(name: Bytes): Rejection {
  const stream = new TextDecoder().decode(name);
  const message = `stream '${stream}' has a tombstone, and takes nothing any more; use a stream with another name`;
  return { code: 'stream-deleted', message, details: { stream } };
}

function describeRevision(revision: number): string {
  if (revision === EXPECTED_REVISION.noStream) return 'no events';
  return revision === EXPECTED_REVISION.streamExists ? 'some event' : `revision ${revision} as its last`;
}
