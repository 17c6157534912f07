/** Backups made of a log in memory, in real folders: what is copied, what is shared, and what is refused. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BackupSource, ChunkTarget } from '../../src/backup/backup-source.js';
import { type CreatedBackup, createBackup } from '../../src/backup/create-backup.js';
import { FolderSource } from '../../src/backup/folder-source.js';
import { restoreBackup } from '../../src/backup/restore-backup.js';
import { Throttle } from '../../src/backup/throttle.js';
import { verifyBackups } from '../../src/backup/verify-backup.js';
import { encodeMembership } from '../../src/cluster/membership-record.js';
import { openPlatform } from '../../src/native/platform.js';
import { configurationOf } from '../cluster/ids.js';
import { naiveRemoved } from '../log/packed-sample.js';
import { CHUNK_SIZE, LOG_ID, SampleLog } from '../log/sample-log.js';

const platform = openPlatform();
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'cairn-backup-'));
});

afterEach(() => {
  rmSync(scratch, { recursive: true });
});

/** Two full chunks and a part of the third. */
function sampleLog(): SampleLog {
  return new SampleLog()
    .epoch()
    .event(100, 'a')
    .fillChunk()
    .event(9_000, 'b')
    .fillChunk()
    .event(500)
    .commit();
}

/** A log that gives its bytes in pieces of this size, and breaks off once in each chunk if it is told to. */
class MemorySource implements BackupSource {
  readonly name = 'memory';
  readonly chunkSize = CHUNK_SIZE;
  logId = LOG_ID;
  bytes: Uint8Array;
  readonly reads: number[] = [];
  /** By then others have written more. */
  committedWhenRead: number | undefined;

  constructor(
    readonly log: SampleLog,
    public committed = log.end,
    readonly pieceBytes = 10_007,
    readonly breaksOff = false,
  ) {
    this.bytes = Uint8Array.from(log.bytes);
  }

  fileOf(number: number): string {
    return `chunk ${number} in memory`;
  }

  async read(number: number, length: number, { restart, take }: ChunkTarget): Promise<number> {
    this.reads.push(number);
    const start = number * CHUNK_SIZE;
    const piece = (at: number): Uint8Array =>
      this.bytes.subarray(start + at, start + Math.min(at + this.pieceBytes, length));
    restart();
    if (this.breaksOff) {
      await take(piece(0));
      restart();
    }
    for (let at = 0; at < length; at += this.pieceBytes) await take(piece(at));
    return this.committedWhenRead ?? this.committed;
  }

  close(): void {
    // Nothing is open.
  }
}

const at = (name: string): string => join(scratch, name);

function create(source: BackupSource, to = at('backups')): Promise<CreatedBackup> {
  const throttle = new Throttle(undefined);
  return createBackup({ platform, source, to, throttle, madeBy: '0.0.0', progress: () => undefined });
}

function verify(from = at('backups'), name?: string) {
  return verifyBackups({ platform, from, name, progress: () => undefined });
}

function restore(folder = at('data'), name?: string) {
  return restoreBackup({ platform, from: at('backups'), name, folder, progress: () => undefined });
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 1;
  writeFileSync(path, bytes);
}

const failing = (code: string) => expect.objectContaining({ code });

