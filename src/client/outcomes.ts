/**
 * The errors that a client makes itself when no answer comes. Pure. What always holds: they say whether the request may have
 * taken effect.
 */

import { CairnError } from '../base/errors.js';

const UNKNOWN =
  'whether the events were written is unknown; appending them again with the same ids writes them once in any case';
const NOT_SENT = 'the events were not sent, nothing was written';

/** An append got no answer in time. */
export function appendTimeout(timeoutMs: number, wasSent: boolean): CairnError {
  const outcome = wasSent ? UNKNOWN : NOT_SENT;
  return new CairnError('timeout', `no answer to the append within ${timeoutMs} ms: ${outcome}`, {
    timeoutMs,
  });
}

/** An append got no answer, and there is no connection to get it from any more, because of `error`. */
export function appendUnanswered(error: CairnError, wasSent: boolean): CairnError {
  const outcome = wasSent ? UNKNOWN : NOT_SENT;
  return new CairnError(error.code, `${error.message}: ${outcome}`, error.details, error);
}

/** A read or a question got no answer in time. */
export function answerTimeout(timeoutMs: number): CairnError {
  return new CairnError('timeout', `no answer within ${timeoutMs} ms`, { timeoutMs });
}

/** The client holds as much as it may. */
export function queueFull(maxQueuedBytes: number): CairnError {
  const message = `${maxQueuedBytes} bytes of appends wait for their answers already: wait for some of them first`;
  return new CairnError('too-many-requests', message, { maxQueuedBytes });
}

export function clientClosed(): CairnError {
  return new CairnError('connection-lost', 'the client was closed');
}

/** All attempts to come back have failed, the last one because of `cause`. */
export function gaveUp(attempts: number, cause: CairnError): CairnError {
  const tries = attempts === 0 ? '' : `, and ${attempts} attempts to come back failed`;
  return new CairnError('connection-lost', `the connection was lost${tries} (${cause.message})`, {}, cause);
}

/** The server that answers now is not the one, or has not the data, that this client spoke with. */
export function otherLog(expected: string, found: string): CairnError {
  const message = `the server came back with another log (${found} instead of ${expected})`;
  return new CairnError('connection-lost', message, { expected, found });
}
