import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { type FileLocks, lockFolder } from '../../src/node/folder-lock.js';
import { ownProcess } from '../../src/node/process-identity.js';

const COMPILED = new URL('../../dist/src/node/folder-lock.js', import.meta.url).href;
/** Takes the folder, says how that went, and keeps it until the process is killed. */
const HOLDER = `
  import { lockFolder } from ${JSON.stringify(COMPILED)};
  try {
    globalThis.lock = lockFolder(process.argv[1]);
    console.log('held');
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log(error.code);
  }`;
const HOLDER_ARGUMENTS = ['--input-type=module', '-e', HOLDER];

let folder: string;
let lockPath: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-lock-'));
  lockPath = join(folder, 'lock');
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts a process; resolves to the first thing that it says. */
async function start(
  command: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: chunk.toString().trim() };
}

const startHolder = () => start(process.execPath, [...HOLDER_ARGUMENTS, folder]);

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function refusal(fileLocks?: FileLocks): CairnError {
  try {
    lockFolder(folder, fileLocks);
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

/** The lock file's lines as objects. */
function lines(): unknown[] {
  const text = readFileSync(lockPath, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

describe('a data folder', () => {
  it('is refused to a second taker while the first has it, and free afterwards', () => {
    const lock = lockFolder(folder);
    expect(refusal().code).toBe('folder-locked');
    lock.release();
    lockFolder(folder).release();
  });

  it('is refused with the pid and the host of the process that has it', async () => {
    const { child } = await startHolder();
    const error = refusal();
    expect(error.message).toContain(`process ${child.pid} on ${hostname()}`);
    expect(error.details).toEqual({ folder, pid: child.pid, host: hostname() });
  });

  it('is refused to a second process, and free once the first was killed', async () => {
    const first = await startHolder();
    expect(first.said).toBe('held');
    expect((await startHolder()).said).toBe('folder-locked');
    await kill(first.child);
    expect((await startHolder()).said).toBe('held');
  });

  it.skipIf(process.platform !== 'linux')('is free when its killed holder was not reaped yet', async () => {
    const script = '"$@" & exec sleep 1000';
    const args = ['-c', script, 'sh', process.execPath, ...HOLDER_ARGUMENTS, folder];
    expect((await start('sh', args)).said).toBe('held');
    const { pid } = lines()[0] as { pid: number };
    process.kill(pid, 'SIGKILL');
    const isZombie = () => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    while (!isZombie() || readdirSync(`/proc/${pid}/task`).length > 1) await new Promise(setImmediate);
    lockFolder(folder).release();
  });

  it('goes to exactly one of many processes that find it abandoned', async () => {
    await kill((await startHolder()).child);
    const said = (await Promise.all(Array.from({ length: 6 }, startHolder))).map((each) => each.said);
    expect(said.toSorted()).toEqual([
      'folder-locked',
      'folder-locked',
      'folder-locked',
      'folder-locked',
      'folder-locked',
      'held',
    ]);
  });

  it('is never held twice, however hard threads fight for it', async () => {
    const holders = new Int32Array(new SharedArrayBuffer(12));
    const code = `
      const { workerData } = require('node:worker_threads');
      const { holders, folder, compiled } = workerData;
      import(compiled).then(({ lockFolder }) => {
        for (let taken = 0; taken < 100; ) {
          let lock;
          try { lock = lockFolder(folder); } catch (error) { if (error.code !== 'folder-locked') throw error; }
          if (lock === undefined) continue;
          if (Atomics.add(holders, 0, 1) !== 0) Atomics.add(holders, 1, 1);
          Atomics.add(holders, 2, 1);
          Atomics.sub(holders, 0, 1);
          lock.release();
          taken++;
        }
      });`;
    const workerData = { holders, folder, compiled: COMPILED };
    const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData }));
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    expect([...holders]).toEqual([0, 0, 300]);
  });
});

describe('the lock file', () => {
  it('names the holder alone, in one line of JSON', () => {
    const other = { ...ownProcess(), pid: 2 ** 22 + 1, id: 'x', host: 'h' };
    writeFileSync(lockPath, `${JSON.stringify(other)}\n`);
    const lock = lockFolder(folder);
    expect(lines()).toEqual([{ ...ownProcess(), host: hostname(), id: expect.any(String) }]);
    expect(readdirSync(folder)).toEqual(['lock']);
    lock.release();
  });

  it('does not grow while others are refused', () => {
    const lock = lockFolder(folder);
    for (let i = 0; i < 10; i++) refusal();
    expect(lines()).toHaveLength(1);
    lock.release();
  });

  it.each([
    ['of an earlier boot', { bootId: 'before' }],
    ['whose number was given to another process', { startTime: 1 }],
    ['that does not exist', { pid: 2 ** 22 + 1, startTime: 1 }],
  ])('does not count a process %s', (_, difference) => {
    writeFileSync(lockPath, `${JSON.stringify({ ...ownProcess(), ...difference, id: 'x', host: 'h' })}\n`);
    lockFolder(folder).release();
  });

  it('may hold garbage', () => {
    writeFileSync(lockPath, '{"pid":');
    appendFileSync(lockPath, '\0\xff\n[1]\nnull\n{"pid":-1}\n{"pid":"1"}\n');
    lockFolder(folder).release();
  });

  it('that can not be written says so', () => {
    rmSync(folder, { recursive: true });
    const error = refusal();
    expect([error.code, error.details['errno']]).toEqual(['invalid-configuration', 'ENOENT']);
    expect(existsSync(folder)).toBe(false);
    writeFileSync(folder, '');
    expect(refusal().details['errno']).toBe('ENOTDIR');
  });
});

describe('a disk without room', () => {
  it('is told as disk-full, and leaves the folder free', async () => {
    const limited = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, ...HOLDER_ARGUMENTS, folder];
    expect((await start('sh', limited)).said).toBe('disk-full');
    lockFolder(folder).release();
  });
});

describe('flock, where there is one', () => {
  /** Files locked by name would not do: flock belongs to the file itself, also when it is renamed. */
  function flocks(taken: Set<string>): FileLocks {
    return {
      tryLock: (path) => {
        if (taken.has(path)) return undefined;
        taken.add(path);
        return { release: () => taken.delete(path) };
      },
    };
  }

  it('refuses the folder even if the holder seems to be dead, as in another container', () => {
    const other = { ...ownProcess(), pid: 2 ** 22 + 1, id: 'x', host: 'elsewhere' };
    writeFileSync(lockPath, `${JSON.stringify(other)}\n`);
    const taken = new Set([lockPath]);
    const error = refusal(flocks(taken));
    expect([error.code, error.details['host']]).toEqual(['folder-locked', 'elsewhere']);
    taken.clear();
    lockFolder(folder, flocks(taken)).release();
    expect(taken.size).toBe(0);
  });

  it('and no flock exclude each other', () => {
    const native = lockFolder(folder, flocks(new Set()));
    expect(refusal().code).toBe('folder-locked');
    native.release();
    const plain = lockFolder(folder);
    expect(refusal(flocks(new Set())).code).toBe('folder-locked');
    plain.release();
  });
});
