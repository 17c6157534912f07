/** Appends to metadata streams: what they may say, what that does to their streams, whoever decides about them, and however cold the streams are. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { openPlatform } from '../../src/native/platform.js';
import { appendFrame, idOf, type TestEvent } from './requests.js';
import { CHUNK_BYTES, SequencerRig } from './sequencer-rig.js';

const { takeAppends } = openPlatform();
const TOMBSTONE: TestEvent = { type: '$tombstone', isJson: false };

function metadata(content: object | string, about?: object): TestEvent {
  const data = typeof content === 'string' ? content : JSON.stringify(content);
  return { type: '$metadata', data, ...(about && { metadata: JSON.stringify(about) }) };
}

function rejection(code: string) {
  return { kind: 'rejected', code };
}

describe.each([
  ['in plain JavaScript', undefined],
  [takeAppends === undefined ? 'again, as there is no addon here' : 'with the native pass', takeAppends],
])('a metadata stream %s', (_how, pass) => {
  let rig: SequencerRig;
  beforeEach(() => {
    rig = new SequencerRig(pass);
  });

  function answerTo(stream: string, events: TestEvent[], expected = -2) {
    rig.append(stream, events, expected);
    rig.commit();
    return rig.answers.at(-1);
  }

  test.each<[string, string, TestEvent]>([
    ['an event of another type', '$$s', { type: 'tested', data: '{}' }],
    ['no JSON', '$$s', metadata('{')],
    ['no object', '$$s', metadata('[1]')],
    ['JSON that does not say so', '$$s', { ...metadata({}), isJson: false }],
    ['no UTF-8', '$$s', { type: '$metadata', data: Uint8Array.of(0x22, 0xff, 0x22) }],
    ['a key that begins with $ and is not known', '$$s', metadata({ $maxcount: 1 })],
    ['a count of 0', '$$s', metadata({ $maxCount: 0 })],
    ['half an event', '$$s', metadata({ $maxCount: 1.5 })],
    ['an age that is no number', '$$s', metadata({ $maxAge: '1' })],
    ['an age of many centuries', '$$s', metadata({ $maxAge: 1e15 })],
    ['a revision below 0', '$$s', metadata({ $tb: -1 })],
    ['a revision above the next one', '$$s', metadata({ $tb: 4 })],
    ['null', '$$s', metadata({ $tb: null })],
    ['an ACL that is a list', '$$s', metadata({ $acl: [] })],
    ['metadata of metadata', '$$$$s', metadata({})],
    ['metadata of the scavenge points', '$$$scavenges', metadata({ $maxCount: 1 })],
    ['the end of the scavenge points', '$$$scavenges', TOMBSTONE],
    ['metadata of nothing', '$$', metadata({})],
    ['an expectation of a kind that is not known', '$$s', metadata({}, { $expectedRevision: 'some' })],
    ['more than anybody has to say', '$$s', metadata({ long: 'x'.repeat(5_000) + 'y'.repeat(62_000) })],
  ])('does not take %s', (what, stream, event) => {
    answerTo('s', [{}, {}, {}]);
    // The rig's own limit is below that of metadata.
    const code = what.startsWith('more') ? 'request-too-large' : 'invalid-metadata';
    expect(answerTo(stream, [event])).toMatchObject(rejection(code));
    expect(answerTo('$$s', [metadata({})], -1)).toMatchObject({ kind: 'appended', revision: 0 });
  });

  test('takes what is valid, known to the native pass or not', () => {
    answerTo('s', [{}, {}]);
    const all = { $maxCount: 1, $maxAge: 60, $tb: 2, $cacheControl: 5, $acl: { $r: 'me' }, mine: [null] };
    for (const revision of [0, 1, 2])
      expect(answerTo('$$s', [metadata(all)], revision - 1)).toMatchObject({ kind: 'appended', revision });
    expect(answerTo('$$s', [metadata({ $maxCount: 'x' })])).toMatchObject(rejection('invalid-metadata'));
    expect(answerTo('$$s', [metadata({})], 1)).toMatchObject(rejection('wrong-expected-revision'));
  });

  test('holds what is expected of its stream against that, pending events included', () => {
    rig.append('s', [{}]);
    for (const [expected, code] of [
      [0, undefined],
      [1, 'wrong-expected-revision'],
      ['exists', undefined],
      ['none', 'wrong-expected-revision'],
      ['any', undefined],
    ] as const) {
      const answer = answerTo('$$s', [metadata({}, { $expectedRevision: expected })]);
      expect(answer).toMatchObject(code === undefined ? { kind: 'appended' } : rejection(code));
    }
    expect(answerTo('$$new', [metadata({ $tb: 0 }, { $expectedRevision: 'none' })])).toMatchObject({
      revision: 0,
    });
  });

  test('closes both streams with a tombstone, while it is pending as well; repeats have their first answer', () => {
    const first = { id: idOf(1) };
    rig.append('s', [first]);
    rig.append('$$s', [{ ...TOMBSTONE, id: idOf(2) }]);
    rig.append('s', [{ id: idOf(3) }]);
    rig.append('$$s', [metadata({})]);
    rig.append('s', [first]);
    rig.append('$$s', [{ ...TOMBSTONE, id: idOf(2) }]);
    rig.append('$$s', [TOMBSTONE]);
    rig.append('other', [{}]);
    rig.commit();
    const closed = rejection('stream-deleted');
    const again = { kind: 'duplicate', revision: 0 };
    const written = { kind: 'appended', revision: 0 };
    expect(rig.answers).toMatchObject([written, written, closed, closed, again, again, closed, written]);
  });

  test('is written to by an open transaction when that is committed, and checked then', () => {
    const step = (
      transaction: number,
      step: number,
      action: 'write' | 'commit',
      events: TestEvent[] = [],
    ) => {
      rig.step({ transaction, step, action }, action === 'write' ? [{ stream: '$$s', events }] : []);
      rig.commit();
      return rig.answers.at(-1);
    };
    step(1, 0, 'write', [metadata({ $maxCount: 0 })]);
    expect(step(1, 1, 'commit')).toMatchObject(rejection('invalid-metadata'));
    step(2, 0, 'write', [metadata({ $maxCount: 1 })]);
    step(2, 1, 'write', [TOMBSTONE]);
    expect(answerTo('s', [{}])).toMatchObject({ kind: 'appended' });
    expect(step(2, 2, 'commit')).toMatchObject({ kind: 'appended', revision: 1 });
    expect(answerTo('s', [{}])).toMatchObject(rejection('stream-deleted'));
  });

  test('takes nothing behind a tombstone, and none together with events of its stream', () => {
    expect(answerTo('$$s', [TOMBSTONE, metadata({})])).toMatchObject(rejection('invalid-metadata'));
    const parts = [
      { stream: 's', events: [{}] },
      { stream: '$$s', events: [TOMBSTONE] },
    ];
    rig.transact(parts);
    rig.transact([parts[0]!, { stream: '$$s', events: [metadata({ $maxCount: 2 })] }]);
    rig.commit();
    expect(rig.answers.slice(1)).toMatchObject([rejection('invalid-metadata'), { revisions: [0, 0] }]);
    expect(answerTo('$$s', [metadata({}), TOMBSTONE])).toMatchObject({ revision: 2 });
    expect(answerTo('s', [{}])).toMatchObject(rejection('stream-deleted'));
    // A transaction with a closed stream is refused as a whole.
    rig.transact([
      { stream: 'other', events: [{}] },
      { stream: 's', events: [{}] },
    ]);
    rig.commit();
    expect(rig.answers.at(-1)).toMatchObject(rejection('stream-deleted'));
    expect(answerTo('other', [{}], -1)).toMatchObject({ revision: 0 });
  });
});

const NAMES = Array.from({ length: 150 }, (_, i) => `stream-${i}`);
const operation = fc.record({
  stream: fc.constantFrom(...NAMES),
  kind: fc.constantFrom('append', 'append', 'append', 'metadata', 'metadata', 'tombstone'),
  expected: fc.constantFrom(-2, -2, -2, -1, 0, 1, -4),
  tb: fc.integer({ min: 0, max: 3 }),
});
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

function frameOf({ stream, kind, expected, tb }: Operation, requestId: number): Uint8Array {
  const id = idOf(requestId);
  if (kind === 'append') return appendFrame(stream, [{ id }], expected, requestId);
  const event = kind === 'tombstone' ? TOMBSTONE : metadata({ $tb: tb });
  return appendFrame(`$$${stream}`, [{ ...event, id }], expected, requestId);
}

/** The slow and obvious way. */
function expectedOf(operations: readonly Operation[]) {
  const heads = new Map<string, number>();
  const closed = new Set<string>();
  return operations.map(({ stream, kind, expected, tb }) => {
    const target = kind === 'append' ? stream : `$$${stream}`;
    const head = heads.get(target) ?? -1;
    if (closed.has(stream)) return 'stream-deleted';
    const isMet = expected === -2 || expected === head || (expected === -4 && head >= 0);
    if (!isMet) return 'wrong-expected-revision';
    if (kind === 'metadata' && tb > (heads.get(stream) ?? -1) + 1) return 'invalid-metadata';
    if (kind === 'tombstone') closed.add(stream);
    heads.set(target, head + 1);
    return head + 1;
  });
}

