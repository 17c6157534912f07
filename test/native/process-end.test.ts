/** A process that ends while its threads are about to load the addon: a node does that when another of its threads dies. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { loadAddon } from '../../src/native/load.js';

/** One run in seven aborted before the addon was told to let go of what it can not throw. */
const RUNS = 20;

const THREAD = `
  const { workerData } = require('node:worker_threads');
  Atomics.add(workerData.begun, 0, 1);
  require(workerData.addon);`;

const MAIN = `
  const { Worker } = require('node:worker_threads');
  const begun = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 4; i++) {
    new Worker(${JSON.stringify(THREAD)}, { eval: true, workerData: { begun, addon: process.argv[1] } });
  }
  setTimeout(() => {
    while (Atomics.load(begun, 0) === 0);
    process.exit(7);
  }, 1);`;

test.skipIf(loadAddon('').kind !== 'native')(
  'the exit code of a process is its own, also in the middle of that',
  () => {
    const addon = resolve('build/Release/cairn.node');
    for (let run = 0; run < RUNS; run++) {
      const { status, signal, stderr } = spawnSync(process.execPath, ['-e', MAIN, addon], {
        encoding: 'utf8',
      });
      expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: '' });
    }
  },
  60_000,
);
