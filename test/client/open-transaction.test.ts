/** What an open transaction sends, step by step, to a server that the test plays. */
import { expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { OpenTransaction, type TransactionPort } from '../../src/client/open-transaction.js';

const EVENT = { type: 'tested', data: 'x' };
const ID = '018f4e5c-0000-7000-8000-000000000b01';

/** Answers each step with what is next in `outcomes`; an error is thrown. */
function played(...outcomes: (CairnError | undefined)[]) {
  const sent: (readonly [number, number, string | undefined])[] = [];
  const port: TransactionPort = {
    append: async (request) => {
      if (request instanceof Uint8Array || request.transaction === undefined) throw new Error('no step');
      const { step, action } = request.transaction;
      sent.push([step, action, 'stream' in request ? request.stream : undefined]);
      const outcome = outcomes.shift();
      if (outcome !== undefined) throw outcome;
      return { revision: step, position: 0, duplicate: false };
    },
  };
  return { port, sent };
}

test('its steps are numbered one behind the other, and sent one after the other', async () => {
  const { port, sent } = played();
  const transaction = new OpenTransaction(port, undefined, undefined);
  await Promise.all([transaction.append('a', EVENT), transaction.append('b', EVENT), transaction.commit()]);
  await transaction.commit();
  expect(sent).toEqual([
    [0, 0, 'a'],
    [1, 0, 'b'],
    [2, 1, undefined],
    [2, 1, undefined],
  ]);
  expect(transaction.place).toEqual({ id: transaction.id, steps: 2 });
});

test('a step that was refused gives its number to the next', async () => {
  const { port, sent } = played(new CairnError('request-too-large', 'too large'));
  const transaction = new OpenTransaction(port, undefined, { id: ID, steps: 7 });
  await expect(transaction.append('a', EVENT)).rejects.toMatchObject({ code: 'request-too-large' });
  await transaction.append('b', EVENT);
  await transaction.abandon();
  expect(sent.map(([step]) => step)).toEqual([7, 7, 8]);
});

test.each(['timeout', 'connection-lost', 'outcome-unknown', 'shutting-down'] as const)(
  'after %s of a step nothing more is sent: its number may be taken, by other events than the next would have',
  async (code) => {
    const { port, sent } = played(new CairnError(code, 'gone'));
    const transaction = new OpenTransaction(port, undefined, undefined);
    await expect(transaction.append('a', EVENT)).rejects.toMatchObject({ code });
    const over = { code: 'transaction-over' };
    await expect(transaction.append('a', EVENT)).rejects.toMatchObject(over);
    await expect(transaction.commit()).rejects.toMatchObject(over);
    expect(sent).toHaveLength(1);
  },
);

test('a commit without an answer may be asked for again', async () => {
  const { port, sent } = played(undefined, new CairnError('timeout', 'gone'));
  const transaction = new OpenTransaction(port, undefined, undefined);
  await transaction.append('a', EVENT);
  await expect(transaction.commit()).rejects.toMatchObject({ code: 'timeout' });
  await transaction.commit();
  expect(sent.slice(1).map(([step, action]) => [step, action])).toEqual([
    [1, 1],
    [1, 1],
  ]);
});

test.each([
  ['an id that is none', { id: 'x', steps: 1 }],
  ['a negative number of steps', { id: ID, steps: -1 }],
])('does not go on at a place with %s', (_, place) => {
  expect(() => new OpenTransaction(played().port, undefined, place)).toThrowError(
    expect.objectContaining({ code: 'invalid-request' }),
  );
});
