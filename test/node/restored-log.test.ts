/** The first start on a restored folder: a cluster of one is founded at the log's end, wherever that is, once, whatever happens in between. */
import { describe, expect, test } from 'vitest';
import { readHistory } from '../../src/cluster/log-history.js';
import { encodeMembership } from '../../src/cluster/membership-record.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import { markRestored, markRestoring } from '../../src/node/restored-folder.js';
import { foundRestored } from '../../src/node/restored-log.js';
import { configurationOf } from '../cluster/ids.js';
import type { MemoryDisk } from '../log/memory-disk.js';
import { CHUNK_SIZE, FOLDER, LOG_ID, SampleLog } from '../log/sample-log.js';

const ADDRESS = { name: 'host:2113', zone: 'north', role: 'voter' as const };

/** The log of a cluster of three. */
function clusterLog(): SampleLog {
  return new SampleLog()
    .epoch()
    .membership(encodeMembership(configurationOf(3)))
    .event(500)
    .commit();
}

/** As a restore leaves it: no chunk is prepared. */
function restoredDisk(log: SampleLog): MemoryDisk {
  const disk = log.disk({ prepared: 0 });
  markRestoring(disk, FOLDER, { logId: LOG_ID, backup: '00000000', end: log.end });
  markRestored(disk, FOLDER);
  return disk;
}

function found(disk: MemoryDisk, address: Parameters<typeof foundRestored>[0]['address'] = ADDRESS): void {
  const configurationIn = (log: RecoveredLog) => readHistory(disk, kernel, log).configurations.at(-1);
  foundRestored({ platform: { disk, kernel }, folder: FOLDER, address, configurationIn });
}

function recovered(disk: MemoryDisk): RecoveredLog {
  const log = recoverLog({ disk, kernel, folder: FOLDER });
  if (log.kind === 'empty') throw new Error('there is no log');
  return log;
}

function expectFounded(disk: MemoryDisk, log: SampleLog): void {
  const after = recovered(disk);
  expect(after.torn).toBeUndefined();
  const { configurations, committed, epochs } = readHistory(disk, kernel, after);
  const [before, last] = [configurations.at(-2), configurations.at(-1)!];
  expect(last.position).toBeGreaterThanOrEqual(log.end);
  expect(last.configuration.version).toBe((before?.configuration.version ?? 0) + 1);
  expect(last.configuration).toMatchObject({
    clusterSize: 1,
    members: [{ name: ADDRESS.name, zone: ADDRESS.zone, role: 'voter' }],
  });
  expect(epochs.at(-1)!.epoch).toBeGreaterThan(log.epochNumber);
  expect(committed).toBeGreaterThanOrEqual(log.end);
  // What was there is there, to the last byte.
  for (const record of log.records) {
    const file = disk.files.get(after.chunks[Math.floor(record.position / CHUNK_SIZE)]!.path)!;
    const at = 4096 + (record.position % CHUNK_SIZE);
    expect(Buffer.compare(file.subarray(at, at + record.bytes.length), record.bytes)).toBe(0);
  }
}

/** The log with so many bytes left in its last chunk. */
function logWithRoom(room: number): SampleLog {
  const log = clusterLog();
  while (CHUNK_SIZE - (log.end % CHUNK_SIZE) > 8_192) log.event(3_000);
  // A Prepare of stream `s` and the type that events have here.
  const overhead = new SampleLog().event(0).end;
  const left = CHUNK_SIZE - (log.end % CHUNK_SIZE);
  return log.event(left - overhead - room);
}

describe('a cluster of one is founded', () => {
  test('in the middle of a chunk', () => {
    const disk = restoredDisk(clusterLog());
    found(disk);
    expectFounded(disk, clusterLog());
  });

  test.each([48, 56, 200, 208, 216, 224, 232, 240, 248, 256, 264, 272, 280, 288, 320])(
    'with %d bytes left in the chunk',
    (room) => {
      const log = logWithRoom(room);
      expect(CHUNK_SIZE - (log.end % CHUNK_SIZE)).toBe(room);
      const disk = restoredDisk(log);
      found(disk);
      expectFounded(disk, log);
    },
  );

  test('at the end of a chunk, where there is no other one yet', () => {
    const log = clusterLog().fillChunk();
    const disk = restoredDisk(log);
    found(disk);
    expectFounded(disk, log);
  });

  test('on a log from before there were clusters', () => {
    const log = new SampleLog().epoch().event().commit();
    const disk = restoredDisk(log);
    found(disk);
    expectFounded(disk, log);
  });

  test('once: another start finds it founded', () => {
    const disk = restoredDisk(clusterLog());
    found(disk);
    const before = disk.clone();
    found(disk);
    expect(disk.differences(before)).toEqual([]);
  });

  test('by the next start, if one died before any of its writes', () => {
    const log = logWithRoom(200);
    for (let writes = 1; ; writes++) {
      const disk = restoredDisk(log);
      let left = writes;
      disk.beforeWrite = () => {
        if (--left === 0) throw new Error('it died');
      };
      let isDead = false;
      try {
        found(disk);
      } catch {
        // That was the point.
        isDead = true;
      }
      disk.beforeWrite = undefined;
      found(disk);
      expectFounded(disk, log);
      if (!isDead) {
        expect(writes).toBeGreaterThan(3);
        return;
      }
    }
  });
});

describe('nothing is founded', () => {
  test('in a folder that was not restored', () => {
    const disk = clusterLog().disk();
    const before = disk.clone();
    found(disk);
    expect(disk.differences(before)).toEqual([]);
  });

  test('in one that is not complete', () => {
    const disk = clusterLog().disk();
    markRestoring(disk, FOLDER, { logId: LOG_ID, backup: '00000000', end: 0 });
    expect(() => found(disk)).toThrow(expect.objectContaining({ code: 'bad-data-folder' }));
  });

  test('with a log that is shorter than what was restored, or another one', () => {
    const log = clusterLog();
    for (const mark of [
      { logId: LOG_ID, end: log.end + 8 },
      { logId: '018f4e5c-0000-7000-8000-00000000beef', end: log.end },
    ]) {
      const disk = log.disk({ prepared: 0 });
      markRestoring(disk, FOLDER, { ...mark, backup: '00000000' });
      markRestored(disk, FOLDER);
      expect(() => found(disk)).toThrow(expect.objectContaining({ code: 'bad-data-folder' }));
    }
  });

  test('by a read-only replica', () => {
    const disk = restoredDisk(clusterLog());
    expect(() => found(disk, { ...ADDRESS, role: 'replica' })).toThrow(/ReadOnlyReplica/);
  });
});
