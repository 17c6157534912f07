/**
 * Stream heads in bounded memory: a sequencer that forgets streams, and looks them up again, writes the same log to the last byte, and gives the same
 * answers, as one that knows them all.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { openPlatform } from '../../src/native/platform.js';
import { StreamHeads } from '../../src/sequencer/stream-heads.js';
import { appendFrame, idOf, partsFrame, stepFrame } from './requests.js';
import { CHUNK_BYTES, SequencerRig } from './sequencer-rig.js';

/** Less than two generations of the least size: every few dozen streams some are forgotten. */
const HEAD_BYTES = 16 * 1024;
const { takeAppends } = openPlatform();

function rigOf(headBytesMax?: number, native = takeAppends): SequencerRig {
  const rig = new SequencerRig(native, undefined, javascriptKernel, headBytesMax);
  rig.prepared = 100_000 * CHUNK_BYTES;
  return rig;
}

const part = fc.record({
  stream: fc.integer({ min: 0, max: 400 }).map((number) => `stream-${number}`),
  ids: fc.uniqueArray(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 3 }),
  expected: fc.oneof({ weight: 5, arbitrary: fc.constant(-2) }, fc.integer({ min: -4, max: 3 })),
});
const script = fc.array(
  fc.record({
    requests: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.array(part, { minLength: 1, maxLength: 1 }) },
        {
          weight: 1,
          arbitrary: fc.uniqueArray(part, { selector: ({ stream }) => stream, minLength: 2, maxLength: 4 }),
        },
      ),
      { minLength: 20, maxLength: 40 },
    ),
    commitAfter: fc.boolean(),
  }),
  { minLength: 10, maxLength: 30 },
);
type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never;

function messageOf(requests: Script[number]['requests'], firstRequestId: number): Uint8Array {
  const frames = requests.map((parts, index) => {
    const streams = parts.map(({ stream, ids, expected }) => ({
      stream,
      expected,
      events: ids.map((id) => ({ id: idOf(id), data: `${id % 7}` })),
    }));
    const { stream, events, expected } = streams[0]!;
    return streams.length === 1
      ? appendFrame(stream, events, expected, firstRequestId + index)
      : partsFrame(streams, firstRequestId + index);
  });
  return Buffer.concat(frames);
}

function streamsOf(script: Script): Set<string> {
  return new Set(script.flatMap(({ requests }) => requests.flat().map(({ stream }) => stream)));
}

async function feed(rig: SequencerRig, script: Script): Promise<SequencerRig> {
  let requestId = 1;
  for (const { requests, commitAfter } of script) {
    await receive(rig, messageOf(requests, requestId));
    requestId += requests.length;
    if (commitAfter) rig.commit();
  }
  rig.commit();
  await rig.answered();
  return rig;
}

/** Takes a message as a session does, which waits where something has to be looked up. */
async function receive(rig: SequencerRig, message: Uint8Array): Promise<void> {
  for (let at = 0; at < message.length; ) {
    // A message of its own begins where the last one stopped.
    const rest = message.slice(at);
    const stopped = rig.receive(rest);
    if (stopped < rest.length) await new Promise<void>((resolve) => rig.sequencer.whenFound(resolve));
    at += stopped;
  }
}

