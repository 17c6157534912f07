/** Transactions that are open over several requests: durable step by step, visible all at once, and each step once however often it comes. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { decodeRecord } from '../../src/log/decoded-record.js';
import { occupiedBytes } from '../../src/log/record.js';
import { openPlatform } from '../../src/native/platform.js';
import { idOf, type TestEvent, type TestPart } from './requests.js';
import { SequencerRig } from './sequencer-rig.js';

const { takeAppends } = openPlatform();

const events = (...ids: number[]): TestEvent[] => ids.map((id) => ({ id: idOf(id), data: `${id}` }));
const part = (stream: string, ids: number[], expected = -2): TestPart => ({
  stream,
  events: events(...ids),
  expected,
});

/** The events in the log, as `stream@revision=data`, and a bar where a transaction begins. */
function logged({ bytes: log }: SequencerRig): string {
  const bytes = Uint8Array.from(log);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const { header, body } = decodeRecord(bytes, at);
    if (body.kind === 'prepare')
      text += `${body.isFirst ? '|' : ' '}${body.stream}@${body.revision}=${Buffer.from(body.data).toString()}`;
    at += occupiedBytes(header.length);
  }
  return text;
}

const draftsIn = (bench: SequencerRig) => bench.verifiedTypes().filter((type) => type === 6).length;

