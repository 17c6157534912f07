/** Retries whose ids are known: with the events that are in the log, or with others, wherever in the log those are. */
import { beforeEach, describe, expect, test } from 'vitest';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { openPlatform } from '../../src/native/platform.js';
import { ACK_POLICIES } from '../../src/wire/frames.js';
import { appendFrame, idOf, type TestEvent, type TestPart } from './requests.js';
import { type Answer, SequencerRig } from './sequencer-rig.js';

const { takeAppends, kernel } = openPlatform();

const ORIGINAL = { type: 'Placed', metadata: '{"by":1}', data: '{"sum":25}' } as const;
const event = (id: number, changes: Partial<TestEvent> = {}): TestEvent => ({
  ...ORIGINAL,
  id: idOf(id),
  ...changes,
});
const part = (stream: string, ...events: TestEvent[]): TestPart => ({ stream, events });

const CONFLICT = { kind: 'rejected', code: 'event-id-conflict' };

/** What differs, and how. */
const CHANGES: [string, Partial<TestEvent>][] = [
  ['another type', { type: 'Shipped' }],
  ['another type of the same length', { type: 'placed' }],
  ['data that is said to be no JSON', { isJson: false }],
  ['other metadata of the same length', { metadata: '{"by":2}' }],
  ['no metadata', { metadata: '' }],
  ['other data of the same length', { data: '{"sum":26}' }],
  ['longer data', { data: '{"sum":250}' }],
  ['shorter data, in a record of the same size', { data: '{"sum":2}' }],
  ['much longer data', { data: new Uint8Array(7_000) }],
  ['a byte of its data in the metadata', { metadata: '{"by":1}{', data: '"sum":25}' }],
  ['a byte of its metadata in the type', { type: 'Placed{', metadata: '"by":1}' }],
];

/** Requests of what was appended: a 1 and 2 in one, then b 3 and 4 with c 5 as a transaction, then a 6, then a 7 and 8. */
const EXACT: [string, TestPart[], number[]][] = [
  ['an append', [part('a', event(1), event(2))], [1]],
  ['the first half of one', [part('a', event(1))], [0]],
  ['the second half of one', [part('a', event(2))], [1]],
  ['two appends that followed one another as one', [part('a', event(2), event(6), event(7))], [3]],
  ['a transaction', [part('b', event(3), event(4)), part('c', event(5))], [1, 0]],
  ['its parts in another order', [part('c', event(5)), part('b', event(3), event(4))], [0, 1]],
  ['one of its parts', [part('b', event(3), event(4))], [1]],
  ['half of one of its parts', [part('b', event(4))], [1]],
  ['parts of it and of an append', [part('b', event(3)), part('a', event(7), event(8))], [0, 4]],
];

