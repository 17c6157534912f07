import { expect, test } from 'vitest';
import type { ReadMessage, SubscribeAllOptions } from '../../src/client/client.js';
import { encodeError } from '../../src/wire/answer-frames.js';
import { EVENTS_BEHIND, EVENTS_CAUGHT_UP, EVENTS_LAST, OPCODE } from '../../src/wire/frames.js';
import {
  decodeReadAll,
  decodeReadStream,
  type ReadAllRequest,
  type ReadStreamRequest,
} from '../../src/wire/read-frames.js';
import { openFrame } from '../wire/golden-frames.js';
import { eventRecord } from './fake-records.js';
import type { SeenFrame } from './fake-server.js';
import { failure, pair } from './pair.js';

const END = Number.POSITIVE_INFINITY;

function requestOf({ bytes, opcode }: SeenFrame): ReadAllRequest | ReadStreamRequest {
  const decoded = (opcode === OPCODE.readAll ? decodeReadAll : decodeReadStream)(openFrame(bytes));
  if (decoded.kind === 'invalid') throw new Error(decoded.reason);
  return decoded.frame;
}

/** One word for each message, or the revisions of its events. */
function wordOf(message: ReadMessage): string | number[] {
  if (message.kind === 'events') return message.events.map(({ revision }) => revision);
  return 'checkpoint' in message ? `${message.kind} ${message.checkpoint}` : message.kind;
}

test.each<[SubscribeAllOptions, object, object]>([
  [{}, { from: 0 }, { from: 0 }],
  [{ from: 'start' }, { from: 0 }, { from: 0 }],
  [
    { from: 'end', count: 3 },
    { from: END, count: 3 },
    { from: END, count: 3 },
  ],
  [{ from: 64 }, { from: 64 }, { from: 64 }],
  [{ after: -1 }, { from: 0 }, { from: 0 }],
  // An event, and a checkpoint: the last byte that was seen.
  [{ after: 64 }, { from: 64, isAfter: true }, { from: 65 }],
  [{ after: 63 }, { from: 64 }, { from: 64 }],
  [{ after: 60 }, { from: 60, isAfter: true }, { from: 61 }],
])('asks for what was asked: %j', async (options, all, stream) => {
  const { client, connection } = await pair({}, { readWindowBytes: 100_000 });
  const common = { count: END, isBackwards: false, windowBytes: 100_000, atLeast: 0, consistency: 'local' };
  const subscriptions = [client.subscribeAll(options), client.subscribe('s', options)];
  const iterators = subscriptions.map((subscription) => subscription.messages());
  const over = iterators.map((iterator) => iterator.next());
  const [first, second] = [await connection.next(), await connection.next()];
  expect(requestOf(first)).toEqual({ ...common, isLive: true, ...all });
  expect(requestOf(second)).toEqual({ ...common, isLive: true, ...stream, stream: 's' });
  for (const { requestId } of [first, second]) connection.endRead(requestId);
  expect((await Promise.all(over)).map(({ done }) => done)).toEqual([true, true]);
});

test('filters go along with reads and subscriptions', async () => {
  const { client, connection } = await pair();
  const filter = { streamPrefix: ['a-', 'b-'], typeRegex: '^X' };
  const read = client.readAll({ filter }).toArray();
  const { requestId, bytes, opcode, flags } = await connection.next();
  expect(requestOf({ requestId, bytes, opcode, flags })).toMatchObject({
    filter: [
      { field: 'stream', kind: 'prefix', patterns: ['a-', 'b-'] },
      { field: 'type', kind: 'regex', patterns: ['^X'] },
    ],
  });
  connection.endRead(requestId);
  await read;
  expect(() => client.subscribeAll({ filter: { streamRegex: 'x'.repeat(1025) } })).toThrow(/1024 bytes/);
  expect(() => client.subscribeAll({ filter: { typePrefix: new Array(65).fill('x') } })).toThrow(
    /64 prefixes/,
  );
});

test.each<[SubscribeAllOptions, RegExp]>([
  [{ from: -1 }, /'start', 'end'/],
  [{ after: -2 }, /−1/],
  [{ after: 1.5 }, /−1/],
  [{ from: 3, after: 3 }, /either/],
  [{ count: 0 }, /count/],
])('refuses %j', async (options, why) => {
  const { client } = await pair();
  expect(() => client.subscribe('s', options)).toThrow(why);
  expect(() => client.subscribeAll(options)).toThrow(why);
});

