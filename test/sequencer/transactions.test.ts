/** Appends to several streams: all or nothing, recognised when they come again, and side by side in the log. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { PREPARE, PREPARE_FLAG, RECORD, RECORD_TYPE } from '../../src/log/record.js';
import { openPlatform } from '../../src/native/platform.js';
import { idOf, type TestEvent, type TestPart } from './requests.js';
import { CHUNK_BYTES, SequencerRig } from './sequencer-rig.js';

const { takeAppends } = openPlatform();

interface LoggedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** The events in the log, in order. */
function eventsIn({ bytes: log }: SequencerRig): LoggedEvent[] {
  const bytes = Uint8Array.from(log);
  const view = new DataView(bytes.buffer);
  const events: LoggedEvent[] = [];
  for (let at = 0; at < bytes.length; at += (view.getUint32(at + RECORD.length, true) + 7) & ~7) {
    if (bytes[at + RECORD.type] !== RECORD_TYPE.prepare) continue;
    const flags = view.getUint16(at + RECORD.flags, true);
    const nameBytes = view.getUint16(at + PREPARE.streamBytes, true);
    events.push({
      stream: new TextDecoder().decode(bytes.subarray(at + PREPARE.stream, at + PREPARE.stream + nameBytes)),
      revision: Number(view.getBigUint64(at + PREPARE.revision, true)),
      position: at,
      isFirst: (flags & PREPARE_FLAG.firstOfTransaction) !== 0,
      isLast: (flags & PREPARE_FLAG.lastOfTransaction) !== 0,
    });
  }
  return events;
}

const events = (...ids: number[]): TestEvent[] => ids.map((id) => ({ id: idOf(id) }));
const part = (stream: string, ids: number[], expected = -2): TestPart => ({
  stream,
  events: events(...ids),
  expected,
});

