import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Engine } from '../../src/node/engine.js';
import { openLoneEngine } from '../../src/node/lone-engine.js';
import { appendFrame, idOf, openAppend } from '../sequencer/requests.js';

const CHUNK_BYTES = 64 * 1024;

let folder: string;
let keepAlive: NodeJS.Timeout;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-engine-'));
  // Atomics.waitAsync alone does not keep the event loop alive; a node has its server for that.
  keepAlive = setInterval(() => undefined, 1000);
});
afterEach(() => {
  clearInterval(keepAlive);
  rmSync(folder, { recursive: true });
});

function open(): Promise<Engine> {
  return openLoneEngine(
    {
      folder: join(folder, 'made', 'on the way'),
      chunkSize: CHUNK_BYTES,
      ringSize: 1024 * 1024,
      batchBytesMax: 1024 * 1024,
      syncMode: 'fdatasync',
      maxAppendSize: 16 * 1024,
      maxAppendEventSize: 8 * 1024,
      retryWindowEvents: 1024,
    },
    {
      note: () => undefined,
      warn: () => undefined,
      failed: (error) => {
        throw error;
      },
    },
  );
}

/** Appends one event; resolves to its revision, or to why it was rejected. */
function append(engine: Engine, id: number, bytes = 100): Promise<number | string> {
  const frame = appendFrame('s', [{ id: idOf(id), data: new Uint8Array(bytes) }]);
  return new Promise((resolve) => {
    const sink = {
      appended: (_token: number, revision: number) => resolve(revision),
      rejected: (_token: number, { code }: { code: string }) => resolve(code),
    };
    const attempt = () => {
      const outcome = engine.appends.append(openAppend(frame), sink, 1);
      if (outcome === 'retry') engine.appends.whenRoom(attempt);
      else if (outcome !== 'taken') engine.appends.refuse(sink, 1, outcome);
    };
    attempt();
  });
}

test('what was answered before a stop is known after it: revisions go on, retries are recognised, over chunks', async () => {
  const first = await open();
  const revisions = await Promise.all(Array.from({ length: 60 }, (_, i) => append(first, i, 5000)));
  expect(revisions).toEqual(Array.from({ length: 60 }, (_, i) => i));
  await first.stop();
  const second = await open();
  expect(await append(second, 59, 5000)).toBe(59);
  expect(await append(second, 60)).toBe(60);
  expect((await second.store!.reader.streamInfo(new TextEncoder().encode('s'))).revision).toBe(60);
  await second.stop();
  expect(readdirSync(join(folder, 'made', 'on the way')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('stopping answers what was accepted, refuses what comes later, and is the same stop however often it is asked for', async () => {
  const engine = await open();
  const accepted = Array.from({ length: 20 }, (_, i) => append(engine, i));
  const [first, second] = [engine.stop(), engine.stop()];
  expect(second).toBe(first);
  expect(await append(engine, 99)).toBe('shutting-down');
  expect(await Promise.all(accepted)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  await first;
});

test('a second engine on the folder is refused while the first is open', async () => {
  const engine = await open();
  await expect(open()).rejects.toMatchObject({ code: 'folder-locked' });
  await engine.stop();
  await (await open()).stop();
});
