import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AckQueues } from '../../src/sequencer/ack-queues.js';
import { type Confirm, PendingReplies, type Rejection } from '../../src/sequencer/pending-replies.js';

const WRONG_REVISION: Rejection = { code: 'wrong-expected-revision', message: 'no', details: { current: 4 } };
const CONFLICT: Rejection = { code: 'event-id-conflict', message: 'no', details: {} };
const TOO_LARGE: Rejection = { code: 'request-too-large', message: 'no', details: {} };
const UNKNOWN: Rejection = { code: 'outcome-unknown', message: 'who knows', details: {} };

/** What one client was told, in order. */
class Client {
  readonly told: string[] = [];
  onAnswer: (() => void) | undefined;

  appended(token: number, revision: number, position: number, isDuplicate: boolean): void {
    this.told.push(`${token} ${isDuplicate ? 'again' : 'yes'} ${revision}@${position}`);
    this.onAnswer?.();
  }

  appendedParts(token: number, revisions: readonly number[], position: number, isDuplicate: boolean): void {
    this.told.push(`${token} ${isDuplicate ? 'again' : 'yes'} ${revisions.join(' and ')}@${position}`);
    this.onAnswer?.();
  }

  rejected(token: number, { code }: Rejection): void {
    this.told.push(`${token} ${code}`);
    this.onAnswer?.();
  }
}

function append(pending: PendingReplies, end: number, client: Client, token: number): void {
  pending.setResult(pending.appended(end, client, token, false), token, end - 8);
}

describe('answers wait for the commit', () => {
  test('in log order, and none comes early', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    append(pending, 100, client, 1);
    pending.rejected(100, client, 2, TOO_LARGE);
    append(pending, 200, client, 3);
    pending.setResult(pending.appended(200, client, 4, true), 9, 92);
    pending.release(99);
    expect(client.told).toEqual([]);
    pending.release(100);
    expect(client.told).toEqual(['1 yes 1@92', '2 request-too-large']);
    expect(pending.size).toBe(2);
    pending.release(1_000);
    expect(client.told.slice(2)).toEqual(['3 yes 3@192', '4 again 9@92']);
    expect(pending.size).toBe(0);
  });

  test('whatever is added, released and abandoned: every request has one answer, in order, to its own client', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('append'), amount: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('reject'), amount: fc.nat(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('release'), amount: fc.nat(6) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('many'), amount: fc.integer({ min: 500, max: 1500 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandon'), amount: fc.nat(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const pending = new PendingReplies();
        const clients = [new Client(), new Client(), new Client()];
        const expected: string[][] = [[], [], []];
        let waiting: { who: number; end: number; token: number; answer: string }[] = [];
        let [end, committed, token] = [0, 0, 0];
        const add = (isRejection: boolean): void => {
          const who = token % 3;
          if (isRejection) pending.rejected(end, clients[who]!, token, TOO_LARGE);
          else append(pending, end, clients[who]!, token);
          const answer = isRejection ? `${token} request-too-large` : `${token} yes ${token}@${end - 8}`;
          waiting.push({ who, end, token, answer });
          token++;
        };
        for (const { kind, amount } of steps) {
          if (kind === 'append') {
            end += amount;
            add(false);
          } else if (kind === 'reject') add(true);
          else if (kind === 'many') for (let i = 0; i < amount; i++) add(false);
          else if (kind === 'release') {
            committed = Math.min(end, committed + amount);
            pending.release(committed);
            for (const entry of waiting.filter((one) => one.end <= committed))
              expected[entry.who]!.push(entry.answer);
            waiting = waiting.filter((one) => one.end > committed);
          } else {
            pending.abandon(UNKNOWN);
            for (const entry of waiting) expected[entry.who]!.push(`${entry.token} outcome-unknown`);
            waiting = [];
          }
          expect(pending.size).toBe(waiting.length);
        }
        expect(clients.map(({ told }) => told)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('and what a client asks for when it gets one waits for its own', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    append(pending, 100, client, 1);
    client.onAnswer = () => {
      client.onAnswer = undefined;
      append(pending, 100, client, 2);
    };
    pending.release(100);
    expect(client.told).toEqual(['1 yes 1@92']);
    pending.release(100);
    expect(client.told).toEqual(['1 yes 1@92', '2 yes 2@92']);
  });
});

describe('a no that rests on the log', () => {
  interface Asked {
    answer(): void;
    abandon(): void;
  }
  const asked: Asked[] = [];
  const confirm: Confirm = (answer, abandon) => asked.push({ answer, abandon });

  test.each([WRONG_REVISION, CONFLICT])(
    'is given only if this log is still the newest: $code',
    (rejection) => {
      asked.length = 0;
      const [pending, client] = [new PendingReplies(confirm), new Client()];
      pending.rejected(100, client, 1, rejection);
      pending.rejected(100, client, 2, rejection);
      expect(asked).toHaveLength(2);
      pending.release(100);
      expect(client.told).toEqual([]);
      asked[0]!.answer();
      asked[1]!.abandon();
      expect(client.told).toEqual([`1 ${rejection.code}`, '2 no-leader']);
    },
  );

  test('holds up what is behind it, and nothing is said before it is committed', () => {
    asked.length = 0;
    const [pending, client] = [new PendingReplies(confirm), new Client()];
    pending.rejected(50, client, 1, WRONG_REVISION);
    append(pending, 100, client, 2);
    asked[0]!.answer();
    expect(client.told).toEqual([]);
    pending.rejected(100, client, 3, WRONG_REVISION);
    append(pending, 200, client, 4);
    pending.release(200);
    expect(client.told).toEqual(['1 wrong-expected-revision', '2 yes 2@92']);
    asked[1]!.answer();
    expect(client.told).toEqual([
      '1 wrong-expected-revision',
      '2 yes 2@92',
      '3 wrong-expected-revision',
      '4 yes 4@192',
    ]);
  });

  test('is not needed for one that holds whoever leads, nor for a yes', () => {
    asked.length = 0;
    const [pending, client] = [new PendingReplies(confirm), new Client()];
    pending.rejected(0, client, 1, TOO_LARGE);
    append(pending, 100, client, 2);
    pending.release(100);
    expect(asked).toEqual([]);
    expect(client.told).toEqual(['1 request-too-large', '2 yes 2@92']);
  });

  test('is nothing any more when the reign ends: nobody knows', () => {
    asked.length = 0;
    const [pending, client] = [new PendingReplies(confirm), new Client()];
    append(pending, 100, client, 1);
    pending.rejected(100, client, 2, WRONG_REVISION);
    pending.abandon(UNKNOWN);
    expect(client.told).toEqual(['1 outcome-unknown', '2 outcome-unknown']);
    asked[0]!.answer();
    pending.release(100);
    expect(client.told).toHaveLength(2);
  });
});

describe('an answer that is held', () => {
  /** Adds an append that was there already, and holds its answer. */
  function held(pending: PendingReplies, end: number, client: Client, token: number): number {
    const entry = pending.appended(end, client, token, true);
    pending.setResult(entry, token, end - 8);
    pending.hold(entry);
    return entry;
  }

  test('waits, and all behind it, until it is set free', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    append(pending, 100, client, 1);
    const entry = held(pending, 100, client, 2);
    append(pending, 200, client, 3);
    pending.release(200);
    expect(client.told).toEqual(['1 yes 1@92']);
    expect(pending.isHeld(entry)).toBe(true);
    pending.free(entry);
    expect(client.told).toEqual(['1 yes 1@92', '2 again 2@92', '3 yes 3@192']);
    pending.free(entry);
    expect(client.told).toHaveLength(3);
  });

  test('waits for the commit all the same', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    pending.free(held(pending, 100, client, 1));
    expect(client.told).toEqual([]);
    pending.release(100);
    expect(client.told).toEqual(['1 again 1@92']);
  });

  test('may become a no, which is confirmed like any other that rests on the log', () => {
    const asked: { answer(): void; abandon(): void }[] = [];
    const confirm: Confirm = (answer, abandon) => asked.push({ answer, abandon });
    const [pending, client] = [new PendingReplies(confirm), new Client()];
    const [first, second] = [held(pending, 100, client, 4_000_000_000), held(pending, 100, client, 2)];
    pending.setRevisions(first, [1, 2]);
    append(pending, 100, client, 3);
    pending.release(100);
    pending.refuse(second, CONFLICT);
    pending.refuse(first, CONFLICT);
    expect(asked).toHaveLength(2);
    asked[0]!.abandon();
    expect(client.told).toEqual([]);
    asked[1]!.answer();
    expect(client.told).toEqual(['4000000000 event-id-conflict', '2 no-leader', '3 yes 3@92']);
  });

  test('is abandoned with the others; what becomes of it then is nothing to anybody', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    const entries = [held(pending, 100, client, 1), held(pending, 100, client, 2)];
    pending.abandon(UNKNOWN);
    expect(client.told).toEqual(['1 outcome-unknown', '2 outcome-unknown']);
    expect(entries.map((entry) => pending.isHeld(entry))).toEqual([false, false]);
    pending.free(entries[0]!);
    pending.refuse(entries[1]!, CONFLICT);
    append(pending, 100, client, 3);
    pending.release(100);
    expect(client.told.slice(2)).toEqual(['3 yes 3@92']);
  });

  test('of a queue that grows meanwhile is still its own', () => {
    const [pending, client] = [new PendingReplies(), new Client()];
    const entry = held(pending, 100, client, 0);
    for (let token = 1; token <= 3_000; token++) append(pending, 100, client, token);
    pending.release(100);
    expect(client.told).toEqual([]);
    pending.refuse(entry, CONFLICT);
    expect(client.told).toHaveLength(3_001);
    expect(client.told[0]).toBe('0 event-id-conflict');
  });
});

