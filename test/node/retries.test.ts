/** Retries that a node compares with its chunk files, some of which are damaged. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CairnError } from '../../src/base/errors.js';
import { openLoneEngine } from '../../src/node/lone-engine.js';
import { append, engineOptions, UNTROUBLED } from './engine-rig.js';

let folder: string;
let keepAlive: NodeJS.Timeout;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-retries-'));
  keepAlive = setInterval(() => undefined, 1_000);
});
afterEach(() => {
  clearInterval(keepAlive);
  rmSync(folder, { recursive: true });
});

test('a retry of an event whose record is damaged gets its result by the ids, and the damage is told', async () => {
  const damages: CairnError[] = [];
  const damaged = (error: CairnError): boolean => damages.push(error) > 0;
  const engine = await openLoneEngine(engineOptions(folder), { ...UNTROUBLED, damaged });
  const bytes = 7_000;
  for (let id = 0; id < 300; id++) expect(await append(engine, id, { bytes })).toBe(id);
  const { producer } = engine.store!;
  expect(producer.floor).toBeGreaterThan(0);
  expect(await append(engine, 2, { bytes })).toBe(2);
  expect(await append(engine, 2, { bytes: bytes + 1 })).toBe('event-id-conflict');
  // Another part of the log is read meanwhile, so that this one is read again.
  expect(await append(engine, 100, { bytes })).toBe(100);
  expect(damages).toEqual([]);
  const path = join(folder, 'chunk-000000.000000');
  const chunk = readFileSync(path);
  chunk[4_096 + 2.5 * bytes]! ^= 0xff;
  writeFileSync(path, chunk);
  expect(await append(engine, 2, { bytes: bytes + 1 })).toBe(2);
  expect(await append(engine, 3, { bytes: bytes + 1 })).toBe('event-id-conflict');
  expect(damages).toMatchObject([{ code: 'log-corrupt' }]);
  await engine.stop();
});

test('a node that is stopped while it reads its log answers the retries that it has taken', async () => {
  const first = await openLoneEngine(engineOptions(folder), UNTROUBLED);
  for (let id = 0; id < 40; id++) expect(await append(first, id)).toBe(id);
  await first.stop();
  const second = await openLoneEngine(engineOptions(folder), UNTROUBLED);
  // Waits until appends are decided.
  expect(await append(second, 40)).toBe(40);
  const answers = [append(second, 3), append(second, 4, { bytes: 101 }), append(second, 41)];
  expect(second.appends.pendingAppends).toBe(3);
  await second.stop();
  expect(await Promise.all(answers)).toEqual([3, 'event-id-conflict', 41]);
});