test('says what there is to know, in order: behind before the events, caught up after them', async () => {
  const { client, connection } = await pair();
  const messages = client.subscribe('s').messages();
  const words: (string | number[])[] = [];
  const reading = (async () => {
    for await (const message of messages) words.push(wordOf(message));
  })();
  const { requestId } = await connection.next();
  const event = (revision: number) => [eventRecord({ revision })];
  connection.sendEvents({ requestId, next: 1 }, event(0));
  connection.sendEvents({ requestId, next: 2, flags: EVENTS_CAUGHT_UP }, event(1));
  connection.sendEvents({ requestId, next: 3, flags: EVENTS_BEHIND | EVENTS_CAUGHT_UP }, event(2));
  connection.sendEvents({ requestId, next: 3 }, []);
  connection.sendEvents({ requestId, next: 3, flags: EVENTS_LAST }, []);
  await reading;
  expect(words).toEqual([[0], [1], 'caught-up 1', 'behind', [2], 'caught-up 2', 'checkpoint 2']);
});

test('after a lost connection it goes on behind the last event, and says that it is behind', async () => {
  const { server, client, connection } = await pair();
  const messages = client.subscribeAll({ after: 64 }).messages();
  const words: (string | number[])[] = [];
  const reading = (async () => {
    for await (const message of messages) words.push(wordOf(message));
  })();
  const first = await connection.next();
  const event = (revision: number) => [eventRecord({ revision, position: 200 + 200 * revision })];
  connection.sendEvents({ requestId: first.requestId, next: 400, head: 400 }, event(0));
  connection.sendEvents(
    { requestId: first.requestId, next: 600, head: 600, flags: EVENTS_CAUGHT_UP },
    event(1),
  );
  connection.drop();
  const second = await server.connection();
  const again = await second.next();
  // The node that answers must have what was shown.
  expect(requestOf(again)).toMatchObject({ from: 600, atLeast: 600, isLive: true });
  expect(requestOf(again)).not.toHaveProperty('isAfter');
  second.sendEvents({ requestId: again.requestId, next: 800, head: 800, flags: EVENTS_CAUGHT_UP }, event(2));
  second.sendEvents({ requestId: again.requestId, next: 800, head: 800, flags: EVENTS_LAST }, []);
  await reading;
  expect(words).toEqual([[0], [1], 'caught-up 599', 'behind', [2], 'caught-up 799']);
});

test('a refusal that passes sends it to another node; one that does not ends it', async () => {
  const { server, client, connection } = await pair();
  const messages = client.subscribe('s').messages();
  const next = messages.next();
  const { requestId } = await connection.next();
  const error = (code: 'not-ready' | 'too-many-subscriptions') => ({ code, message: code, details: {} });
  connection.send((writer) => encodeError(writer, requestId, error('not-ready')));
  const second = await server.connection();
  const again = await second.next();
  second.send((writer) => encodeError(writer, again.requestId, error('too-many-subscriptions')));
  expect((await failure(next)).code).toBe('too-many-subscriptions');
});

test('leaving the loop ends it at the node', async () => {
  const { client, connection } = await pair();
  const reading = (async () => {
    for await (const event of client.subscribe('s')) return event.revision;
    return undefined;
  })();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId, next: 1 }, [eventRecord({ revision: 0 })]);
  expect(await reading).toBe(0);
  const cancel = await connection.next();
  expect([cancel.opcode, cancel.requestId]).toEqual([OPCODE.cancel, requestId]);
});

test('a tombstone ends the subscription with its error, behind the events before it; it is not asked for again', async () => {
  const { client, connection } = await pair();
  const messages = client.subscribe('s').messages();
  const words: (string | number[])[] = [];
  const reading = (async () => {
    for await (const message of messages) words.push(wordOf(message));
  })();
  const { requestId } = await connection.next();
  connection.sendEvents({ requestId, next: 1, flags: EVENTS_CAUGHT_UP }, [eventRecord({ revision: 0 })]);
  connection.send((writer) =>
    encodeError(writer, requestId, { code: 'stream-deleted', message: 'it has a tombstone', details: {} }),
  );
  expect(await failure(reading)).toMatchObject({ code: 'stream-deleted' });
  expect(words).toEqual([[0], 'caught-up 0']);
  const next = client.readStream('other').toArray();
  const asked = await connection.next();
  expect(requestOf(asked)).toMatchObject({ stream: 'other' });
  connection.endRead(asked.requestId);
  await next;
});
