import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { crc32c } from '../../src/base/crc32c.js';
import { readHistory } from '../../src/cluster/log-history.js';
import { encodeMembership } from '../../src/cluster/membership-record.js';
import type { NodeState } from '../../src/cluster/node-state.js';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import type { RecoveredLog } from '../../src/log/recovery.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { loadIdentity, type NodeIdentity } from '../../src/node/node-identity.js';
import { idOf } from '../cluster/ids.js';
import { LOG_ID, SampleLog } from '../log/sample-log.js';

const disk = new JavascriptDisk();
const ADDRESS = { name: 'host:2113', zone: 'north' };
const OTHER_CLUSTER = '018f4e5c-0000-7000-8000-00000000beef';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-identity-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** One start of the node, up to where it knows who it is. */
function start(): NodeIdentity {
  const folderLog = {
    recover: () => recoverFolder(disk, javascriptKernel, folder),
    configurationOf: (log: RecoveredLog) =>
      readHistory(disk, javascriptKernel, log).configurations.at(-1)?.configuration,
  };
  const identity = loadIdentity(disk, folder, folderLog, ADDRESS);
  identity.file.close();
  return identity;
}

function save({ file, state }: NodeIdentity, changes: Partial<NodeState>): void {
  file.save({ ...state, ...changes });
  file.close();
}

/** Puts the files of a log into the folder. */
function writeLog(log: SampleLog): void {
  for (const [path, bytes] of log.disk().files) writeFileSync(join(folder, path.split('/').at(-1)!), bytes);
}

function emptyLog(): SampleLog {
  return new SampleLog();
}

function oldLog(): SampleLog {
  return new SampleLog().epoch().event().commit();
}

function statePath(): string {
  return join(folder, 'node-state');
}

function files(): string[] {
  return readdirSync(folder).sort();
}

describe('a new folder', () => {
  test('gets an identity, which it has at every later start', () => {
    const { state, log } = start();
    expect(log).toBeUndefined();
    expect(state).toMatchObject({ start: 1, clusterId: undefined, founded: false, fenced: false });
    const [second, third] = [start().state, start().state];
    expect([second.memberId, third.memberId]).toEqual([state.memberId, state.memberId]);
    expect([second.start, third.start]).toEqual([2, 3]);
    expect(new Set([state.nonce, second.nonce, third.nonce]).size).toBe(3);
  });

  test('has another identity than any other', () => {
    const { memberId } = start().state;
    rmSync(statePath());
    expect(start().state.memberId).not.toBe(memberId);
  });
});

test('what was saved is remembered: promises, votes, the cluster', () => {
  const promised = {
    promisedEpoch: 9,
    acceptedEpoch: 8,
    acceptedLeader: OTHER_CLUSTER,
    ackedPosition: 80,
    fenced: true,
  };
  const first = start();
  save(first, promised);
  const { state } = start();
  expect(state).toEqual({ ...first.state, ...promised, start: 2, nonce: state.nonce });
});

describe('a folder from before there were clusters', () => {
  test('becomes a cluster of one, which has the id of its log', () => {
    const log = oldLog();
    writeLog(log);
    const identity = start();
    expect(identity.log?.end.position).toBe(log.end);
    const { memberId } = identity.state;
    expect(identity.state).toMatchObject({
      clusterId: LOG_ID,
      founded: true,
      foundation: {
        clusterId: LOG_ID,
        founder: memberId,
        members: [{ id: memberId, name: 'host:2113', zone: 'north', role: 'voter' }],
      },
    });
    expect(start()).toMatchObject({
      state: { memberId, clusterId: LOG_ID, start: 2 },
      log: { logId: LOG_ID },
    });
  });
});

