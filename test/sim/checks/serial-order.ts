/**
 * Strict serializability by its definition: tries the orders of all operations that keep real time, until one of them explains
 * every answer. Takes forever for more than a few operations; knows nothing of logs and positions.
 */
import { extendDigest } from '../../../src/sim/clients/client-messages.js';
import type { AppendOutcome, Operation } from '../../../src/sim/clients/history.js';

type Streams = ReadonlyMap<string, readonly string[]>;

/** The streams after an operation, or undefined if it can't have been answered so by these. */
function take(streams: Streams, operation: Operation): Streams | undefined {
  const ids = streams.get(operation.stream) ?? [];
  const current = ids.length - 1;
  if (operation.kind === 'read') {
    if (operation.outcome.kind === 'failed') return streams;
    const { revision, digest } = operation.outcome.state;
    const isSame = revision === current && digest === ids.reduce((sum, id) => extendDigest(sum, id), 0);
    return isSame ? streams : undefined;
  }
  const { expected, eventIds, stream } = operation;
  const outcome: AppendOutcome = operation.outcome;
  const fits =
    expected === 'any' ||
    expected === current ||
    (expected === 'none' && current < 0) ||
    (expected === 'exists' && current >= 0);
  const after = new Map([...streams, [stream, [...ids, ...eventIds]]]);
  switch (outcome.kind) {
    case 'ok':
      return fits && outcome.firstRevision === current + 1 ? after : undefined;
    case 'unknown':
      return fits ? after : streams;
    case 'rejected':
      return !fits && outcome.current === current ? streams : undefined;
    case 'refused':
      return streams;
    default:
      return undefined;
  }
}

/** Whether some serial order explains all answers. An operation of unknown outcome may have happened at any time, or never. */
export function hasSerialOrder(operations: readonly Operation[], streams: Streams = new Map()): boolean {
  const isOpen = ({ kind, outcome, completed }: Operation) =>
    completed === undefined || (kind === 'append' && outcome.kind === 'unknown');
  if (operations.every(isOpen)) return true;
  const firstEnd = Math.min(
    ...operations.filter((operation) => !isOpen(operation)).map(({ completed }) => completed!.sequence),
  );
  return operations.some((operation) => {
    if (operation.invoked.sequence > firstEnd) return false;
    const after = take(streams, operation);
    const others = operations.filter((other) => other !== operation);
    return after !== undefined && hasSerialOrder(others, after);
  });
}