describe('ack policies', () => {
  test('each have a queue of their own, and the quorum’s does not wait for the others', () => {
    const [queues, client] = [new AckQueues(undefined), new Client()];
    append(queues.of('all'), 100, client, 1);
    append(queues.of('quorum'), 200, client, 2);
    append(queues.of('leader'), 300, client, 3);
    expect(queues.size).toBe(3);
    queues.quorum.release(200);
    expect(client.told).toEqual(['2 yes 2@192']);
    queues.releaseOthers((policy) => (policy === 'all' ? 50 : 300));
    expect(client.told).toEqual(['2 yes 2@192', '3 yes 3@292']);
    queues.releaseOthers(() => 100);
    expect(client.told.at(-1)).toBe('1 yes 1@92');
    expect(queues.size).toBe(0);
  });

  test('that the cluster can not meet any more leave their requests unknown; those of others wait on', () => {
    const [queues, client] = [new AckQueues(undefined), new Client()];
    append(queues.of('all'), 100, client, 1);
    append(queues.of('quorum'), 100, client, 2);
    queues.releaseOthers(() => undefined);
    expect(client.told).toEqual(['1 outcome-unknown']);
    expect(queues.size).toBe(1);
  });

  test('are all unknown when the reign ends', () => {
    const [queues, client] = [new AckQueues(undefined), new Client()];
    append(queues.of('all'), 100, client, 1);
    append(queues.of('quorum'), 100, client, 2);
    queues.abandon(UNKNOWN);
    expect(client.told.sort()).toEqual(['1 outcome-unknown', '2 outcome-unknown']);
  });
});
