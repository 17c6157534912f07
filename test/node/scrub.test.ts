/** Sealed chunks are read again and again while a node works, and what is damaged meanwhile is found by it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CairnError } from '../../src/base/errors.js';
import { loadManifest, segmentFileName } from '../../src/index/manifest.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
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

test('damage to the index where nobody asks is found and mended, and is no damage to the log', async () => {
  const damages: CairnError[] = [];
  const notes: string[] = [];
  const options = { ...engineOptions(folder), scrubIntervalMs: 20 };
  const engine = await openLoneEngine(options, {
    ...UNTROUBLED,
    damaged: (error) => damages.push(error) > 0,
    warn: (message) => notes.push(message),
  });
  for (let id = 0; id < 100; id++) expect(await append(engine, id, { bytes: 7_000 })).toBe(id);
  const scrub = () => engine.store!.scrub;
  await expect.poll(() => scrub().rounds, WAIT).toBeGreaterThan(1);
  const manifest = () => {
    const loaded = loadManifest(new JavascriptDisk(), join(folder, 'index'));
    return typeof loaded === 'string' ? expect.fail(loaded) : loaded;
  };
  const [segment] = manifest().segments;
  const path = join(folder, 'index', segmentFileName(segment!.file));
  const bytes = readFileSync(path);
  bytes[bytes.length - 9]! ^= 1;
  writeFileSync(path, bytes);
  await expect.poll(() => scrub().indexDamaged, WAIT).toBeGreaterThan(0);
  const { rounds } = scrub();
  await expect.poll(() => scrub().rounds, WAIT).toBeGreaterThan(rounds + 1);
  expect(manifest().segments.map(({ file }) => file)).not.toContain(segment!.file);
  expect(notes).toContain('a part of the index is damaged and is made anew');
  expect([damages, scrub().damaged]).toEqual([[], 0]);
  expect(await append(engine, 200)).toBe(100);
  await engine.stop();
}, 90_000);
