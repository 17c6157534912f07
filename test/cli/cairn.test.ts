import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const SMALL = ['--chunk-size=1MiB', '--ring-size=1MiB', '--log-console-format=Json'];

let folder: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-cli-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Runs a command to its end. */
function cairn(args: readonly string[], variables: Record<string, string> = {}) {
  const env = { ...process.env, ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env,
    cwd: folder,
  });
  return { status, stdout, stderr };
}

const nodeArguments = (port = 0) => [
  'node',
  '--db',
  join(folder, 'db'),
  '--node-port',
  String(port),
  ...SMALL,
];

/** Starts a node and waits until it listens. */
async function startNode(
  variables: Record<string, string> = {},
): Promise<{ child: ChildProcess; port: number }> {
  const env = { ...process.env, ...variables };
  const child = spawn(process.execPath, [MAIN, ...nodeArguments()], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  children.push(child);
  let log = '';
  for await (const chunk of child.stdout) {
    log += String(chunk);
    const http = /"http":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(log)?.[1];
    if (http !== undefined) return { child, port: Number(http) };
  }
  throw new Error(`the node did not listen: ${log}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, 'exit');
  child.kill(signal);
  const [status] = (await exited) as [number | null];
  return status;
}

describe('cairn', () => {
  it.each([
    [['--help'], 0, /Commands:.*node.*version/s],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
    [['version'], 0, /^cairn \d+\.\d+\.\d+\n$/],
    [['version', '-v'], 0, /^cairn .*node +v.*disk +(native|javascript) \(.+\)\ncrc32c +\w+\n$/s],
    [['node', '--help'], 0, /--chunk-size <size>/],
    [['help', 'node'], 0, /--chunk-size <size>/],
  ])('%j shows what it should and ends with status %d', (args, expected, output) => {
    const { status, stdout, stderr } = cairn(args);
    expect([status, stderr]).toEqual([expected, '']);
    expect(stdout).toMatch(output);
  });

  it.each([
    [[], /Usage: cairn/],
    [['nodee'], /^cairn: unknown command 'nodee' \(Did you mean node\?\) \[invalid-configuration\]\n$/],
    [['--bogus'], /^cairn: unknown option '--bogus' \[invalid-configuration\]\n$/],
    [['version', 'extra'], /^cairn: too many arguments.* \[invalid-configuration\]\n$/],
    [
      ['node', '--nod-port=1', 'x'],
      /--nod-port: unknown option\. Did you mean --node-port\?\n +"x": an option starts with --/,
    ],
    [['node', '--node-ip=0.0.0.0'], /say --insecure/],
  ])('%j is refused on standard error with status 2', (args, errors) => {
    const { status, stdout, stderr } = cairn(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(errors);
  });

  it('says which disk path is in use, and why', () => {
    expect(cairn(['version', '-v'], { CAIRN_DISK: 'javascript' }).stdout).toContain(
      'javascript (CAIRN_DISK=javascript)',
    );
    const wrong = cairn(['version', '-v'], { CAIRN_DISK: 'floppy' });
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('[invalid-configuration]')]);
  });

  it('ends quietly when nobody reads its output any more', () => {
    const command = `${process.execPath} ${MAIN} node --help | head -n 1`;
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' })).toBe('Usage: cairn node [options]\n');
  });

  it('shows with --what-if what would be, and touches nothing', () => {
    writeFileSync(join(folder, 'c.yaml'), 'Db: there\n');
    const { status, stdout } = cairn(['node', '--what-if', '--config', 'c.yaml'], { CAIRN_NODE_PORT: '7' });
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Db +${folder}/there +yaml \\(c\\.yaml:1: Db\\)`));
    expect(stdout).toMatch(/NodePort +7 +environment \(CAIRN_NODE_PORT\)/);
    expect(readdirSync(folder)).toEqual(['c.yaml']);
  });
});

describe('cairn node', () => {
  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 0],
  ] as const)('stops in order at %s', async (signal, status) => {
    const { child, port } = await startNode();
    const live = await fetch(`http://127.0.0.1:${port}/health/live`);
    expect(await live.json()).toEqual({ status: 'live' });
    expect(await end(child, signal)).toBe(status);
    expect(existsSync(join(folder, 'db', 'chunk-000000.000000'))).toBe(true);
  });

  it('goes on when nobody reads its log any more', async () => {
    const { child, port } = await startNode();
    child.stdout?.destroy();
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    expect(await end(child, 'SIGTERM')).toBe(0);
  });

  it.each([
    ['native', ''],
    ['javascript', ''],
    ['', 'javascript'],
    ['javascript', 'javascript'],
  ])(
    'refuses a folder in use with status 3 (holder: %j, second: %j), until the holder is killed',
    async (first, second) => {
      if (first === 'native' && cairn(['version', '-v'], { CAIRN_DISK: 'native' }).status !== 0) return;
      const holder = await startNode({ CAIRN_DISK: first });
      const refused = cairn(nodeArguments(), { CAIRN_DISK: second });
      expect(refused.status).toBe(3);
      expect(refused.stderr).toContain(`is in use by process ${holder.child.pid}`);
      expect(refused.stderr).toContain('[folder-locked]');
      expect(await end(holder.child, 'SIGKILL')).toBeNull();
      const next = await startNode({ CAIRN_DISK: second });
      expect(await end(next.child, 'SIGTERM')).toBe(0);
    },
  );

  it('ends with status 6 when its port is taken', async () => {
    const { port } = await startNode();
    const args = ['node', '--db', join(folder, 'other'), '--node-port', String(port), ...SMALL];
    const refused = cairn(args);
    expect([refused.status, refused.stderr]).toEqual([6, expect.stringContaining('[listen-failed]')]);
    expect(refused.stderr).toContain('choose another with --node-port');
  });

  it('ends with status 4 when its folder holds no log of ours', () => {
    writeFileSync(join(folder, 'chunk-000000.000000'), 'not a chunk');
    const refused = cairn(['node', '--db', folder, '--node-port=0', ...SMALL]);
    expect(refused.status).toBe(4);
    expect(refused.stderr).toMatch(/^cairn: .*\[(bad-data-folder|log-corrupt)\]\n/);
  });

  it('ends with status 2 when its folder can not be made', () => {
    writeFileSync(join(folder, 'file'), '');
    const refused = cairn(['node', '--db', join(folder, 'file', 'db'), '--node-port=0', ...SMALL]);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('[invalid-configuration]')]);
  });
});
