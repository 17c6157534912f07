import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readResults } from '../../bench/sweep/results-file.js';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-suite-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('a suite that is interrupted', () => {
  test('finishes its measurement, tells what it has, leaves no folder behind, and exits with 0', async () => {
    const lengths = ['--seconds', '0.1', '--warmup', '0', '--runs', '1000'];
    const words = [
      'bench',
      'suite',
      '--only',
      'in-process',
      ...lengths,
      '--out',
      'a.jsonl',
      '--report',
      'a.html',
    ];
    const suite = spawn(process.execPath, [MAIN, ...words], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const table = text(suite.stdout);
    const ended = once(suite, 'exit');
    createInterface({ input: suite.stderr }).on('line', (line) => {
      if (line.startsWith('2/')) suite.kill('SIGINT');
    });
    expect(await ended).toEqual([0, null]);
    expect(readdirSync(folder).sort()).toEqual(['a.html', 'a.jsonl']);
    const { measurements } = readResults(join(folder, 'a.jsonl'));
    expect(measurements.length).toBeGreaterThanOrEqual(2);
    expect((await table).trimEnd().split('\n').length).toBeGreaterThanOrEqual(3);
  });

  test('ends at once at the second signal, and leaves no folder behind either', async () => {
    const words = ['bench', 'suite', '--only', 'in-process', '--seconds', '3600', '--runs', '1'];
    const suite = spawn(process.execPath, [MAIN, ...words], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    createInterface({ input: suite.stderr }).on('line', (line) => {
      if (line.includes('about')) suite.kill('SIGINT');
      if (line.startsWith('stopping')) suite.kill('SIGINT');
    });
    expect(await once(suite, 'exit')).toEqual([130, null]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
