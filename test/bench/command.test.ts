import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { registerBench } from '../../bench/command.js';

let directory = '';
let printed: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    printed.push(line);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

describe('cairn bench', () => {
  test('append -o json prints one JSON object on one line, and nothing else', async () => {
    const flags = ['--in-flight', '4', '--event-bytes', '100', '--seconds', '0.1', '--warmup', '0'];
    await bench('append', '--mode', 'engine', ...flags, '-o', 'json');
    expect(printed).toHaveLength(1);
    expect(printed[0]).not.toContain('\n');
    const row = JSON.parse(printed[0]!) as Record<string, unknown>;
    expect(row).toMatchObject({ bench: 'append', mode: 'engine', nodes: 1, inFlight: 4, eventBytes: 100 });
  });

  test('append prints a table by default', async () => {
    await bench('append', '--seconds', '0.05', '--warmup', '0');
    expect(printed.join('\n').split('\n')).toHaveLength(2);
  });

  test.each([
    [['append', '--nodes', '3', '--mode', 'engine'], '--nodes'],
    [['failover', '--nodes', '2'], '--nodes'],
    [['failover', '--how', 'politely'], '--how'],
    [['catchup', '--bytes', 'much'], '--bytes'],
    [['slow-follower', '--delay-ms', '0'], '--delay-ms'],
    [['append', '--in-flight', 'many'], '--in-flight'],
    [['append', '-o', 'xml'], '--output'],
    [['read', '--mode', 'engine'], '--mode ws'],
    [['subscribe', '--subscribers', '0'], '--subscribers'],
    [['subscribe', '--source', 'some'], '--source'],
    [['backup', '--bytes', 'much'], '--bytes'],
    [['--runs', '0'], '--runs'],
    [['--sync-mode', 'none'], '--sync-mode'],
    [['suite', '--only', 'nothing'], '--only'],
    [['suite', '--compare', 'one.jsonl'], '--compare'],
    [['suite', '--from', 'nowhere.jsonl'], 'nowhere.jsonl'],
    [['suite', '--peers', 'peers.jsonl'], '--report'],
    [['peers', '--only', 'oracle'], '--only'],
    [['peers', '--in-flight', '0'], '--in-flight'],
    [['peers', '--from', 'nowhere.jsonl'], 'nowhere.jsonl'],
    [['peers', '--out', '/no/such/folder/a.jsonl'], '/no/such/folder/a.jsonl'],
  ])('%j is refused before anything runs', async (args, part) => {
    await expect(bench(...args)).rejects.toMatchObject({
      code: 'invalid-configuration',
      message: expect.stringContaining(part) as string,
    });
    expect(printed).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('cairn bench suite', () => {
  const small = ['--quick', '--only', 'prewrite', '--runs', '1', '--seconds', '0.05', '--warmup', '0'];

  test('measures, and leaves a table, a result file and a page, and nothing else', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [out, report] = [join(directory, 'a.jsonl'), join(directory, 'a.html')];
    await bench('suite', ...small, '--dir', directory, '--out', out, '--report', report);
    expect(printed).toHaveLength(3);
    expect(printed[1]).toContain('fresh');
    expect(readdirSync(directory).sort()).toEqual(['a.html', 'a.jsonl']);
    expect(readFileSync(report, 'utf8')).toContain('<title>Latency, fresh and prewritten</title>');

    printed = [];
    await bench('suite', '--from', out, '-o', 'json');
    const rows = printed.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ chunks }) => chunks)).toEqual(['fresh', 'prewritten']);
    expect(rows[0]).toMatchObject({ kind: 'row', probe4kP50Us: { count: 1 }, errors: 0 });

    printed = [];
    await bench('suite', '--compare', out, out);
    expect(printed.join('\n')).toContain('10 comparisons: 0 beyond the noise, 0 within it, 10 with too few');
  });
});

describe('cairn bench peers', () => {
  test('ours is measured and who is not installed is told, with a file and a page, and nothing else left', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    vi.stubEnv('PATH', directory);
    const [out, report] = [join(directory, 'a.jsonl'), join(directory, 'a.html')];
    const short = ['--in-flight', '4', '--seconds', '0.05', '--warmup', '0', '--only', 'redis'];
    await bench('peers', ...short, '--dir', directory, '--out', out, '--report', report, '-o', 'json');
    const rows = printed.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows).toMatchObject([
      { kind: 'skipped', peer: 'redis' },
      { kind: 'peer', peer: 'cairn', nodes: 3, inFlight: 4, errors: 0 },
    ]);
    expect(readdirSync(directory).sort()).toEqual(['a.html', 'a.jsonl']);
    expect(readFileSync(report, 'utf8')).toContain(
      '<title>Acknowledged events a second, 4 in flight</title>',
    );

    printed = [];
    await bench('peers', '--from', out);
    expect(printed).toHaveLength(6);
    expect(printed[1]).toContain('skipped: redis-server not here');
  });
});

async function bench(...args: string[]): Promise<void> {
  const program = new Command().enablePositionalOptions().exitOverride();
  registerBench(program);
  const isSubcommand = args[0] === 'append';
  await program.parseAsync(['bench', ...args, ...(isSubcommand ? ['--dir', directory] : [])], {
    from: 'user',
  });
}
