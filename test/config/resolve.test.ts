import { describe, expect, it } from 'vitest';
import { effectiveLines } from '../../src/config/effective.js';
import type { Environment } from '../../src/config/environment.js';
import { defaultValues, nodeOptionsOf } from '../../src/config/options.js';
import { type Resolution, resolveOptions } from '../../src/config/resolve.js';

interface Given {
  readonly argv?: readonly string[];
  readonly environment?: Environment;
  readonly files?: Readonly<Record<string, string>>;
}

function resolution(given: Given): Resolution {
  return resolveOptions({
    argv: given.argv ?? [],
    environment: given.environment ?? {},
    workingFolder: '/work',
    readFile: (path) => {
      const text = given.files?.[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
  });
}

function resolved(given: Given): Extract<Resolution, { kind: 'ok' }> {
  const result = resolution(given);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
  return result;
}

function problemsOf(given: Given): readonly string[] {
  const result = resolution(given);
  return result.kind === 'invalid' ? result.problems : [];
}

describe('resolving options', () => {
  it('gives every default when nothing is said, with the data folder made absolute', () => {
    const { options, warnings } = resolved({});
    expect(options).toEqual({ ...nodeOptionsOf(defaultValues()), db: '/work/data' });
    expect(options).not.toHaveProperty('whatIf');
    expect(warnings).toEqual([]);
  });

  it('lets the command line win over the environment, that over the file, that over defaults', () => {
    const given: Given = {
      argv: ['--config', 'cairn.yaml', '--node-port=1'],
      environment: { CAIRN_NODE_PORT: '2', CAIRN_MAX_CONNECTIONS: '20', HOME: '/root' },
      files: { '/work/cairn.yaml': 'NodePort: 3\nMaxConnections: 30\nMaxOpenReads: 33\n# nothing\n' },
    };
    const { options, sources } = resolved(given);
    expect([options.nodePort, options.maxConnections, options.maxOpenReads]).toEqual([1, 20, 33]);
    expect(sources.NodePort).toEqual({ kind: 'command-line', where: '--node-port' });
    expect(sources.MaxConnections).toEqual({ kind: 'environment', where: 'CAIRN_MAX_CONNECTIONS' });
    expect(sources.MaxOpenReads).toEqual({ kind: 'yaml', where: 'cairn.yaml:3: MaxOpenReads' });
    expect(sources.ChunkSize).toEqual({ kind: 'default', where: '' });
  });

  it('takes the path of the file from the environment too, but the command line first', () => {
    const files = { '/work/a.yaml': 'Db: a', '/work/b.yaml': 'Db: b' };
    expect(resolved({ environment: { CAIRN_CONFIG: 'a.yaml' }, files }).options.db).toBe('/work/a');
    const both = { argv: ['--config=b.yaml'], environment: { CAIRN_CONFIG: 'a.yaml' }, files };
    expect(resolved(both).options.db).toBe('/work/b');
  });

  it.each([
    [['--insecure', '--node-port', '1'], true],
    [['--insecure=false'], false],
    [['--insecure', 'false', '--node-port', '1'], false],
    [['--insecure', 'true'], true],
  ])('reads flags: %j', (argv, insecure) => {
    expect(resolved({ argv }).options.insecure).toBe(insecure);
  });

  it('accepts older names with a warning', () => {
    const { options, warnings } = resolved({
      argv: ['--config=c', '--http-port', '5'],
      environment: { CAIRN_EXT_IP: '::1' },
      files: { '/work/c': 'HttpPort: 4' },
    });
    expect([options.nodePort, options.nodeIp]).toEqual([5, '::1']);
    expect(warnings).toEqual([
      'c:1: HttpPort is an old name: use NodePort',
      'CAIRN_EXT_IP is an old name: use CAIRN_NODE_IP',
      '--http-port is an old name: use --node-port',
    ]);
  });

  it('lets other variables of Cairn be, and counts an empty variable as absent', () => {
    const environment = {
      CAIRN_DISK: 'native',
      CAIRN_URL: 'ws://x',
      CAIRN_SKIP_ADDON: '1',
      CAIRN_DEBUG: '1',
      CAIRN_DB: '',
    };
    expect(resolved({ environment }).options.db).toBe('/work/data');
  });

  it('puts help and version before everything else', () => {
    expect(resolution({ argv: ['--bogus', '-h'] })).toEqual({ kind: 'help' });
    expect(resolution({ argv: ['--version', '--chunk-size', 'x'] })).toEqual({ kind: 'version' });
  });
});

describe('what is not an option', () => {
  it.each<[Given, string]>([
    [{ argv: ['--chunk-sise', '64k'] }, '--chunk-sise: unknown option. Did you mean --chunk-size?'],
    [{ argv: ['--ChunkSize=64k'] }, '--ChunkSize: unknown option. Did you mean --chunk-size?'],
    [{ argv: ['--constructor'] }, '--constructor: unknown option.'],
    [
      { environment: { CAIRN_CHUNKSIZE: '1' } },
      'CAIRN_CHUNKSIZE: unknown environment variable. Did you mean CAIRN_CHUNK_SIZE?',
    ],
    [{ environment: { CAIRN_WHAT_IF: '1' } }, 'CAIRN_WHAT_IF: unknown environment variable.'],
    [
      { argv: ['--config=c'], files: { '/work/c': 'Db: x\nchunkSize: 64k' } },
      'c:2: chunkSize: unknown option. Did you mean ChunkSize?',
    ],
    [{ argv: ['--config=c'], files: { '/work/c': 'WhatIf: true' } }, 'c:1: WhatIf: unknown option.'],
    [{ argv: ['--config=c'], files: { '/work/c': '__proto__: {a: 1}' } }, 'c:1: __proto__: unknown option.'],
    [{ argv: ['data'] }, '"data": an option starts with --'],
  ])('is refused with the nearest name: %j', (given, problem) => {
    expect(problemsOf(given)).toHaveLength(1);
    expect(problemsOf(given)[0]).toContain(problem);
  });
});

describe('what is wrong with an option', () => {
  it.each<[Given, string]>([
    [{ argv: ['--db'] }, '--db: has no value'],
    [{ argv: ['--db', '--insecure'] }, '--db: has no value'],
    [{ argv: ['--db=a', '--db=b'] }, '--db: given twice'],
    [{ argv: ['--node-port=1', '--http-port=2'] }, '--http-port: given twice'],
    [{ argv: ['--config=none'] }, "--config none: can't be read: ENOENT: /work/none"],
    [{ argv: ['--chunk-size=100'] }, '--chunk-size "100": must be a multiple of 4096 from 64 KiB to 1 GiB'],
    [
      { environment: { CAIRN_NODE_PORT: 'http' } },
      'CAIRN_NODE_PORT "http": must be a whole number from 0 to 65535',
    ],
    [
      { argv: ['--config=c'], files: { '/work/c': '\nNodePort: 70000' } },
      'c:2: NodePort "70000": must be a whole number',
    ],
    [{ argv: ['--config=c'], files: { '/work/c': 'Db:' } }, 'c:1: Db: has no value'],
    [{ argv: ['--config=c'], files: { '/work/c': 'Db: [a, b]' } }, 'c:1: Db: takes a single value'],
    [{ argv: ['--config=c'], files: { '/work/c': 'Db: a\nDb: b' } }, 'c:2: Map keys must be unique'],
    [
      { argv: ['--config=c'], files: { '/work/c': 'NodePort: 1\nHttpPort: 2' } },
      'c:2: HttpPort: given twice',
    ],
    [{ argv: ['--config=c'], files: { '/work/c': 'just text' } }, 'c: must hold options, one a line'],
    [{ argv: ['--config=c'], files: { '/work/c': 'Db: "a' } }, 'c:1: Missing closing'],
    [
      { argv: ['--ring-size=4MiB', '--max-append-size=2MiB'] },
      'MaxAppendSize is 2 MiB, but RingSize is 4 MiB: MaxAppendSize may be at most a quarter of that, 1 MiB',
    ],
    [
      { argv: ['--chunk-size=1MiB', '--max-append-event-size=1MiB'] },
      'MaxAppendSize is 256 KiB (to fit ChunkSize): MaxAppendEventSize may be at most half of that, 128 KiB',
    ],
    [{ argv: ['--max-append-event-size=8MiB'] }, 'MaxAppendEventSize may be at most half of that, 2 MiB'],
    [{ argv: ['--node-ip=0.0.0.0'] }, 'NodeIp 0.0.0.0 can be reached by others'],
    [{ argv: ['--node-ip=::'] }, 'say --insecure if that is what you want'],
  ])('is said clearly: %j', (given, problem) => {
    expect(problemsOf(given)).toHaveLength(1);
    expect(problemsOf(given)[0]).toContain(problem);
  });

  it('is said all at once', () => {
    const problems = problemsOf({
      argv: ['--config=c', '--chunk-size', 'big', '--nodeport', '1', '--node-ip', '0.0.0.0'],
      environment: { CAIRN_LOG_LEVEL: 'loud', CAIRN_DBB: 'x' },
      files: { '/work/c': 'SyncMode: never\nRingsize: 1MiB' },
    });
    expect(problems).toHaveLength(7);
  });
});

describe('defaults', () => {
  it('are lowered to fit beside what was asked for', () => {
    const { options, sources } = resolved({ argv: ['--chunk-size=64KiB', '--ring-size=1MiB'] });
    expect(options.maxAppendSize).toBe(16 * 1024);
    expect(options.maxAppendEventSize).toBe(8 * 1024);
    expect(sources.MaxAppendEventSize).toEqual({ kind: 'default', where: 'fits MaxAppendSize' });
  });
});

describe('listening where others can reach it', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    'is not the case for %s',
    (ip) => {
      expect(resolved({ argv: ['--node-ip', ip] }).warnings).toEqual([]);
    },
  );

  it('is possible with --insecure, with a warning', () => {
    const { warnings } = resolved({ argv: ['--node-ip', '0.0.0.0', '--insecure'] });
    expect(warnings).toEqual([expect.stringContaining('whoever can reach 0.0.0.0')]);
  });
});

describe('--what-if', () => {
  const { values, sources } = resolved({
    argv: ['--what-if', '--chunk-size=64k'],
    environment: { CAIRN_DB: '/d' },
  });

  it('shows every value and its source as a table', () => {
    const lines = effectiveLines(values, sources, 'table');
    expect(lines[0]).toMatch(/^Option +Value +Source$/);
    expect(lines).toContainEqual(expect.stringMatching(/^ChunkSize +64 KiB +command-line \(--chunk-size\)$/));
    expect(lines).toContainEqual(expect.stringMatching(/^Db +\/d +environment \(CAIRN_DB\)$/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^MaxAppendEventSize +8 KiB +default \(fits MaxAppendSize\)$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^NodePort +2113 +default$/));
  });

  it('shows the same as JSON, one object an option', () => {
    const rows = effectiveLines(values, sources, 'json').map((line): unknown => JSON.parse(line));
    expect(rows).toContainEqual({
      option: 'ChunkSize',
      value: 65_536,
      source: 'command-line',
      where: '--chunk-size',
    });
    expect(rows).toContainEqual({ option: 'Insecure', value: false, source: 'default', where: '' });
    expect(rows).toHaveLength(effectiveLines(values, sources, 'table').length - 1);
  });
});