describe.each([
  ['in plain JavaScript', undefined],
  [takeAppends === undefined ? 'again, as there is no addon here' : 'with the native pass', takeAppends],
])('an open transaction %s', (_how, pass) => {
  let bench: SequencerRig;
  const write = (step: number, parts: readonly TestPart[], transaction = 1) => {
    bench.step({ transaction, step, action: 'write' }, parts);
    bench.commit();
    return bench.answers.at(-1);
  };
  const end = (action: 'commit' | 'abandon', step: number, transaction = 1) => {
    bench.step({ transaction, step, action });
    bench.commit();
    return bench.answers.at(-1);
  };
  beforeEach(() => {
    bench = new SequencerRig(pass);
  });

  test('is in the log step by step, and visible only when it is committed, by stream and in order', () => {
    write(0, [part('b', [1, 2], -1)]);
    bench.append('x', events(90));
    write(1, [part('a', [3], -1)]);
    write(2, [part('b', [4]), part('c', [5])]);
    expect(bench.answers).toMatchObject([
      { kind: 'appended', revision: 0 },
      { kind: 'appended', revision: 0 },
      { kind: 'appended', revision: 1 },
      { kind: 'appended', revision: 2 },
    ]);
    expect([logged(bench), draftsIn(bench)]).toEqual(['|x@0=90', 3]);
    expect(end('commit', 3)).toMatchObject({ kind: 'appended', revisions: [2, 0, 0] });
    expect(logged(bench)).toBe('|x@0=90|b@0=1 b@1=2 b@2=4 a@0=3 c@0=5');
  });

  test('to one stream is answered as an append to it', () => {
    write(0, [part('a', [1])]);
    write(1, [part('a', [2])]);
    expect(end('commit', 2)).toMatchObject({ kind: 'appended', revision: 1 });
  });

  test('gives each step its first answer however often it comes, also the commit', () => {
    const first = write(0, [part('a', [1])]);
    const again = write(0, [part('a', [1])]);
    expect(again).toEqual({ ...first, kind: 'duplicate', token: 2 });
    write(1, [part('b', [2])]);
    const committed = end('commit', 2);
    const all = logged(bench);
    expect(end('commit', 2)).toEqual({ ...committed, kind: 'duplicate', token: 5 });
    expect(write(1, [part('b', [2])])).toMatchObject({ kind: 'duplicate', revision: 1 });
    expect(logged(bench)).toBe(all);
  });

  test('does not take another step for one that it has', () => {
    write(0, [part('a', [1])]);
    expect(write(0, [part('a', [2])])).toMatchObject({ code: 'event-id-conflict' });
    expect(write(0, [part('b', [1])])).toMatchObject({ code: 'event-id-conflict' });
    expect(write(0, [part('a', [1])])).toMatchObject({ kind: 'duplicate' });
  });

  test('that is abandoned never shows, and takes no further step', () => {
    write(0, [part('a', [1])]);
    expect(end('abandon', 1)).toMatchObject({ kind: 'appended' });
    expect(end('abandon', 1)).toMatchObject({ kind: 'duplicate' });
    for (const step of [1, 2]) {
      expect(end('commit', step)).toMatchObject({ kind: 'rejected', code: 'transaction-over' });
      expect(write(step, [part('a', [2])])).toMatchObject({ kind: 'rejected', code: 'transaction-over' });
    }
    expect(logged(bench)).toBe('');
  });

  test('is over when it had no step for as long as the server waits', () => {
    write(0, [part('a', [1])]);
    bench.nowUs += 59_000_000;
    write(1, [part('a', [2])]);
    bench.nowUs += 61_000_000;
    expect(write(2, [part('a', [3])])).toMatchObject({ code: 'transaction-over' });
    expect(end('commit', 2)).toMatchObject({ code: 'transaction-over' });
    write(0, [part('a', [4])], 2);
    const committed = end('commit', 1, 2);
    bench.nowUs += 600_000_000;
    expect(end('commit', 1, 2)).toEqual({ ...committed, kind: 'duplicate', token: 7 });
    expect(logged(bench)).toBe('|a@0=4');
  });

  test('whose streams are not as expected stays open, and can be committed later', () => {
    write(0, [part('a', [1], 0)]);
    expect(end('commit', 1)).toMatchObject({ code: 'wrong-expected-revision' });
    bench.append('a', events(90));
    expect(end('commit', 1)).toMatchObject({ kind: 'appended', revision: 1 });
  });

  test.each<[string, string, () => unknown]>([
    [
      'invalid-request',
      'a step before its turn',
      () => {
        write(0, [part('a', [1])]);
        return write(2, [part('a', [2])]);
      },
    ],
    [
      'invalid-request',
      'a commit of steps that are missing',
      () => {
        write(0, [part('a', [1])]);
        return end('commit', 2);
      },
    ],
    [
      'invalid-request',
      'a commit that leaves steps out',
      () => {
        write(0, [part('a', [1])]);
        write(1, [part('a', [2])]);
        return end('commit', 1);
      },
    ],
    [
      'invalid-request',
      'an expectation of a stream that it writes to already',
      () => {
        write(0, [part('a', [1])]);
        return write(1, [part('a', [2], 0)]);
      },
    ],
    ['transaction-over', 'a step of a transaction that never began', () => write(3, [part('a', [1])])],
    ['transaction-over', 'a commit of one that never began', () => end('commit', 0)],
    ['transaction-over', 'an abandoning of one that never began', () => end('abandon', 0)],
    [
      'event-id-conflict',
      'the same event twice, when it is committed',
      () => {
        write(0, [part('a', [1])]);
        write(1, [part('b', [1])]);
        return end('commit', 2);
      },
    ],
    [
      'request-too-large',
      'a step that is longer than the largest event allows',
      () =>
        write(0, [{ stream: 'a', events: [1, 2].map((id) => ({ id: idOf(id), data: 'x'.repeat(5_000) })) }]),
    ],
    [
      'request-too-large',
      'more bytes than a transaction may have',
      () => {
        for (let step = 0; ; step++) {
          const answer = write(step, [
            { stream: 'a', events: [{ id: idOf(step), data: 'x'.repeat(8_000) }] },
          ]);
          if (answer?.kind === 'rejected' || step > 10) return answer;
        }
      },
    ],
  ])('refuses with %s %s, and nothing of that is written', (code, _what, act) => {
    expect(act()).toMatchObject({ kind: 'rejected', code });
    expect(logged(bench)).toBe('');
  });

  test('is not refused by a log that may be old: a leader of old does not know its steps', () => {
    const asked: (() => void)[] = [];
    bench.confirm = (_answer, abandon) => asked.push(abandon);
    write(0, [part('a', [1])]);
    for (const refused of [
      () => write(2, [part('a', [2])]),
      () => end('commit', 5),
      () => end('commit', 0, 9),
    ]) {
      refused();
      expect(bench.answers).toHaveLength(asked.length);
      asked.at(-1)!();
      expect(bench.answers.at(-1)).toMatchObject({ kind: 'rejected', code: 'no-leader' });
    }
  });

  test('takes one stream more than it may have as an error, and keeps what it had', () => {
    bench.prepared = 1e9;
    for (let step = 0; step < 256; step++) write(step, [part(`s${step}`, [step])]);
    expect(write(256, [part('more', [999])])).toMatchObject({ code: 'request-too-large' });
    expect(end('commit', 256)).toMatchObject({ kind: 'appended', revisions: { length: 256 } });
  });

  test('waits for room as any append does, and says if the disk is full', () => {
    write(0, [part('a', [1])]);
    bench.prepared = 0;
    expect(bench.step({ transaction: 1, step: 1, action: 'write' }, [part('a', [2])])).toBe('retry');
    expect(bench.step({ transaction: 1, step: 1, action: 'abandon' })).toBe('retry');
    expect(bench.step({ transaction: 1, step: 1, action: 'commit' })).toBe('retry');
    bench.outOfSpace = { code: 'disk-full', message: 'full', details: {} };
    expect(write(1, [part('a', [2])])).toMatchObject({ code: 'disk-full' });
    expect(end('commit', 1)).toMatchObject({ code: 'disk-full' });
    bench.outOfSpace = undefined;
    bench.prepared = 1_000_000;
    expect(end('commit', 1)).toMatchObject({ kind: 'appended', revision: 0 });
  });

  test('with thousands of others is looked up when it is not in memory any more', async () => {
    bench.prepared = 1e9;
    for (let i = 0; i < 1_100; i++) write(0, [part('a', [2 * i]), part('b', [2 * i + 1])], i);
    expect(bench.step({ transaction: 7, step: 1, action: 'write' }, [part('b', [9_000])])).toBe('sought');
    await Promise.resolve();
    expect(write(1, [part('b', [9_000])], 7)).toMatchObject({ kind: 'appended', revision: 1 });
    expect(end('commit', 2, 7)).toMatchObject({ kind: 'appended', revisions: [0, 1] });
    expect(logged(bench)).toBe('|a@0=14 b@0=15 b@1=9000');
  });

  test('that is over keeps its answer when a scavenge has removed its steps but the last', async () => {
    bench.prepared = 1e9;
    for (const transaction of [1, 2, 3])
      for (const step of [0, 1]) write(step, [part('a', [10 * transaction + step])], transaction);
    const committed = end('commit', 2, 1);
    const abandoned = end('abandon', 2, 2);
    // So many that these are in memory no more.
    for (let i = 0; i < 1_100; i++) write(0, [part('b', [1_000 + i])], 100 + i);
    const lastSteps = [2, 2, 1];
    bench.remove(({ body }) => {
      if (body.kind !== 'draft') return false;
      const transaction = Number.parseInt(body.transactionId.slice(-12), 16);
      return body.step < (lastSteps[transaction - 1] ?? 0);
    });
    const found = async (act: () => unknown) => {
      const before = bench.answers.length;
      act();
      await Promise.resolve();
      await Promise.resolve();
      if (bench.answers.length === before) act();
      return bench.answers.at(-1);
    };
    expect(await found(() => end('commit', 2, 1))).toEqual({
      ...committed,
      kind: 'duplicate',
      token: expect.any(Number),
    });
    expect(await found(() => end('abandon', 2, 2))).toEqual({
      ...abandoned,
      kind: 'duplicate',
      token: expect.any(Number),
    });
    const all = logged(bench);
    for (const transaction of [1, 2, 3]) {
      for (const step of [0, 1, 2, 3]) {
        const again = () => write(step, [part('a', [10 * transaction + step])], transaction);
        expect(await found(again)).toMatchObject({ code: 'transaction-over' });
      }
    }
    expect(await found(() => end('commit', 2, 3))).toMatchObject({ code: 'transaction-over' });
    expect(logged(bench)).toBe(all);
  });

  test('does what a plain model does, for any steps in any order, retries and strangers among them', () => {
    const step = fc.record({
      transaction: fc.nat(2),
      offset: fc.constantFrom(0, 0, 0, 0, -1, -2, 1),
      action: fc.constantFrom('write', 'write', 'write', 'commit', 'abandon'),
      streams: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        bench = new SequencerRig(pass);
        bench.prepared = 1e9;
        const model = new Model();
        steps.forEach(({ transaction, offset, action, streams }, i) => {
          const number = Math.max(0, model.nextStep(transaction) + offset);
          const kind = action as 'write' | 'commit' | 'abandon';
          const parts = streams.map((stream, j) => part(`s${stream}`, [10 * i + j]));
          const answer =
            kind === 'write' ? write(number, parts, transaction) : end(kind, number, transaction);
          const expected = model.step(transaction, number, kind, parts);
          expect([i, answer?.kind === 'rejected' ? answer.code : answer?.kind]).toEqual([i, expected]);
        });
        expect(logged(bench)).toBe(model.log);
      }),
      { numRuns: 150 },
    );
  });
});