async function feed(rig: SequencerRig, operations: readonly Operation[]): Promise<SequencerRig> {
  rig.prepared = 100_000 * CHUNK_BYTES;
  for (const [i, operation] of operations.entries()) {
    const frame = frameOf(operation, i + 1);
    while (rig.receive(frame) < frame.length)
      await new Promise<void>((resolve) => rig.sequencer.whenFound(resolve));
    if (i % 7 === 6) rig.commit();
  }
  rig.commit();
  await rig.answered();
  return rig;
}

test('metadata and tombstones mean the same with every kind of sequencer, however many streams it forgets', async () => {
  let lookups = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 400, maxLength: 700 }), async (operations) => {
      const plain = await feed(new SequencerRig(undefined), operations);
      const answers = plain.answers.map((answer) =>
        'code' in answer ? answer.code : 'revision' in answer && answer.revision,
      );
      expect(answers).toEqual(expectedOf(operations));
      const headBytes = 2 * 1024;
      for (const rig of [
        new SequencerRig(takeAppends),
        new SequencerRig(undefined, undefined, javascriptKernel, headBytes),
        new SequencerRig(takeAppends, undefined, javascriptKernel, headBytes),
      ]) {
        await feed(rig, operations);
        expect(rig.answers).toEqual(plain.answers);
        expect(Buffer.from(rig.bytes).equals(Buffer.from(plain.bytes))).toBe(true);
        lookups = Math.max(lookups, rig.lookups);
      }
    }),
    { numRuns: 15 },
  );
  expect(lookups).toBeGreaterThan(2 * NAMES.length);
});
