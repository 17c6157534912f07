/**
 * The native pass against the sequencer alone: given the same messages, usual and strange ones mixed, both write the same
 * log to the last byte and give the same answers in the same order.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openPlatform } from '../../src/native/platform.js';
import { appendFrame, idOf } from './requests.js';
import { CHUNK_BYTES, RETRY_EVENTS, SequencerRig } from './sequencer-rig.js';

const { takeAppends } = openPlatform();

/** Ids from few, so that retries, conflicts and repeats come about. */
const event = fc.record({
  id: fc.integer({ min: 1, max: 3000 }).map(idOf),
  type: fc.constantFrom('t', 'ordered', 'größer', 'x'.repeat(33)),
  data: fc.integer({ min: 0, max: 700 }).map((size) => new Uint8Array(size).fill(size)),
  metadata: fc.constantFrom('', '{}', '{"m":1}'),
});

const request = fc.record({
  stream: fc.constantFrom('a', 'b', 'orders-1', 'ümlaut', 'a-rather-long-name-of-a-stream'),
  events: fc.oneof(
    { weight: 4, arbitrary: fc.array(event, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(event, { minLength: 1, maxLength: 12 }) },
  ),
  expected: fc.oneof({ weight: 6, arbitrary: fc.constant(-2) }, fc.integer({ min: -5, max: 40 })),
});

/** A byte of a frame that is changed, if any. */
const damage = fc.option(fc.record({ at: fc.nat(400), to: fc.nat(255) }), { freq: 12, nil: undefined });

const messages = fc.array(
  fc.record({
    requests: fc.array(fc.record({ request, damage }), { minLength: 1, maxLength: 40 }),
    commitAfter: fc.boolean(),
  }),
  { minLength: 3, maxLength: 30 },
);

type Messages = typeof messages extends fc.Arbitrary<infer Value> ? Value : never;

function messageOf(requests: Messages[number]['requests'], firstRequestId: number): Uint8Array {
  const frames = requests.map(({ request, damage }, index) => {
    const frame = appendFrame(
      request.stream,
      request.events,
      request.expected,
      firstRequestId + index,
    ).slice();
    if (damage !== undefined) frame[damage.at % frame.length] = damage.to;
    return frame;
  });
  return Buffer.concat(frames);
}

function feed(rig: SequencerRig, script: Messages): Promise<void> {
  rig.prepared = 10_000 * CHUNK_BYTES;
  let requestId = 1;
  for (const { requests, commitAfter } of script) {
    let message = messageOf(requests, requestId);
    requestId += requests.length;
    for (;;) {
      const stoppedAt = rig.receive(message);
      if (stoppedAt === message.length) break;
      rig.commit();
      message = message.subarray(stoppedAt);
    }
    if (commitAfter) rig.commit();
    else rig.log.endTurn();
  }
  rig.commit();
  return rig.answered();
}

const title = takeAppends === undefined ? 'the native pass (not tested: no addon here)' : 'the native pass';

describe.skipIf(takeAppends === undefined)(title, () => {
  test('does what the sequencer does alone', async () => {
    let taken = 0;
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(messages, async (script) => {
        const [alone, helped] = [new SequencerRig(undefined), new SequencerRig(takeAppends)];
        await feed(alone, script);
        await feed(helped, script);
        expect(helped.answers).toEqual(alone.answers);
        expect(Buffer.compare(Uint8Array.from(helped.bytes), Uint8Array.from(alone.bytes))).toBe(0);
        helped.verifiedTypes();
        taken += helped.takenInRuns;
        answers += helped.answers.length;
      }),
      { numRuns: 150 },
    );
    expect(taken).toBeGreaterThan(answers / 5);
    expect(taken).toBeLessThan(answers);
  });

  test('takes all of a message of plain appends, whatever chunk and ring ends it meets, and finds retries of them', () => {
    const rig = new SequencerRig(takeAppends);
    rig.prepared = 10_000 * CHUNK_BYTES;
    rig.append('s', [{}]);
    rig.commit();
    const message = (first: number) =>
      Buffer.concat(
        Array.from({ length: 200 }, (_, index) =>
          appendFrame('s', [{ id: idOf(first + index), data: new Uint8Array(200) }], -2, index + 1),
        ),
      );
    const messages = Array.from({ length: 40 }, (_, index) => message(1 + 200 * index));
    for (const each of messages) {
      expect(rig.receive(each)).toBe(each.length);
      rig.commit();
    }
    expect(rig.answers.every(({ kind }) => kind === 'appended')).toBe(true);
    expect(rig.takenInRuns).toBeGreaterThan(8000 * 0.95);
    rig.answers.length = 0;
    expect(rig.receive(messages.at(-1)!)).toBe(messages.at(-1)!.length);
    rig.commit();
    expect(rig.answers.every(({ kind }) => kind === 'duplicate')).toBe(true);
    rig.answers.length = 0;
    // Older than the window: no longer known, so these are new events again.
    expect(RETRY_EVENTS).toBeLessThan(8000 - 200);
    expect(rig.receive(messages[0]!)).toBe(messages[0]!.length);
    rig.commit();
    expect(rig.answers.every(({ kind }) => kind === 'appended')).toBe(true);
    rig.verifiedTypes();
  });
});
