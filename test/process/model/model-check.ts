/** Holds events that a node gave against those of the model. */
import type { RecordedEvent } from '../../../src/client/client.js';
import { isGenuine } from '../cluster/event-content.js';
import type { ModelEvent } from './store-model.js';

/** Throws unless the node gave what the model has there: the same event, its bytes as they were sent, at the place where it always was. */
export function checkEvent(what: string, given: RecordedEvent, expected: ModelEvent | undefined): void {
  const { id, stream, revision, position, type, data } = given;
  const isSame =
    id === expected?.id &&
    stream === expected.stream &&
    revision === expected.revision &&
    isGenuine(id, type, data);
  if (isSame) expected.position ??= position;
  if (isSame && expected.position === position) return;
  throw new Error(
    `${what}: ${JSON.stringify({ id, stream, revision, position })} instead of ${JSON.stringify(expected)}`,
  );
}

export function checkEvents(
  what: string,
  given: readonly RecordedEvent[],
  expected: readonly ModelEvent[],
): void {
  for (const [i, event] of given.entries()) checkEvent(`${what}, event ${i}`, event, expected[i]);
  if (given.length < expected.length)
    throw new Error(`${what}: ${given.length} events instead of ${expected.length}`);
}
