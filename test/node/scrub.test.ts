/** Sealed chunks are read again and again while a node works, and what is damaged meanwhile is found by it. */
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
  folder = mkdtempSync(join(tmpdir(), 'cairn-scrub-'));
  keepAlive = setInterval(() => undefined, 1_000);
});
afterEach(() => {
  clearInterval(keepAlive);
  rmSync(folder, { recursive: true });
});

const WAIT = { timeout: 30_000, interval: 20 };

test('rounds over all sealed chunks follow one another, and find damage that comes between them, each time', async () => {
  const damages: CairnError[] = [];
  const damaged = (error: CairnError): boolean => damages.push(error) > 0;
  let sound: number[] = [];
  const options = { ...engineOptions(folder), scrubIntervalMs: 20 };
  const engine = await openLoneEngine(options, {
    ...UNTROUBLED,
    damaged,
    sound: (chunk) => sound.push(chunk),
  });
  for (let id = 0; id < 100; id++) expect(await append(engine, id, { bytes: 7_000 })).toBe(id);
  const scrub = () => engine.store!.scrub;
  await expect.poll(() => scrub().rounds, WAIT).toBeGreaterThan(2);
  expect(scrub()).toMatchObject({ damaged: 0, bytes: scrub().chunks * engine.store!.chunkSize });
  expect(scrub().lastRoundEndedAt).toBeGreaterThan(0);

  const path = join(folder, 'chunk-000001.000000');
  const bytes = readFileSync(path);
  bytes[4096 + 9_000]! ^= 1;
  writeFileSync(path, bytes);
  await expect.poll(() => scrub().damaged, WAIT).toBeGreaterThan(1);
  expect(damages[0]).toMatchObject({ code: 'log-corrupt', details: { file: path } });
  expect(await append(engine, 200)).toBe(100);

  bytes[4096 + 9_000]! ^= 1;
  writeFileSync(path, bytes);
  sound = [];
  const { rounds, damaged: found } = scrub();
  await expect.poll(() => scrub().rounds, WAIT).toBeGreaterThan(rounds + 2);
  expect(sound).toContain(1);
  expect(scrub().damaged).toBeLessThanOrEqual(found + 1);
  await engine.stop();
}, 90_000);