describe.each([
  ['in plain JavaScript', undefined],
  [takeAppends === undefined ? 'again, as there is no addon here' : 'with the native pass', takeAppends],
])('a transaction %s', (_how, pass) => {
  let bench: SequencerRig;
  beforeEach(() => {
    bench = new SequencerRig(pass);
  });

  test('is answered with the last revision in each stream, and the last position of all', () => {
    bench.append('b', events(1, 2));
    bench.transact([part('a', [3]), part('b', [4, 5]), part('c', [6])], 2);
    bench.commit();
    const logged = eventsIn(bench).slice(2);
    expect(bench.answers[1]).toEqual({
      ...{ token: 2, kind: 'appended', revisions: [0, 3, 0], position: logged.at(-1)!.position },
    });
    expect(
      logged.map(({ stream, revision, isFirst, isLast }) => [stream, revision, isFirst, isLast]),
    ).toEqual([
      ['a', 0, true, false],
      ['b', 2, false, false],
      ['b', 3, false, false],
      ['c', 0, false, true],
    ]);
  });

  test('is not answered before all of it is committed', () => {
    bench.transact([part('a', [1]), part('b', [2])]);
    const end = bench.producer.framed;
    bench.log.endTurn();
    bench.sequencer.pending.quorum.release(end - 8);
    expect(bench.answers).toEqual([]);
    bench.commit();
    expect(bench.answers).toHaveLength(1);
  });

  test.each([
    ['the first', [part('a', [9], 0), part('b', [10])], 'a'],
    ['the last', [part('a', [9]), part('b', [10]), part('c', [11], 5)], 'c'],
  ])('writes nothing if %s of its streams is not as expected', (_which, parts, stream) => {
    bench.append('b', events(1));
    bench.transact(parts, 2);
    bench.append('b', events(12), 0, 3);
    bench.commit();
    expect(bench.answers).toMatchObject([
      { kind: 'appended' },
      { token: 2, kind: 'rejected', code: 'wrong-expected-revision' },
      { token: 3, kind: 'appended', revision: 1 },
    ]);
    expect(eventsIn(bench).map((event) => event.stream)).toEqual(['b', 'b']);
    expect(stream).toBe(parts.find(({ expected }) => expected !== -2)!.stream);
  });

  test('meets expectations of what is pending, and makes them true for those behind', () => {
    bench.append('a', events(1), -1, 1);
    bench.transact([part('a', [2], 0), part('b', [3], -1)], 2);
    bench.transact([part('b', [4], 0), part('a', [5], 1)], 3);
    bench.append('b', events(6), 1, 4);
    bench.commit();
    expect(bench.answers.map(({ kind }) => kind)).toEqual(['appended', 'appended', 'appended', 'appended']);
  });

  describe('that comes again', () => {
    const parts = [part('a', [1, 2], -1), part('b', [3], -1)];
    beforeEach(() => {
      bench.transact(parts);
      bench.append('a', events(4));
      bench.commit();
    });

    test('gets the first answer, whatever it expects, and writes nothing', () => {
      bench.transact(parts, 9);
      bench.commit();
      const [first, , again] = bench.answers;
      expect(again).toEqual({ ...first, token: 9, kind: 'duplicate' });
      expect(eventsIn(bench)).toHaveLength(4);
    });

    test('with its parts in another order gets their revisions in that order, and the position of the last event all the same', () => {
      bench.transact([...parts].reverse(), 9);
      bench.commit();
      const { position } = bench.answers[0] as { position: number };
      expect(bench.answers[2]).toMatchObject({ kind: 'duplicate', revisions: [0, 1], position });
    });

    test.each<[string, TestPart[]]>([
      ['with one part new', [parts[0]!, part('b', [7])]],
      ['with a part to another stream', [parts[0]!, part('c', [3])]],
      ['with events in another order', [part('a', [2, 1]), parts[1]!]],
      ['with part of a part', [part('a', [1, 7]), parts[1]!]],
    ])('%s is refused', (_what, changed) => {
      bench.transact(changed, 9);
      bench.commit();
      expect(bench.answers[2]).toMatchObject({ token: 9, kind: 'rejected', code: 'event-id-conflict' });
      expect(eventsIn(bench)).toHaveLength(4);
    });

    test('part by part is recognised as well', () => {
      bench.append('b', events(3), 77, 9);
      bench.commit();
      expect(bench.answers[2]).toMatchObject({ kind: 'duplicate', revision: 0 });
    });
  });

  test('with the same id in two parts is refused', () => {
    bench.transact([part('a', [1]), part('b', [1])]);
    bench.commit();
    expect(bench.answers).toMatchObject([{ kind: 'rejected', code: 'event-id-conflict' }]);
  });

  test('larger than the server lets in, only in sum, is refused', () => {
    const large = (stream: string) => ({
      stream,
      events: [{ data: new Uint8Array(8_000) }, { data: new Uint8Array(8_000) }],
    });
    bench.transact([large('a'), large('b'), large('c')], 1);
    bench.transact(
      [large('a'), large('b')].map(({ stream, events: [one] }) => ({ stream, events: [one!] })),
      2,
    );
    bench.commit();
    expect(bench.answers).toMatchObject([
      { token: 1, kind: 'rejected', code: 'request-too-large' },
      { token: 2, kind: 'appended' },
    ]);
  });

  test('goes over the end of a chunk as one', () => {
    while (CHUNK_BYTES - bench.producer.framed > 4_000) {
      bench.append('filler', [{ data: new Uint8Array(1_000) }]);
      bench.commit();
    }
    bench.prepared = 2 * CHUNK_BYTES;
    const three = ['a', 'b', 'c'].map((stream) => ({ stream, events: [{ data: new Uint8Array(1_300) }] }));
    bench.transact(three, 99);
    bench.commit();
    expect(bench.answers.at(-1)).toMatchObject({ token: 99, revisions: [0, 0, 0] });
    expect(bench.verifiedTypes()).toContain(RECORD_TYPE.padding);
    const last = eventsIn(bench).slice(-3);
    expect(last.map(({ position }) => position >= CHUNK_BYTES)).toEqual([false, false, true]);
    expect(last.map(({ isFirst, isLast }) => [isFirst, isLast])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });
});

/** What a store of this kind does, without any of its means. */
class NaiveStore {
  readonly #streams = new Map<string, string[]>();

  /** The revision of the last event in each part's stream; or why nothing was written. */
  append(parts: readonly TestPart[]): readonly number[] | string {
    const ids = parts.map((one) => one.events.map(({ id }) => id!));
    const known = ids.flat().filter((id) => [...this.#streams.values()].some((all) => all.includes(id)));
    if (known.length > 0) return this.#again(parts, ids);
    if (new Set(ids.flat()).size < ids.flat().length) return 'event-id-conflict';
    for (const { stream, expected = -2 } of parts) {
      const head = this.#of(stream).length - 1;
      const isMet = expected === -2 || expected === head || (expected === -4 && head >= 0);
      if (!isMet) return 'wrong-expected-revision';
    }
    return parts.map(({ stream }, index) => this.#of(stream).push(...ids[index]!) - 1);
  }

  #again(parts: readonly TestPart[], ids: readonly string[][]): readonly number[] | string {
    const revisions = parts.map(({ stream }, index) => {
      const own = ids[index]!;
      const first = this.#of(stream).indexOf(own[0]!);
      const isThere = first >= 0 && own.every((id, i) => this.#of(stream)[first + i] === id);
      return isThere ? first + own.length - 1 : -1;
    });
    return revisions.includes(-1) ? 'event-id-conflict' : revisions;
  }

  #of(stream: string): string[] {
    const known = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, known);
    return known;
  }
}

const anyPart = (stream: string) =>
  fc.record({
    stream: fc.constant(stream),
    events: fc.array(
      fc.nat(25).map((id): TestEvent => ({ id: idOf(id) })),
      { minLength: 1, maxLength: 3 },
    ),
    expected: fc.constantFrom(-2, -2, -1, -4, 0, 1, 2),
  });
const anyRequest = fc
  .subarray(['a', 'b', 'c', 'd'], { minLength: 1 })
  .chain((streams) => fc.tuple(...streams.map(anyPart)));

test('any mix of appends and transactions, new and again, ends as in a naive store', () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 25 }), fc.boolean(), (requests, isNative) => {
      const bench = new SequencerRig(isNative ? takeAppends : undefined);
      const naive = new NaiveStore();
      const expected = requests.map((parts) => naive.append(parts));
      requests.forEach((parts, index) => {
        const [only] = parts;
        if (parts.length > 1) bench.transact(parts, index + 1);
        else bench.append(only!.stream, [...only!.events], only!.expected, index + 1);
        if (index % 3 === 0) bench.commit();
      });
      bench.commit();
      const told = bench.answers.map((answer) =>
        'code' in answer ? answer.code : 'revisions' in answer ? answer.revisions : [answer.revision],
      );
      expect(told).toEqual(expected);
      const written = eventsIn(bench);
      for (const stream of ['a', 'b', 'c', 'd']) {
        const revisions = written.filter((event) => event.stream === stream).map(({ revision }) => revision);
        expect(revisions).toEqual(revisions.map((_, index) => index));
      }
    }),
  );
});