/** What open transactions are, without a log: lists of parts. */
class Model {
  log = '';
  readonly #heads = new Map<string, number>();
  readonly #open = new Map<number, { steps: ('write' | 'commit' | 'abandon')[]; parts: TestPart[] }>();

  nextStep(transaction: number): number {
    return this.#open.get(transaction)?.steps.length ?? 0;
  }

  step(transaction: number, step: number, action: 'write' | 'commit' | 'abandon', parts: TestPart[]): string {
    const known = this.#open.get(transaction) ?? { steps: [], parts: [] };
    const last = known.steps.at(-1);
    const isOver = last !== undefined && last !== 'write';
    if (isOver && step >= known.steps.length) return 'transaction-over';
    if (step < known.steps.length) {
      // Each write of the test has events of its own.
      if (known.steps[step] === action) return action === 'write' ? 'event-id-conflict' : 'duplicate';
      return isOver || action === 'write' ? 'transaction-over' : 'invalid-request';
    }
    if (step > known.steps.length) return known.steps.length === 0 ? 'transaction-over' : 'invalid-request';
    if (known.steps.length === 0 && action !== 'write') return 'transaction-over';
    this.#open.set(transaction, known);
    known.steps.push(action);
    if (action === 'write') known.parts.push(...parts);
    if (action === 'commit') this.#write(known.parts);
    return 'appended';
  }

  #write(parts: readonly TestPart[]): void {
    let mark = '|';
    for (const stream of new Set(parts.map((one) => one.stream))) {
      for (const { data } of parts.filter((one) => one.stream === stream).flatMap((one) => one.events)) {
        const revision = (this.#heads.get(stream) ?? -1) + 1;
        this.#heads.set(stream, revision);
        this.log += `${mark}${stream}@${revision}=${data as string}`;
        mark = ' ';
      }
    }
  }
}
