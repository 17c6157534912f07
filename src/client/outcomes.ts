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

/** An append was refused every time, for want of a node that could decide about it, until there was no time left. */
export function appendRefused(timeoutMs: number, refusal: CairnError): CairnError {
  const message = `${refusal.message}: so it was for ${timeoutMs} ms; nothing was written`;
  return new CairnError(refusal.code, message, { ...refusal.details, timeoutMs }, refusal);
}

/** A read or a question was refused every time. */
export function answerRefused(timeoutMs: number, refusal: CairnError): CairnError {
  const message = `${refusal.message}: so it was for ${timeoutMs} ms`;
  return new CairnError(refusal.code, message, { ...refusal.details, timeoutMs }, refusal);
}

/** Appended and refused answers came in an order that no node gives them. */
export function overtaken(): CairnError {
  return new CairnError('connection-lost', 'the server took an append behind one that it refused');
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

/** The node says nothing, and others say that it is not what it was. */
export function overruled(url: string): CairnError {
  return new CairnError('timeout', `${url} does not answer, and others have taken its place`, { url });
}

/** The server that answers now is not the one, or has not the data, that this client spoke with. */
export function otherLog(expected: string, found: string): CairnError {
  const message = `the server came back with another log (${found} instead of ${expected})`;
  return new CairnError('connection-lost', message, { expected, found });
}