describe('a backup', () => {
  test('has the same bytes however they came, and from whichever node', async () => {
    const log = sampleLog();
    await create(new MemorySource(log), at('one'));
    await create(new MemorySource(log, log.end, 333, true), at('two'));
    for (const file of [
      'chunks/chunk-000000.000000',
      'chunks/chunk-000001.000000',
      'backup-000001/chunk-000002.000000',
    ]) {
      expect(readFileSync(join(at('one'), file)).equals(readFileSync(join(at('two'), file)))).toBe(true);
    }
    expect(verify(at('two')).problems).toEqual([]);
  });

  test('that follows on another copies only what is new, and the older one stays as it was', async () => {
    const log = sampleLog();
    const first = new MemorySource(
      log,
      log.records.find(({ position }) => position > CHUNK_SIZE + 20_000)!.position,
    );
    await create(first);
    const second = new MemorySource(log);
    const made = await create(second);
    expect([first.reads, second.reads]).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(made).toMatchObject({ kind: 'created', chunks: 3, chunksCopied: 2, records: log.records.length });
    expect(verify()).toMatchObject({
      problems: [],
      files: 4,
      backups: [{ isSound: true }, { isSound: true }],
    });
    expect(await create(new MemorySource(log))).toMatchObject({ kind: 'unchanged', name: 'backup-000002' });
  });

  test('goes up to what a scavenge meanwhile has removed something for', async () => {
    const log = sampleLog();
    const source = new MemorySource(log, log.records.at(-1)!.position);
    source.committedWhenRead = log.end;
    expect((await create(source, at('plain'))).end.position).toBe(log.records.at(-1)!.position);
    source.bytes = naiveRemoved(log, ({ position, type }) => type === 1 && position < CHUNK_SIZE);
    expect((await create(source, at('scavenged'))).end.position).toBe(log.end);
    expect(verify(at('scavenged')).problems).toEqual([]);
    expect(source.reads).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('takes up no chunk of a run that was ended from which something was removed: it would end before that was hidden', async () => {
    const log = sampleLog();
    const source = new MemorySource(log, log.records.at(-1)!.position);
    source.bytes = naiveRemoved(log, ({ position, type }) => type === 1 && position < CHUNK_SIZE);
    await create(source);
    rmSync(at('backups/backup-000001'), { recursive: true });
    source.committedWhenRead = log.end;
    source.reads.length = 0;
    expect(await create(source)).toMatchObject({ end: { position: log.end }, chunksCopied: 2 });
    expect(source.reads).toEqual([0, 2]);
    expect(verify().problems).toEqual([]);
  });

  test('that ends where a chunk ends has no file of its own', async () => {
    const log = new SampleLog().epoch().fillChunk();
    await create(new MemorySource(log));
    expect(readdirSync(at('backups/backup-000001'))).toEqual(['manifest.json']);
    expect(verify().problems).toEqual([]);
    expect(restore()).toMatchObject({ chunks: 1, end: { position: CHUNK_SIZE } });
  });

  test('takes up the chunks of a run that was ended, after reading them', async () => {
    const log = sampleLog();
    await create(new MemorySource(log));
    rmSync(at('backups/backup-000001'), { recursive: true });
    mkdirSync(at('backups/backup-000007.tmp'));
    writeFileSync(at('backups/backup-000007.tmp/chunk-000002.000000.tmp'), 'x');
    writeFileSync(at('backups/chunks/chunk-000002.000000.tmp'), 'x');
    const source = new MemorySource(log);
    expect(await create(source)).toMatchObject({ name: 'backup-000001', chunksCopied: 1 });
    expect(source.reads).toEqual([2]);
    expect(verify().problems).toEqual([]);
    expect(readdirSync(at('backups')).sort()).toEqual(['backup-000001', 'chunks', 'lock']);
    rmSync(at('backups/backup-000001'), { recursive: true });
    flip(at('backups/chunks/chunk-000001.000000'), 30_000);
    await expect(create(new MemorySource(log))).rejects.toThrow(failing('log-corrupt'));
  });
});

describe('no backup is made', () => {
  test('of a log with a wrong bit, whose place is named', async () => {
    const log = sampleLog();
    const source = new MemorySource(log);
    const damaged = log.records.find(({ position }) => position > CHUNK_SIZE)!;
    source.bytes[damaged.position + 50]! ^= 1;
    const details = {
      file: 'chunk 1 in memory',
      position: damaged.position,
      offset: 4096 + damaged.position - CHUNK_SIZE,
    };
    await expect(create(source)).rejects.toThrow(
      expect.objectContaining({ code: 'log-corrupt', details: expect.objectContaining(details) }),
    );
    expect(readdirSync(at('backups')).sort()).toEqual(['chunks', 'lock']);
    expect(readdirSync(at('backups/chunks')).sort()).toEqual(['chunk-000000.000000', 'of-backups']);
  });

  test('that would end inside a record, or inside a transaction', async () => {
    const log = new SampleLog().epoch().transaction([
      { stream: 'a', data: new Uint8Array(8) },
      { stream: 'b', data: new Uint8Array(8) },
    ]);
    const [, first, second] = log.records;
    await expect(create(new MemorySource(log, first!.position + 8))).rejects.toThrow(failing('log-corrupt'));
    await expect(create(new MemorySource(log, second!.position))).rejects.toThrow(/inside a transaction/);
    await create(new MemorySource(log));
  });

  test('of another log, or of one that is behind', async () => {
    const log = sampleLog();
    await create(new MemorySource(log));
    const other = new MemorySource(log);
    other.logId = '018f4e5c-0000-7000-8000-00000000beef';
    await expect(create(other)).rejects.toThrow(failing('invalid-configuration'));
    const behind = new MemorySource(log, log.records.at(-1)!.position);
    await expect(create(behind)).rejects.toThrow(failing('not-ready'));
  });

  test('on top of a shared chunk that is not the one in the manifest', async () => {
    const log = sampleLog();
    await create(new MemorySource(log));
    const path = at('backups/chunks/chunk-000001.000000');
    writeFileSync(path, readFileSync(at('backups/chunks/chunk-000000.000000')));
    log.event(100);
    await expect(create(new MemorySource(log))).rejects.toThrow(/remove that file/);
    rmSync(path);
    await create(new MemorySource(log));
    expect(verify().problems).toEqual([]);
  });

  test('in a folder that holds anything else, or where another one is being made', async () => {
    mkdirSync(at('backups'));
    writeFileSync(at('backups/notes.txt'), 'x');
    await expect(create(new MemorySource(sampleLog()))).rejects.toThrow(failing('invalid-configuration'));
    rmSync(at('backups/notes.txt'));
    const source = new MemorySource(sampleLog());
    const read = source.read.bind(source);
    let second: Promise<unknown> | undefined;
    source.read = async (...args) => {
      second ??= create(new MemorySource(sampleLog())).catch((error: unknown) => error);
      await second;
      return await read(...args);
    };
    await create(source);
    expect(await second).toMatchObject({ code: 'folder-locked' });
  });
});

describe('what is wrong with a backup is found', () => {
  const FILES = [
    'chunks/chunk-000000.000000',
    'chunks/chunk-000001.000000',
    'backup-000001/chunk-000002.000000',
  ];

  test.each(FILES)('any changed byte of %s: header, records, zeros, footer', async (file) => {
    await create(new MemorySource(sampleLog()));
    const path = at(`backups/${file}`);
    const whole = readFileSync(path);
    for (const offset of [
      0,
      100,
      4000,
      4095,
      4096,
      4700,
      whole.length / 2,
      whole.length - 4000,
      whole.length - 1,
    ]) {
      flip(path, Math.floor(offset));
      const { problems, backups } = verify();
      expect(problems).toMatchObject([{ backup: 'backup-000001', file: path }]);
      expect(backups).toMatchObject([{ isSound: false }]);
      expect(() => restore(at(`data-${offset}`))).toThrow(failing('log-corrupt'));
      writeFileSync(path, whole);
    }
    expect(verify().problems).toEqual([]);
  });

  test.each(FILES)('%s is cut short, longer, missing, or a link', async (file) => {
    await create(new MemorySource(sampleLog()));
    const path = at(`backups/${file}`);
    const whole = readFileSync(path);
    const problem = () => verify().problems;
    writeFileSync(path, whole.subarray(0, -4096));
    expect(problem()).toMatchObject([{ file: path, reason: expect.stringContaining('instead of') }]);
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(4096)]));
    expect(problem()).toMatchObject([{ file: path, reason: expect.stringContaining('instead of') }]);
    rmSync(path);
    expect(problem()).toMatchObject([{ file: path, reason: 'is missing' }]);
    writeFileSync(at('elsewhere'), whole);
    symlinkSync(at('elsewhere'), path);
    expect(problem()).toMatchObject([{ file: path, reason: 'is no plain file' }]);
    expect(() => restore()).toThrow(failing('log-corrupt'));
  });

  test('a manifest that is damaged takes its own backup with it and no other', async () => {
    const log = sampleLog();
    await create(new MemorySource(log));
    await create(new MemorySource(log.event(100)));
    flip(at('backups/backup-000001/manifest.json'), 200);
    const { problems, backups } = verify();
    expect(problems).toMatchObject([{ backup: 'backup-000001' }]);
    expect(backups).toMatchObject([{ name: 'backup-000002', isSound: true }]);
    expect(() => restore(at('data'), 'backup-000001')).toThrow(failing('bad-data-folder'));
    expect(restore()).toMatchObject({ name: 'backup-000002' });
  });

  test.each(['../elsewhere', 'backup-000001/../../elsewhere', 'chunks', 'backup-000002.tmp', '', 'backup-1'])(
    'a backup is not looked for at %j',
    async (name) => {
      await create(new MemorySource(sampleLog()));
      cpSync(at('backups/backup-000001'), at('elsewhere'), { recursive: true });
      expect(() => restore(at('data'), name)).toThrow(failing('bad-data-folder'));
      expect(() => verify(at('backups'), name)).toThrow(failing('bad-data-folder'));
    },
  );

  test('a folder of a backup, or of chunks, that is a link is not followed', async () => {
    await create(new MemorySource(sampleLog()));
    for (const name of ['backup-000001', 'chunks']) {
      renameSync(at(`backups/${name}`), at('elsewhere'));
      symlinkSync(at('elsewhere'), at(`backups/${name}`));
      expect(() => restore()).toThrow(
        expect.objectContaining({ message: expect.stringContaining('no plain folder') }),
      );
      rmSync(at(`backups/${name}`));
      renameSync(at('elsewhere'), at(`backups/${name}`));
    }
  });
});

describe('a folder that a backup is made from', () => {
  test('is not that of the chunks of backups', async () => {
    await create(new MemorySource(sampleLog()));
    expect(() => FolderSource.open(platform, at('backups/chunks'))).toThrow(/those of backups/);
  });
});

describe('a stopped node of a cluster', () => {
  test('is backed up to where the log itself says that it is committed', async () => {
    const log = new SampleLog()
      .epoch()
      .membership(encodeMembership(configurationOf(3)))
      .event(500)
      .commit();
    const committed = log.records.at(-1)!.position;
    log.event(600, 'perhaps');
    mkdirSync(at('node'));
    for (const [path, bytes] of log.disk().files)
      writeFileSync(join(at('node'), path.split('/').at(-1)!), bytes);
    const source = FolderSource.open(platform, at('node'));
    expect(source.committed).toBe(committed);
    expect(await create(source)).toMatchObject({ end: { position: committed } });
    source.close();
  });
});
