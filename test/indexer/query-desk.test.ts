/** Main's end of the mailboxes, with the test as the index thread. */
import { beforeEach, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { receiveQuery, sendAnswer } from '../../src/indexer/messages.js';
import { QueryDesk } from '../../src/indexer/query-desk.js';
import { RunCollector } from '../../src/indexer/run-collector.js';
import { createRing } from '../../src/ring/layout.js';
import { createMailbox, MailboxReceiver, MailboxSender } from '../../src/ring/mailbox.js';

const STREAM = Buffer.from('s');
const GONE = new CairnError('shutting-down', 'gone');

let desk: QueryDesk;
let queries: MailboxReceiver;
let answers: MailboxSender;

beforeEach(() => {
  const shape = { ringBytes: 65_536, recordBytesMax: 4_096, chunkBytes: 65_536, start: 0 };
  const [toIndexer, toMain] = [createMailbox(4_096), createMailbox(4_096)];
  desk = new QueryDesk(createRing({ ...shape, alignmentGap: () => 0 }), toIndexer, toMain);
  queries = new MailboxReceiver(toIndexer);
  answers = new MailboxSender(toMain);
});

function lookup(): Promise<{ readonly head: number }> {
  return desk.lookup({ stream: STREAM, direction: 'forwards', from: 0, eventsMax: 1, bytesMax: 1 });
}

/** The index thread answers the oldest query: the stream's head is `head`. What is asked in one go is sent at its end. */
async function answer(head: number): Promise<void> {
  await Promise.resolve();
  const { id } = receiveQuery(queries)!;
  queries.release();
  sendAnswer(answers, { id, head, next: 0 }, new RunCollector());
}

test('each query gets its answer', async () => {
  const [first, second] = [lookup(), lookup()];
  await answer(7);
  await answer(8);
  desk.deliver();
  expect([(await first).head, (await second).head]).toEqual([7, 8]);
});

test('when the thread has ended, what it had answered counts, and all else is refused, now and later', async () => {
  const [answered, open] = [lookup(), lookup()];
  await answer(7);
  desk.close(GONE);
  expect((await answered).head).toBe(7);
  await expect(open).rejects.toBe(GONE);
  await expect(lookup()).rejects.toBe(GONE);
});

test('an answer that comes after that is nobody’s, and does no harm', async () => {
  const open = lookup();
  await Promise.resolve();
  desk.close(GONE);
  const refused = expect(open).rejects.toBe(GONE);
  await answer(7);
  desk.deliver();
  await refused;
});

test('what is asked in one go is sent together', async () => {
  const asked = [lookup(), lookup(), lookup()];
  expect(receiveQuery(queries)).toBeUndefined();
  for (const head of asked.keys()) await answer(head);
  desk.deliver();
  expect((await Promise.all(asked)).map(({ head }) => head)).toEqual([0, 1, 2]);
});
