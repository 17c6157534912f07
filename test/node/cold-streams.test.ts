/** Appends to more streams than a leader has in memory, on a whole engine: what is forgotten, and what a start does not load, the index knows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Engine } from '../../src/node/engine.js';
import { append, openLone } from './engine-rig.js';

/** More than a snapshot of the index takes along, and some twenty times as many as fit into the rig's cache. */
const STREAMS = 66_000;

let folder: string;
let engine: Engine | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-cold-'));
});

afterEach(async () => {
  await engine?.stop();
  engine = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function open(): Promise<Engine> {
  return openLone(folder, { chunkSize: 4 * 1024 * 1024, ringSize: 4 * 1024 * 1024 });
}

/** Appends an event to each, many at a time; how often each revision, or each refusal, was the answer. */
async function appendToEach(streams: readonly number[], firstId: number, expected: number) {
  const answers = new Map<number | string, number>();
  for (let from = 0; from < streams.length; from += 1000) {
    const some = streams.slice(from, from + 1000).map((stream, i) => {
      return append(engine!, firstId + from + i, { stream: `stream-${stream}`, bytes: 8, expected });
    });
    for (const answer of await Promise.all(some)) answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  return Object.fromEntries(answers);
}

test('streams that were forgotten, or not loaded at a start, go on where they ended, and new ones are new', async () => {
  const all = Array.from({ length: STREAMS }, (_, stream) => stream);
  engine = await open();
  expect(await appendToEach(all, 0, -1)).toEqual({ 0: STREAMS });
  expect(engine.appends.reign!.sequencer!.streams).toBeLessThan(STREAMS / 4);
  const some = all.filter((stream) => stream % 10 === 0);
  expect(await appendToEach(some, 1_000_000, 0)).toEqual({ 1: some.length });
  expect(await appendToEach(some, 2_000_000, 0)).toEqual({ 'wrong-expected-revision': some.length });

  await engine.stop();
  engine = await open();
  expect(engine.appends.reign!.sequencer!.streams).toBe(0);
  // Retries as long as their ids are remembered.
  const retries = { 1: 1024, 'wrong-expected-revision': some.length - 1024 };
  expect(await appendToEach(some, 1_000_000, 0)).toEqual(retries);
  expect(await appendToEach(some, 3_000_000, 1)).toEqual({ 2: some.length });
  expect(await appendToEach(all.slice(1, 10), 4_000_000, 0)).toEqual({ 1: 9 });
  const fresh = Array.from({ length: 3000 }, (_, i) => STREAMS + i);
  expect(await appendToEach(fresh, 5_000_000, -1)).toEqual({ 0: fresh.length });
  expect(await appendToEach(fresh, 6_000_000, -4)).toEqual({ 1: fresh.length });
}, 60_000);
