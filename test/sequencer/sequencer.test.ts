import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { RECORD_TYPE } from '../../src/log/record.js';
import { openPlatform } from '../../src/native/platform.js';
import { APPEND_QUORUM } from '../../src/wire/frames.js';
import { appendFrame, idOf } from './requests.js';
import { CHUNK_BYTES, SequencerRig } from './sequencer-rig.js';

const { takeAppends } = openPlatform();

describe.each([
  ['in plain JavaScript', undefined],
  [takeAppends === undefined ? 'again, as there is no addon here' : 'with the native pass', takeAppends],
])('the sequencer %s', (_how, pass) => {
  let bench: SequencerRig;
  beforeEach(() => {
    bench = new SequencerRig(pass);
  });

  describe('expected revisions', () => {
    // [events in the stream before, expected revision, outcome]
    test.each([
      [0, -2, 'appended'],
      [0, -1, 'appended'],
      [0, -4, 'rejected'],
      [0, 0, 'rejected'],
      [3, -2, 'appended'],
      [3, -1, 'rejected'],
      [3, -4, 'appended'],
      [3, 2, 'appended'],
      [3, 1, 'rejected'],
      [3, 3, 'rejected'],
    ])('with %i events in the stream, expecting %i is %s', (before, expected, outcome) => {
      for (let i = 0; i < before; i++) bench.append('s', [{}]);
      bench.append('s', [{}], expected, 99);
      bench.commit();
      expect(bench.answers.at(-1)).toMatchObject({ token: 99, kind: outcome });
    });

    test('pending events count: of two appends in one turn that expect the same, the first wins', () => {
      bench.append('s', [{}], -1, 1);
      bench.append('s', [{}], -1, 2);
      bench.commit();
      expect(bench.answers).toMatchObject([
        { token: 1, kind: 'appended', revision: 0 },
        { token: 2, kind: 'rejected', code: 'wrong-expected-revision' },
      ]);
    });
  });

  describe('answers', () => {
    test('nothing is answered before it is committed, not even a rejection that rests on it', () => {
      bench.append('s', [{}], -1, 1);
      bench.append('s', [{}], 7, 2);
      bench.log.endTurn();
      bench.sequencer.pending.quorum.release(0);
      expect(bench.answers).toEqual([]);
      bench.commit();
      expect(bench.answers.map(({ token }) => token)).toEqual([1, 2]);
    });

    test('a retry gets the original result, whatever it expects, and writes nothing', () => {
      const events = [{ id: idOf(1) }, { id: idOf(2) }];
      bench.append('s', events, -1, 1);
      bench.commit();
      const { framed } = bench.producer;
      bench.append('s', events, -1, 2);
      bench.append('s', events, 5, 3);
      bench.commit();
      expect(bench.producer.framed).toBe(framed);
      const [first, second, third] = bench.answers;
      expect(second).toEqual({ ...first, token: 2, kind: 'duplicate' });
      expect(third).toEqual({ ...first, token: 3, kind: 'duplicate' });
    });

    test('a retry of something that is still pending waits for it', () => {
      bench.append('s', [{ id: idOf(1) }], -2, 1);
      bench.append('s', [{ id: idOf(1) }], -2, 2);
      expect(bench.answers).toEqual([]);
      bench.commit();
      expect(bench.answers).toMatchObject([{ kind: 'appended' }, { kind: 'duplicate', revision: 0 }]);
    });

    test.each([
      ['half of it is new', 's', [idOf(1), idOf(9)]],
      ['it names another stream', 't', [idOf(1), idOf(2)]],
      ['its order differs', 's', [idOf(2), idOf(1)]],
      ['an id repeats', 'u', [idOf(7), idOf(7)]],
    ])('known ids are a conflict if %s', (_why, stream, ids) => {
      bench.append('s', [{ id: idOf(1) }, { id: idOf(2) }], -2, 1);
      bench.append(
        stream,
        ids.map((id) => ({ id })),
        -2,
        2,
      );
      bench.commit();
      expect(bench.answers[1]).toMatchObject({ token: 2, kind: 'rejected', code: 'event-id-conflict' });
    });

    test('an event over the limit is refused and nothing is written', () => {
      const { framed } = bench.producer;
      bench.append('s', [{ data: new Uint8Array(9000) }], -2, 1);
      bench.commit();
      expect(bench.answers).toMatchObject([{ kind: 'rejected', code: 'request-too-large' }]);
      expect(bench.producer.framed).toBe(framed);
    });
  });

  test('many tiny events that would take more records than a chunk can hold are refused, not kept waiting', () => {
    bench.append(
      'a long stream name '.repeat(40),
      Array.from({ length: 100 }, () => ({})),
      -2,
      1,
    );
    bench.commit();
    expect(bench.answers).toMatchObject([{ kind: 'rejected', code: 'request-too-large' }]);
  });

  describe('room', () => {
    test('without a next chunk appends wait near the end of this one, and go on when there is one', () => {
      const event = { data: new Uint8Array(4000) };
      let taken = 0;
      while (bench.append('s', [event]) === 'taken') taken++;
      expect(taken).toBeGreaterThan(12);
      expect(bench.producer.framed).toBeLessThanOrEqual(CHUNK_BYTES);
      bench.prepared = 2 * CHUNK_BYTES;
      for (let i = 0; i < 3; i++) expect(bench.append('s', [event])).toBe('taken');
      bench.commit();
      expect(bench.answers).toHaveLength(taken + 3);
      expect(bench.verifiedTypes()).toContain(RECORD_TYPE.padding);
    });

    test('with a full disk they are refused instead, and taken again afterwards', () => {
      const event = { data: new Uint8Array(4000) };
      while (bench.append('s', [event]) === 'taken');
      bench.outOfSpace = { code: 'disk-full', message: 'full', details: {} };
      expect(bench.append('s', [event], -2, 77)).toBe('taken');
      bench.commit();
      expect(bench.answers.at(-1)).toMatchObject({ token: 77, code: 'disk-full' });
      bench.outOfSpace = undefined;
      bench.prepared = 2 * CHUNK_BYTES;
      expect(bench.append('s', [event])).toBe('taken');
    });

    test('a full ring makes appends wait until the writer and the indexer get on', () => {
      bench.prepared = 100 * CHUNK_BYTES;
      const event = { data: new Uint8Array(4000) };
      let taken = 0;
      while (bench.append('s', [event]) === 'taken') taken++;
      expect(taken).toBeGreaterThan(50);
      bench.commit();
      expect(bench.append('s', [event])).toBe('taken');
    });
  });

  test('whatever is appended, the log verifies, chunks end where they must, and committed ends are recorded', () => {
    const request = fc.record({
      stream: fc.constantFrom('a', 'b', 'a longer name, with ümlauts'),
      sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 5 }),
      commitAfter: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 20, maxLength: 120 }), (requests) => {
        const bench = new SequencerRig(pass);
        bench.prepared = 1000 * CHUNK_BYTES;
        const heads = new Map<string, number>();
        let token = 1;
        for (const { stream, sizes, commitAfter } of requests) {
          const events = sizes.map((size) => ({ data: new Uint8Array(size).fill(7) }));
          if (bench.append(stream, events, heads.get(stream) ?? -1, token) === 'retry') {
            bench.commit();
            expect(bench.append(stream, events, heads.get(stream) ?? -1, token)).toBe('taken');
          }
          heads.set(stream, (heads.get(stream) ?? -1) + sizes.length);
          token++;
          if (commitAfter) bench.commit();
        }
        bench.commit();
        expect(bench.answers.every(({ kind }) => kind === 'appended')).toBe(true);
        const types = bench.verifiedTypes();
        expect(types[0]).toBe(RECORD_TYPE.epoch);
        expect(types.filter((type) => type === RECORD_TYPE.prepare)).toHaveLength(
          requests.reduce((sum, { sizes }) => sum + sizes.length, 0),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('a full ring is no full disk: appends wait although no further chunk can be made', () => {
    const bench = new SequencerRig(pass);
    bench.prepared = 100 * CHUNK_BYTES;
    bench.outOfSpace = { code: 'disk-full', message: 'full', details: {} };
    const event = { data: new Uint8Array(4000) };
    while (bench.append('s', [event]) === 'taken');
    bench.commit();
    expect(bench.answers.every(({ kind }) => kind === 'appended')).toBe(true);
    expect(bench.append('s', [event])).toBe('taken');
  });
});

test('an append that names no ack policy waits as the default says, one that names one as that says', () => {
  const bench = new SequencerRig(undefined, 'leader');
  const [unsaid, quorum, all] = [0, APPEND_QUORUM, 2].map((flags, i) => {
    const frame = appendFrame('s', [{}], -2, i + 1);
    frame[5] = flags;
    return frame;
  });
  const { pending } = bench.sequencer;
  const waiting = () => [pending.of('leader').size, pending.quorum.size, pending.of('all').size];
  bench.receive(unsaid!);
  expect(waiting()).toEqual([1, 0, 0]);
  bench.receive(quorum!);
  expect(waiting()).toEqual([1, 1, 0]);
  bench.receive(all!);
  expect(waiting()).toEqual([1, 1, 1]);
});