describe('a log whose node-state is lost', () => {
  const member = (number: number) => ({
    id: idOf(number),
    name: `host:${number}`,
    zone: '',
    role: 'voter' as const,
  });
  const logOf = (...numbers: number[]) => {
    const configuration = { version: 1, clusterSize: numbers.length, members: numbers.map(member) };
    return new SampleLog().epoch().membership(encodeMembership(configuration)).event().commit();
  };

  test('makes the only member what it was', () => {
    const log = logOf(7);
    writeLog(log);
    expect(start().state).toMatchObject({
      ...{ memberId: idOf(7), clusterId: LOG_ID, founded: true, foundation: undefined },
      ...{ promisedEpoch: 1, ackedPosition: log.end },
    });
  });

  test('keeps a member of a cluster from starting: it may have promised anything', () => {
    writeLog(logOf(7, 8));
    expect(start).toThrow(/node-state .* is missing/);
    expect(files().some((name) => name.startsWith('chunk-'))).toBe(true);
    expect(files()).not.toContain('node-state');
  });

  test('goes if there is nothing in it', () => {
    const log = new SampleLog().epoch();
    writeLog(log);
    const [chunk] = files();
    writeFileSync(join(folder, chunk!), log.chunkFile(0, new Uint8Array(65_536), false));
    expect(start()).toMatchObject({ log: undefined, state: { clusterId: undefined, founded: false } });
    expect(files()).toEqual(['node-state']);
  });
});

describe('a state that can not be relied on keeps the node from starting, and is left as it is:', () => {
  function refused(change: (bytes: Buffer) => void): { error: unknown } {
    start();
    const bytes = readFileSync(statePath());
    change(bytes);
    writeFileSync(statePath(), bytes);
    let error: unknown;
    try {
      start();
    } catch (caught) {
      error = caught;
    }
    expect(Buffer.compare(readFileSync(statePath()), bytes)).toBe(0);
    return { error };
  }

  test('one that is damaged, and the advice is to join anew', () => {
    const { error } = refused((bytes) => {
      for (let at = 100; at < bytes.length; at += 1_000) bytes[at]! ^= 0xff;
    });
    expect(error).toMatchObject({ code: 'bad-data-folder', details: { path: folder } });
    expect((error as Error).message).toMatch(/damaged.*Wipe the folder/);
  });

  test('one that is cut short', () => {
    start();
    writeFileSync(statePath(), readFileSync(statePath()).subarray(0, 5_000));
    expect(start).toThrow(/damaged/);
  });

  test('one of a later release', () => {
    const { error } = refused((bytes) => {
      for (let block = 0; block < bytes.length; block += 4_096) {
        if (bytes[block] === 0) continue;
        bytes.writeUInt32LE(2, block + 8);
        bytes.writeUInt32LE(crc32c(bytes, block, 4_092, 0), block + 4_092);
      }
    });
    expect(error).toMatchObject({ code: 'bad-data-folder', details: { path: folder, version: 2 } });
    expect((error as Error).message).toContain('newer');
  });
});

describe('a log that does not belong to the node', () => {
  test('keeps it from starting, whatever it holds, and nothing is touched', () => {
    save(start(), { clusterId: OTHER_CLUSTER });
    for (const log of [oldLog(), emptyLog().epoch()]) {
      writeLog(log);
      const before = files().map((name) => readFileSync(join(folder, name)).toString('base64'));
      expect(start).toThrow(/do not belong together/);
      expect(files().map((name) => readFileSync(join(folder, name)).toString('base64'))).toEqual(before);
    }
  });

  test('keeps it from starting also if it belongs to no cluster, if there are records', () => {
    start();
    writeLog(oldLog());
    let error: unknown;
    try {
      start();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'bad-data-folder', details: { logId: LOG_ID, clusterId: '' } });
  });

  test('goes, if it was made for a cluster that the node then did not join: there is nothing in it', () => {
    const { memberId } = start().state;
    const file = new SampleLog().epoch();
    writeLog(file);
    const [chunk] = files().filter((name) => name.startsWith('chunk-'));
    writeFileSync(join(folder, chunk!), file.chunkFile(0, new Uint8Array(65_536), false));
    expect(start()).toMatchObject({ log: undefined, state: { memberId, clusterId: undefined } });
    expect(files()).toEqual(['node-state']);
  });
});
