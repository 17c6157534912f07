import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { installMissing } from '../../../bench/peers/install.js';
import type { Peer, PeerTarget } from '../../../bench/peers/peer.js';
import { clusterOf, PeerProcess, untilAnswered } from '../../../bench/peers/peer-process.js';
import type { PeerResult } from '../../../bench/peers/peer-row.js';
import { missing, runPeers, type Turn, turnsOf } from '../../../bench/peers/run-peers.js';
import { CairnError } from '../../../src/base/errors.js';
import { openPlatform } from '../../../src/native/platform.js';

const PLAN = { inFlights: [1, 4], eventBytes: 16, seconds: 0.02, warmupSeconds: 0 };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-peers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Answers at the turn's end, well or with an error. */
class EchoTarget implements PeerTarget {
  readonly connections = 1;
  completed: PeerTarget['completed'] = () => undefined;
  readonly firstError: CairnError | undefined;

  constructor(isGood: boolean) {
    this.firstError = isGood ? undefined : new CairnError('invalid-request', 'it says no');
  }

  submit(slot: number): void {
    setImmediate(() => this.completed(slot, this.firstError === undefined));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function peer(name: string, overrides: Partial<Peer> = {}): Peer {
  return {
    ...{ name, title: name, durability: 'none', isEqual: true, debianPackage: 'none', needs: [] },
    start: () =>
      Promise.resolve({ connect: () => Promise.resolve(new EchoTarget(true)), stop: async () => undefined }),
    ...overrides,
  };
}

function turn(description: Peer): Turn {
  return { description, version: '1.0', start: (own) => description.start(own) };
}

async function run(turns: readonly Turn[], interruption = new AbortController()): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  await runPeers(PLAN, turns, {
    disk: openPlatform().disk,
    folder,
    interruption: interruption.signal,
    result: (result) => results.push(result),
    progress: () => undefined,
  });
  return results;
}

describe('a comparison', () => {
  test('has ours before, between and after', () => {
    const names = turnsOf([peer('a'), peer('b')]).map(({ description }) => description.name);
    expect(names).toEqual(['cairn', 'a', 'cairn', 'b', 'cairn']);
  });

  test('gives a row for each store and load, the largest load of each first, and leaves no folder behind', async () => {
    const results = await run([turn(peer('a')), turn(peer('b'))]);
    expect(results.map((each) => each.kind === 'peer' && [each.peer, each.turn, each.inFlight])).toEqual([
      ['a', 1, 4],
      ['a', 1, 1],
      ['b', 2, 4],
      ['b', 2, 1],
    ]);
    for (const each of results) expect(each).toMatchObject({ version: '1.0', errors: 0, eventBytes: 16 });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('goes on after a store that does not start or says no to everything, and says why', async () => {
    let stopped = 0;
    const broken = peer('broken', { start: () => Promise.reject(new CairnError('not-ready', 'no port')) });
    const refusing = peer('refusing', {
      start: () =>
        Promise.resolve({
          connect: () => Promise.resolve(new EchoTarget(false)),
          stop: async () => void stopped++,
        }),
    });
    const results = await run([turn(broken), turn(refusing), turn(peer('a'))]);
    expect(results.map(({ kind, peer: name }) => `${kind} ${name}`)).toEqual([
      'skipped broken',
      'skipped refusing',
      'peer a',
      'peer a',
    ]);
    expect(results[0]).toMatchObject({ why: 'no port [not-ready]' });
    expect(results[1]).toMatchObject({ why: 'it says no [invalid-request]' });
    expect(stopped).toBe(1);
  });

  test('told to stop, ends the store that runs and starts no other', async () => {
    const interruption = new AbortController();
    let stopped = 0;
    const first = peer('first', {
      start: () => {
        interruption.abort();
        return Promise.resolve({
          connect: () => Promise.resolve(new EchoTarget(true)),
          stop: async () => void stopped++,
        });
      },
    });
    expect(await run([turn(first), turn(peer('second'))], interruption)).toEqual([]);
    expect(stopped).toBe(1);
  });

  test('a peer that is not here is named with what is missing and why it could not be installed', () => {
    const absent = peer('absent', { needs: ['sh', 'no-such-program'], debianPackage: 'nothing' });
    expect(missing(peer('here', { needs: ['sh'] }), new Map())).toBeUndefined();
    expect(missing(absent, new Map())?.why).toContain('no-such-program not here');
    expect(missing(absent, new Map([['nothing', 'apt-get could not']]))?.why).toContain('apt-get could not');
  });
});

/** Gone, or dead and waiting for somebody who asks. */
function hasEnded(pid: string): true | undefined {
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || / Z /.test(readFileSync(stat, 'utf8')) ? true : undefined;
}

describe('installing', () => {
  test('does nothing for what is here', async () => {
    expect(await installMissing([peer('here', { needs: ['sh'] })], () => undefined)).toEqual(new Map());
  });

  test('without root or apt-get says so for each package, once', async () => {
    vi.stubEnv('PATH', folder);
    const absent = { needs: ['no-such-program'], debianPackage: 'nothing' };
    const failures = await installMissing([peer('a', absent), peer('b', absent)], () => undefined);
    vi.unstubAllEnvs();
    expect([...failures.keys()]).toEqual(['nothing']);
    expect(failures.get('nothing')).toMatch(/takes root|no apt-get/);
  });
});

function shell(script: string): PeerProcess {
  return new PeerProcess({ command: ['sh', '-c', script], log: join(folder, 'log') });
}

describe('a process of a peer', () => {
  test('ends when it is told to, and with it what it has started', async () => {
    const path = join(folder, 'pid');
    const child = shell(`sleep 600 & echo $! > ${path}; wait`);
    const pid = await untilAnswered('there is a pid', [child], async () =>
      existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined,
    );
    await child.stop();
    await child.stop();
    expect(() => child.assertRunning()).toThrow('SIGTERM');
    expect(await untilAnswered('the other has ended', [], async () => hasEnded(pid))).toBe(true);
  });

  test('that ends by itself is told with the end of what it said', async () => {
    const child = shell('echo cannot bind; exit 3');
    const waiting = untilAnswered('it answers', [child], () => Promise.resolve(undefined));
    await expect(waiting).rejects.toMatchObject({
      code: 'not-ready',
      message: 'sh ended: exit status 3: cannot bind',
    });
    await expect(child.finished()).rejects.toThrow('exit status 3');
  });

  test('that can’t be started at all says so', async () => {
    const child = new PeerProcess({ command: ['/no/such/program'], log: join(folder, 'log') });
    await expect(child.finished()).rejects.toThrow('ENOENT');
  });

  test('is ended when its cluster does not become ready', async () => {
    const child = shell('sleep 600');
    const failed = clusterOf([child], () => Promise.reject(new CairnError('timeout', 'in vain')));
    await expect(failed).rejects.toThrow('in vain');
    expect(() => child.assertRunning()).toThrow('SIGTERM');
  });

  test('an answer is waited for while there are only errors of a start', async () => {
    let asked = 0;
    const answer = await untilAnswered('it answers', [], () => {
      asked++;
      if (asked === 1) return Promise.reject(new CairnError('connection-lost', 'refused'));
      return Promise.resolve(asked === 2 ? undefined : 'here');
    });
    expect([answer, asked]).toEqual(['here', 3]);
  });
});
