/** Backups of a stopped node some of whose chunks a scavenge has packed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBackup } from '../../src/backup/create-backup.js';
import { FolderSource } from '../../src/backup/folder-source.js';
import { restoreBackup } from '../../src/backup/restore-backup.js';
import { Throttle } from '../../src/backup/throttle.js';
import { verifyBackups } from '../../src/backup/verify-backup.js';
import { openPlatform } from '../../src/native/platform.js';
import type { MemoryDisk } from '../log/memory-disk.js';
import { naiveRemoved, packChunk } from '../log/packed-sample.js';
import { CHUNK_SIZE, SampleLog } from '../log/sample-log.js';

const platform = openPlatform();
const progress = () => undefined;
let scratch: string;
const at = (name: string) => join(scratch, name);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'cairn-backup-'));
});

afterEach(() => {
  rmSync(scratch, { recursive: true });
});

/** Two full chunks, the first of which can lose its events, and a part of the third. */
const log = new SampleLog()
  .epoch()
  .event(100, 'gone')
  .fillChunk()
  .event(9_000)
  .fillChunk()
  .event(500)
  .commit();
const isGone = (position: number) =>
  position < CHUNK_SIZE && log.records.some((record) => record.position === position && record.type === 1);

function scavenged(): MemoryDisk {
  const disk = log.disk();
  packChunk(disk, 0, log.bytes, isGone);
  return disk;
}

async function backUp(disk: MemoryDisk, to: string) {
  rmSync(at('node'), { recursive: true, force: true });
  mkdirSync(at('node'));
  for (const [path, bytes] of disk.files) writeFileSync(join(at('node'), path.split('/').at(-1)!), bytes);
  const source = FolderSource.open(platform, at('node'));
  try {
    const throttle = new Throttle(undefined);
    return await createBackup({ platform, source, to: at(to), throttle, madeBy: '0.0.0', progress });
  } finally {
    source.close();
  }
}

/** The first chunk's data after a restore. */
function restored(from: string): Buffer {
  rmSync(at('restored'), { recursive: true, force: true });
  restoreBackup({ platform, from: at(from), name: undefined, folder: at('restored'), progress });
  return readFileSync(join(at('restored'), 'chunk-000000.000000')).subarray(4096, 4096 + CHUNK_SIZE);
}

test('a backup of a scavenged log has what is left, and is restored as that', async () => {
  await backUp(scavenged(), 'backups');
  expect(verifyBackups({ platform, from: at('backups'), name: undefined, progress }).problems).toEqual([]);
  const left = naiveRemoved(log, ({ position }) => isGone(position)).subarray(0, CHUNK_SIZE);
  expect(restored('backups').equals(left)).toBe(true);
});

test('a backup that follows on one from before the scavenge shares its chunks: what they had is still there', async () => {
  const first = await backUp(log.disk(), 'backups');
  log.event(700).commit();
  const second = await backUp(scavenged(), 'backups');
  expect(second.end.position).toBeGreaterThan(first.end.position);
  expect(verifyBackups({ platform, from: at('backups'), name: undefined, progress }).problems).toEqual([]);
  expect(restored('backups').equals(log.bytes.subarray(0, CHUNK_SIZE))).toBe(true);
});
