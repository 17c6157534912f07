/** What engines do together, on real folders and threads: found, lead, replicate, part, and find together again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EngineNetwork } from './engine-network.js';
import { append } from './engine-rig.js';

let folder: string;
let network: EngineNetwork;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-engines-'));
  // Larger chunks than the ring, so that it is what fills up.
  network = new EngineNetwork(folder, 3, { chunkSize: 4 * 1024 * 1024 });
});
afterEach(async () => {
  await network.stopAll();
  rmSync(folder, { recursive: true });
});

test('a leader whose ring was full of what nobody else had leads on when the others are back', async () => {
  const first = await network.leader();
  const engine = network.engine(first);
  expect(await append(engine, 0)).toBe(0);
  await network.settled();
  network.isolate(first);
  // More than the ring holds: those for which there was room wait for a commit that doesn't come, the others for room.
  const outcomes = Array.from({ length: 300 }, (_, i) => append(engine, i + 1, { bytes: 7_000 }));
  await network.until('the ring is full', () => !engine.store!.producer.hasRoomForEvents(16_000));
  const second = await network.leader();
  expect(second).not.toBe(first);
  // What it has is worth nothing as the others have gone on.
  expect(await append(network.engine(second), 1_000)).toBe(1);
  network.heal();
  await network.settled();
  const codes = new Set(await Promise.all(outcomes));
  expect([...codes].filter((code) => typeof code === 'number')).toEqual([]);
});

test('a leader that filled its ring without a quorum, and is elected again, can write its Epoch record', async () => {
  const first = await network.leader();
  const engine = network.engine(first);
  const others = network.names.filter((name) => name !== first);
  expect(await append(engine, 0)).toBe(0);
  await network.settled();
  for (const name of others) network.isolate(name);
  const outcomes = Array.from({ length: 300 }, (_, i) => append(engine, i + 1, { bytes: 7_000 }));
  await network.until('the ring is full', () => !engine.store!.producer.hasRoomForEvents(16_000));
  await network.until('it gives up', () => !engine.isLeading);
  const codes = new Set(await Promise.all(outcomes));
  expect([...codes].every((code) => code === 'outcome-unknown' || code === 'no-leader')).toBe(true);
  network.heal();
  const again = await network.leader();
  expect(await append(network.engine(again), 5_000)).toBeGreaterThan(0);
  await network.settled();
});
