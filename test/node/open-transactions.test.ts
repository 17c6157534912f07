/** Open transactions in a whole engine, with its threads, index and files: what a restart and a leader without memory make of them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RECORD, RECORD_TYPE } from '../../src/log/record.js';
import type { Engine } from '../../src/node/engine.js';
import { EVENTS_PREFIX_BYTES } from '../../src/wire/frames.js';
import { removeFolder, temporaryFolder } from '../process/node-process.js';
import { idOf, openAppend, stepFrame, type TestStep } from '../sequencer/requests.js';
import { append, CHUNK_BYTES, openLone } from './engine-rig.js';

let folder: string;
let engine: Engine;
beforeEach(async () => {
  folder = temporaryFolder();
  engine = await openLone(folder);
});
afterEach(async () => {
  await engine.stop();
  removeFolder(folder);
});

async function reopen(): Promise<void> {
  await engine.stop();
  engine = await openLone(folder);
}

/** Takes a step; resolves to the revision of each stream, or to why it was rejected. */
function step(wanted: TestStep, stream = 's', ids: readonly number[] = [], bytes = 10): Promise<unknown> {
  const events = ids.map((id) => ({ id: idOf(id), data: new Uint8Array(bytes).fill(id) }));
  const frame = stepFrame(wanted, events.length === 0 ? [] : [{ stream, events }]);
  return new Promise((resolve) => {
    const sink = {
      appended: (_token: number, revision: number) => resolve([revision]),
      appendedParts: (_token: number, revisions: readonly number[]) => resolve(revisions),
      rejected: (_token: number, { code }: { code: string }) => resolve(code),
    };
    const attempt = () => {
      const outcome = engine.appends.append(openAppend(frame), sink, 1);
      if (outcome === 'retry') engine.appends.whenRoom(attempt);
      else if (outcome === 'sought') engine.appends.whenFound(attempt);
      else if (outcome !== 'taken') resolve(outcome.code);
    };
    attempt();
  });
}

/** What a reader of the whole log is given, record types by name. */
async function given(direction: 'forwards' | 'backwards'): Promise<string[]> {
  const from = direction === 'forwards' ? 0 : Number.POSITIVE_INFINITY;
  const read = engine.store!.reader.readAll({ direction, from, eventsMax: Number.POSITIVE_INFINITY });
  const types: string[] = [];
  for (;;) {
    const page = await read.nextPage(32 * 1024);
    if (page.kind !== 'page') throw new Error(page.kind);
    const { bytes } = page;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (
      let at = EVENTS_PREFIX_BYTES;
      at < bytes.length;
      at += (view.getUint32(at + RECORD.length, true) + 7) & ~7
    ) {
      const type = view.getUint8(at + RECORD.type);
      if (type === RECORD_TYPE.prepare || type === RECORD_TYPE.draft)
        types.push(type === RECORD_TYPE.draft ? 'draft' : 'event');
    }
    if (page.isLast) return types;
  }
}

test('goes on after restarts, over many chunks, and is seen by nobody before its commit', async () => {
  let id = 0;
  for (let number = 0; number < 40; number++) {
    expect(
      await step({ transaction: 1, step: number, action: 'write' }, `s${number % 3}`, [id++, id++], 300),
    ).toEqual([number]);
    for (let i = 0; i < 20; i++)
      await append(engine, 10_000 + 20 * number + i, { bytes: 400, stream: 'others' });
    if (number % 10 === 9) await reopen();
  }
  expect(engine.store!.committed).toBeGreaterThan(4 * CHUNK_BYTES);
  for (const direction of ['forwards', 'backwards'] as const)
    expect(await given(direction)).toEqual(Array.from({ length: 800 }, () => 'event'));
  expect(await step({ transaction: 1, step: 40, action: 'commit' })).toEqual([27, 25, 25]);
  for (const direction of ['forwards', 'backwards'] as const)
    expect(await given(direction)).toEqual(Array.from({ length: 880 }, () => 'event'));
  await reopen();
  expect(await step({ transaction: 1, step: 40, action: 'commit' })).toEqual([27, 25, 25]);
  expect(await step({ transaction: 1, step: 41, action: 'write' }, 's', [9_999])).toBe('transaction-over');
});

test('that was abandoned stays so over a restart, and one that is left alone is never shown', async () => {
  await step({ transaction: 1, step: 0, action: 'write' }, 'a', [1]);
  await step({ transaction: 1, step: 1, action: 'abandon' });
  await step({ transaction: 2, step: 0, action: 'write' }, 'a', [2]);
  await reopen();
  expect(await step({ transaction: 1, step: 1, action: 'commit' })).toBe('transaction-over');
  expect(await step({ transaction: 1, step: 1, action: 'abandon' })).toEqual([1]);
  expect(await given('forwards')).toEqual([]);
  expect(await step({ transaction: 2, step: 1, action: 'commit' })).toEqual([0]);
});

test('a name like those of the steps can not be read as a stream', async () => {
  await step({ transaction: 1, step: 0, action: 'write' }, 'a', [1]);
  const info = await engine.store!.reader.streamInfo(Uint8Array.of(0xff, ...new Uint8Array(15), 1));
  // The index knows it; the protocol lets no such name in, because it is no text.
  expect(info.revision).toBe(0);
});