describe('streams that are not in memory', () => {
  test.each([
    { pass: 'with the native pass', native: takeAppends },
    { pass: 'without', native: undefined },
  ])(
    'change nothing of what is written and answered ($pass)',
    async ({ native }) => {
      let again = 0;
      await fc.assert(
        fc.asyncProperty(script, async (script) => {
          const all = await feed(rigOf(undefined, native), script);
          const cold = await feed(rigOf(HEAD_BYTES, native), script);
          expect(cold.answers).toEqual(all.answers);
          expect(Buffer.from(cold.bytes).equals(Buffer.from(all.bytes))).toBe(true);
          again = Math.max(again, cold.lookups - streamsOf(script).size);
        }),
        { numRuns: 40 },
      );
      expect(again).toBeGreaterThan(20);
    },
    60_000,
  );

  test('are looked up again when they were forgotten, and only then', async () => {
    const rig = rigOf(HEAD_BYTES);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 500; i++) {
        expect(await rig.appendAfterLookups(`s${i}`, [{}], round - 1)).toBe('taken');
        rig.commit();
        expect(await rig.appendAfterLookups('hot', [{}])).toBe('taken');
      }
    }
    rig.commit();
    expect(rig.answers).toHaveLength(3000);
    expect(rig.answers.filter(({ kind }) => kind !== 'appended')).toEqual([]);
    expect(rig.lookups).toBe(3 * 500 + 1);
    expect(rig.sequencer.streams).toBeLessThan(300);
  });

  test('are not taken over at the start if all of them are more than there may be in memory', () => {
    const seed = { low: 1, high: 2 };
    const names = new NameTable(seed);
    const name = Buffer.alloc(1000, 'x');
    for (let i = 0; i < 100; i++) {
      name.writeUInt32LE(i);
      names.intern(name, 0, name.length);
    }
    const revisions = new Float64Array(100).fill(7);
    const all = { names, revisions, positions: new Float64Array(100) };
    const small = new StreamHeads({ seed, bytesMax: 100_000, all });
    expect([small.isComplete, small.find(name, 0, name.length), small.bytes < 100_000]).toEqual([
      false,
      -1,
      true,
    ]);
    const large = new StreamHeads({ seed, bytesMax: 1_000_000, all });
    expect([large.isComplete, large.revision(large.find(name, 0, name.length))]).toEqual([true, 7]);
  });

  test('are not forgotten while their last event is not committed, however many they are', async () => {
    const rig = rigOf(HEAD_BYTES);
    for (let i = 0; i < 600; i++) await rig.appendAfterLookups(`s${i}`, [{}], -1);
    expect(rig.sequencer.streams).toBeGreaterThanOrEqual(600);
    for (let i = 0; i < 600; i++) expect(rig.append(`s${i}`, [{}], 0)).toBe('taken');
    expect(rig.lookups).toBe(600);
    rig.commit();
    for (let i = 0; i < 600; i++) await rig.appendAfterLookups(`t${i}`, [{}], -1);
    expect(await rig.appendAfterLookups('s0', [{}], 1)).toBe('taken');
    rig.commit();
    expect(rig.answers.filter(({ kind }) => kind !== 'appended')).toEqual([]);
    expect(rig.lookups).toBe(1201);
  });

  test('make their own client wait, and nobody else', async () => {
    const rig = rigOf(HEAD_BYTES);
    await rig.appendAfterLookups('warm', [{}]);
    expect(rig.append('cold', [{}])).toBe('sought');
    const found = new Promise<void>((resolve) => rig.sequencer.whenFound(resolve));
    expect(rig.append('warm', [{}])).toBe('taken');
    await found;
    expect(rig.append('cold', [{}])).toBe('taken');
  });

  test('are looked up together if a message has many of them', async () => {
    const rig = rigOf(2 ** 20);
    const frames = Array.from({ length: 100 }, (_, i) => appendFrame(`s${i}`, [{}], -1, i + 1));
    const message = Buffer.concat(frames);
    expect(rig.receive(message)).toBe(0);
    expect(rig.lookups).toBe(100);
    await new Promise<void>((resolve) => rig.sequencer.whenFound(resolve));
    expect(rig.receive(message)).toBe(message.length);
  });

  test('are none of what a retry, or a request that is wrong in itself, waits for', async () => {
    const rig = rigOf(HEAD_BYTES);
    const event = { id: idOf(1), data: 'x' };
    await rig.appendAfterLookups('s', [event]);
    rig.commit();
    for (let i = 0; i < 300; i++) await rig.appendAfterLookups(`t${i}`, [{}]);
    rig.commit();
    const { lookups } = rig;
    expect(rig.append('s', [event], -2, 5001)).toBe('taken');
    expect(rig.append('cold', [event], -2, 5002)).toBe('taken');
    expect(rig.append('cold', [{ data: new Uint8Array(10_000) }], -2, 5003)).toBe('taken');
    rig.commit();
    await rig.answered();
    expect(rig.lookups).toBe(lookups);
    expect(rig.answers.slice(-3)).toMatchObject([
      { token: 5001, kind: 'duplicate', revision: 0 },
      { token: 5002, kind: 'rejected', code: 'event-id-conflict' },
      { token: 5003, kind: 'rejected', code: 'request-too-large' },
    ]);
  });

  test('of an open transaction are looked up when it is committed', async () => {
    const rig = rigOf(HEAD_BYTES);
    const events = [{ id: idOf(1) }];
    const steps = [
      stepFrame({ transaction: 1, step: 0, action: 'write' }, [{ stream: 'a', events, expected: -1 }], 1),
      stepFrame({ transaction: 1, step: 1, action: 'commit' }, [], 2),
    ];
    for (const step of steps) await receive(rig, step);
    rig.commit();
    expect(rig.answers).toMatchObject([
      { token: 1, kind: 'appended', revision: 0 },
      { token: 2, kind: 'appended', revision: 0 },
    ]);
    expect(rig.lookups).toBe(1);
  });

  test('and those who wait for them are let go when nothing is decided any more', () => {
    const rig = rigOf(HEAD_BYTES);
    let released = 0;
    for (let i = 0; i < 3; i++) {
      rig.append(`s${i % 2}`, [{}]);
      rig.sequencer.whenFound(() => released++);
    }
    rig.sequencer.releaseWaiting();
    expect(released).toBe(3);
  });
});