describe.each([
  ['in plain JavaScript', undefined, javascriptKernel],
  [takeAppends === undefined ? 'again, as there is no addon here' : 'with the addon', takeAppends, kernel],
] as const)('%s', (_how, pass, usedKernel) => {
  let bench: SequencerRig;
  beforeEach(() => {
    bench = new SequencerRig(pass, undefined, usedKernel);
    bench.append('a', [event(1), event(2)]);
    bench.transact([part('b', event(3), event(4)), part('c', event(5))]);
    bench.append('a', [event(6)]);
    bench.append('a', [event(7), event(8)]);
    bench.commit();
  });

  /** Appends one request; returns its answer. Nothing must be written by it. */
  async function again(parts: readonly TestPart[]): Promise<Answer> {
    const { framed } = bench.producer;
    const [only] = parts;
    const token = 1000;
    const outcome =
      parts.length > 1
        ? bench.transact(parts, token)
        : bench.append(only!.stream, [...only!.events], 77, token);
    expect(outcome).toBe('taken');
    expect(bench.producer.framed).toBe(framed);
    bench.commit();
    await bench.answered();
    return bench.answers.at(-1)!;
  }

  describe.each([
    ['in the ring', () => undefined],
    ['that have left the ring', (rig: SequencerRig) => rig.leaveRing()],
  ] as const)('of events %s', (where, leave) => {
    beforeEach(() => leave(bench));

    test.each(EXACT)('%s as it was gets its result', async (_what, parts, revisions) => {
      const result = parts.length > 1 ? { revisions } : { revision: revisions[0] };
      expect(await again(parts)).toMatchObject({ token: 1000, kind: 'duplicate', ...result });
      expect(bench.stored.reads.length > 0).toBe(where !== 'in the ring');
    });

    test.each(CHANGES)('an event with %s is refused', async (_what, change) => {
      expect(await again([part('a', event(6, change))])).toMatchObject(CONFLICT);
      expect(await again([part('a', event(6))])).toMatchObject({ kind: 'duplicate', revision: 2 });
    });

    test.each(EXACT)('%s with one event changed, whichever, is refused', async (_what, parts) => {
      for (let changed = 0; changed < parts.flatMap(({ events }) => events).length; changed++) {
        let index = 0;
        const others = parts.map(({ stream, events }) =>
          part(stream, ...events.map((one) => (index++ === changed ? { ...one, data: '{"sum":99}' } : one))),
        );
        expect(await again(others)).toMatchObject(CONFLICT);
      }
    });

    test.each<[string, TestPart[]]>([
      ['in another stream', [part('b', event(1), event(2))]],
      ['in a new stream', [part('z', event(1))]],
      ['in another order', [part('a', event(2), event(1))]],
      ['that are not consecutive', [part('a', event(1), event(6))]],
      ['half of them new', [part('a', event(8), event(9))]],
      ['with a part that is new', [part('a', event(1)), part('z', event(9))]],
      ['twice', [part('a', event(1), event(1))]],
    ])('known events %s are refused as before', async (_what, parts) => {
      expect(await again(parts)).toMatchObject(CONFLICT);
      expect(bench.stored.reads).toEqual([]);
    });
  });

  test('events that a scavenge has removed are known by their ids, and can not be told from others as long', async () => {
    bench.leaveRing();
    bench.remove(({ body }) => body.kind === 'prepare' && body.stream !== 'filler' && body.revision < 3);
    for (const [, parts, revisions] of EXACT) {
      const result = parts.length > 1 ? { revisions } : { revision: revisions[0] };
      expect(await again(parts)).toMatchObject({ kind: 'duplicate', ...result });
    }
    expect(await again([part('a', event(6, { data: '{"sum":26}' }))])).toMatchObject({ kind: 'duplicate' });
    expect(await again([part('a', event(6, { data: '{"sum":250}' }))])).toMatchObject(CONFLICT);
    const mixed = [event(6), event(7, { data: '{"sum":26}' })];
    expect(await again([part('a', ...mixed)])).toMatchObject(CONFLICT);
  });

  test('a retry in the same turn is compared with what was framed just now', async () => {
    bench.append('n', [event(20)], -2, 1);
    bench.append('n', [event(20)], -2, 2);
    bench.append('n', [event(20, { data: '{"sum":26}' })], -2, 3);
    expect(bench.answers).toHaveLength(4);
    bench.commit();
    expect(bench.answers.slice(4)).toMatchObject([{ kind: 'appended' }, { kind: 'duplicate' }, CONFLICT]);
  });

  test('a record that runs over the end of the ring is compared whole', async () => {
    bench.prepared = 1e9;
    const large = (id: number, fill: number) => event(id, { data: new Uint8Array(7_999).fill(fill) });
    for (let id = 100; id < 140; id++) {
      bench.append('large', [large(id, id)]);
      if (id % 2 === 0) bench.log.endTurn();
      else bench.commit();
      expect(await again([part('large', large(id, id))])).toMatchObject({ kind: 'duplicate' });
      const other = large(id, id).data as Uint8Array;
      other[other.length - 1]! ^= 1;
      expect(await again([part('large', event(id, { data: other }))])).toMatchObject(CONFLICT);
    }
    expect(bench.stored.reads).toEqual([]);
  });

  describe.each([
    ['in the ring', () => undefined],
    ['that have left the ring', (rig: SequencerRig) => rig.leaveRing()],
  ] as const)('the commit of an open transaction of events %s', (_where, leave) => {
    const commit = async (transaction: number, ...events: TestEvent[]): Promise<Answer> => {
      bench.step({ transaction, step: 0, action: 'write' }, [part('a', ...events)]);
      bench.commit();
      leave(bench);
      for (let times = 0; times < 2; times++) {
        const { length } = bench.answers;
        bench.step({ transaction, step: 1, action: 'commit' }, [], 2_000 + times);
        bench.commit();
        await bench.answered();
        expect(bench.answers).toHaveLength(length + 1);
      }
      expect({ ...bench.answers.at(-2)!, token: 0 }).toEqual({ ...bench.answers.at(-1)!, token: 0 });
      return bench.answers.at(-1)!;
    };

    test('is compared like any other append, again and again', async () => {
      expect(await commit(1, event(6))).toMatchObject({ kind: 'duplicate', revision: 2 });
      expect(await commit(2, event(6, { data: '{"sum":26}' }))).toMatchObject(CONFLICT);
    });
  });

  describe('while the log is read', () => {
    beforeEach(() => {
      bench.leaveRing();
      bench.answers.length = 0;
    });

    test('answers keep their order, and new appends are framed all the same', async () => {
      const open = bench.stored.stall();
      bench.append('a', [event(1)], -2, 1);
      bench.append('new', [event(30)], -2, 2);
      bench.append('a', [event(2, { type: 'Other' })], -2, 3);
      bench.append('new', [event(31)], -2, 4);
      bench.commit();
      expect(bench.answers).toEqual([]);
      expect(bench.verifiedTypes().length).toBeGreaterThan(0);
      open();
      await bench.answered();
      expect(bench.answers).toMatchObject([
        { token: 1, kind: 'duplicate', revision: 0 },
        { token: 2, kind: 'appended', revision: 0 },
        { token: 3, ...CONFLICT },
        { token: 4, kind: 'appended', revision: 1 },
      ]);
    });

    test('one with another ack policy waits in its own queue', async () => {
      const open = bench.stored.stall();
      const frames = [event(1), event(1, { type: 'Other' })].map((one, i) =>
        appendFrame('a', [one], -2, i + 1),
      );
      for (const frame of frames) {
        frame[5] = ACK_POLICIES.indexOf('all');
        bench.receive(frame);
      }
      bench.append('new', [event(30)], -2, 3);
      bench.commit();
      bench.sequencer.pending.releaseOthers(() => bench.producer.framed);
      expect(bench.answers).toMatchObject([{ token: 3, kind: 'appended' }]);
      open();
      while (bench.sequencer.pending.size > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(bench.answers.slice(1)).toMatchObject([
        { token: 1, kind: 'duplicate' },
        { token: 2, ...CONFLICT },
      ]);
    });

    test('one read serves all whose records are close by, those that come later too', async () => {
      for (let id = 1; id <= 8; id++) {
        const stream = id === 5 ? 'c' : id === 3 || id === 4 ? 'b' : 'a';
        bench.append(stream, [event(id)], -2, id);
      }
      await bench.answered();
      bench.append('a', [event(1, { data: '{"sum":26}' })], -2, 9);
      bench.commit();
      expect(bench.answers.slice(0, 8).every(({ kind }) => kind === 'duplicate')).toBe(true);
      expect(bench.answers[8]).toMatchObject(CONFLICT);
      expect(bench.stored.reads).toHaveLength(1);
    });

    test('old events that come again in their order cost a few reads, and in any other order get the same answers', async () => {
      bench.prepared = 1e9;
      const many = Array.from({ length: 900 }, (_, i) =>
        event(1_000 + i, { data: new Uint8Array(300).fill(i) }),
      );
      for (const [i, one] of many.entries()) {
        bench.append('many', [one]);
        if (i % 50 === 0) bench.commit();
      }
      bench.commit();
      bench.leaveRing();
      const appendAll = async (order: readonly TestEvent[]): Promise<(string | number)[]> => {
        bench.answers.length = bench.stored.reads.length = 0;
        for (const [i, one] of order.entries()) bench.append('many', [one], -2, i + 1);
        bench.commit();
        await bench.answered();
        return bench.answers.map((answer) => ('revision' in answer ? answer.revision : 'refused'));
      };
      expect(await appendAll(many)).toEqual(many.map((_, i) => i));
      expect(bench.stored.reads.length).toBeLessThan(9);
      expect(await appendAll([...many].reverse())).toEqual(many.map((_, i) => many.length - 1 - i));
      expect(bench.stored.reads.length).toBeGreaterThan(9);
      expect(bench.stored.mostAtOnce).toBe(8);
    });

    test('the reign may end: who was answered then hears nothing more', async () => {
      const open = bench.stored.stall();
      bench.append('a', [event(1)], -2, 1);
      bench.append('a', [event(1, { type: 'Other' })], -2, 2);
      bench.sequencer.pending.abandon({ code: 'outcome-unknown', message: 'it ended', details: {} });
      expect(bench.answers).toMatchObject([{ code: 'outcome-unknown' }, { code: 'outcome-unknown' }]);
      open();
      while (bench.timesSettled === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(bench.answers).toHaveLength(2);
      expect(bench.sequencer.pending.size).toBe(0);
    });

    test('a bounded number of events waits, the others for room, which is told', async () => {
      const events = Array.from({ length: 200 }, (_, i) => ({ id: idOf(500 + i), data: 'x' }));
      bench.append('many', events);
      bench.commit();
      bench.leaveRing();
      const open = bench.stored.stall();
      let taken = 0;
      while (bench.append('many', events) === 'taken') taken++;
      expect(taken * 200).toBeGreaterThan(65_536 - 200);
      expect(taken * 200).toBeLessThanOrEqual(65_536);
      expect(bench.append('new', [event(40)])).toBe('taken');
      const { timesSettled } = bench;
      open();
      while (bench.timesSettled === timesSettled) await new Promise((resolve) => setImmediate(resolve));
      expect(bench.append('many', events)).toBe('taken');
    });
  });

  describe('if the log can not be read there, the ids decide:', () => {
    beforeEach(() => bench.leaveRing());

    test('because the disk is broken', async () => {
      bench.stored.isBroken = true;
      expect(await again([part('a', event(1, { type: 'Other' }))])).toMatchObject({
        kind: 'duplicate',
        revision: 0,
      });
      bench.stored.isBroken = false;
      expect(await again([part('a', event(1, { type: 'Other' }))])).toMatchObject(CONFLICT);
    });

    test('because the record is damaged; those before and behind it are compared', async () => {
      const { position } = bench.answers[1] as { position: number };
      bench.stored.damagedAt.add(position + 90);
      expect(await again([part('a', event(2, { type: 'Other' }))])).toMatchObject(CONFLICT);
      expect(await again([part('c', event(5, { type: 'Other' }))])).toMatchObject({
        kind: 'duplicate',
        revision: 0,
      });
      expect(await again([part('a', event(6, { type: 'Other' }))])).toMatchObject(CONFLICT);
    });
  });
});

test('a frame of another request id, and other expectations, is the same retry', async () => {
  const bench = new SequencerRig(undefined);
  bench.receive(appendFrame('s', [event(1)], -1, 5));
  bench.receive(appendFrame('s', [event(1)], 12, 6));
  bench.commit();
  expect(bench.answers).toMatchObject([{ kind: 'appended' }, { token: 6, kind: 'duplicate' }]);
});
