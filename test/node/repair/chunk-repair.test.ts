/**
 * Mending a chunk, on disks in memory: what another member has goes where this node's is damaged, if and only if nothing that this node may have
 * acknowledged is lost by it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CairnError } from '../../../src/base/errors.js';
import { DiskError } from '../../../src/base/ports.js';
import type { LogFolder } from '../../../src/log/damaged-chunk.js';
import { recoverFolder } from '../../../src/log/folder-recovery.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { recoverLog } from '../../../src/log/recovery.js';
import { type FetchChunk, mendIfDamaged, repairChunk } from '../../../src/node/repair/chunk-repair.js';
import { damagedChunkOf } from '../../../src/node/repair/damage-report.js';
import { Random } from '../../../src/sim/random.js';
import type { MemoryDisk } from '../../log/memory-disk.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID, SampleLog } from '../../log/sample-log.js';
import { simulatedDisk } from '../../log/simulated-sample.js';

const DATA_AT = 4096;
const FOOTER_AT = DATA_AT + CHUNK_SIZE;

/** Three full chunks and a part of a fourth. */
function sample(): SampleLog {
  const log = new SampleLog().epoch().event(3_000).commit();
  log.fillChunk().event(50).sync().event(9_000).commit();
  log.fillChunk().event(7).fillChunk();
  for (let i = 0; i < 12; i++)
    log
      .event(700 + i)
      .sync()
      .commit();
  return log.sync();
}

const LOG = sample();

/** A member that has all before `committed`, and hands it out in pieces of odd sizes. */
function memberWith(bytes: Uint8Array, committed: number): FetchChunk {
  return async (_peer, number, take) => {
    const start = number * CHUNK_SIZE;
    const end = Math.min(start + CHUNK_SIZE, committed);
    if (end <= start) return { kind: 'failed', reason: 'nothing is committed there yet' };
    for (let at = start; at < end; at += 10_007) take(bytes.slice(at, Math.min(end, at + 10_007)));
    return { kind: 'fetched', bytes: end - start, committed: end };
  };
}

const WHOLE = memberWith(LOG.bytes, LOG.end);

function folderOf(disk: LogFolder['disk']): LogFolder {
  return { disk, kernel, folder: FOLDER, logId: LOG_ID, chunkSize: CHUNK_SIZE };
}

function flip(disk: MemoryDisk, number: number, at: number, length = 4): void {
  const file = disk.files.get(chunkPath(number))!;
  for (let i = 0; i < length; i++) file[at + i]! ^= 0xa5;
}

/** The log's bytes on a disk that recovers, as far as they go. */
function bytesOn(disk: MemoryDisk): Buffer {
  const log = recoverLog({ disk, kernel, folder: FOLDER });
  if (log.kind === 'empty') throw new Error('there is a log');
  const chunks = log.chunks.map(({ path }) => disk.files.get(path)!.subarray(DATA_AT, FOOTER_AT));
  return Buffer.concat(chunks).subarray(0, log.end.position);
}

const HURTS: readonly [string, number, (disk: MemoryDisk) => void][] = [
  ['bytes in a sealed chunk', 1, (disk) => flip(disk, 1, DATA_AT + 20_000)],
  ['the first record of a sealed chunk', 2, (disk) => flip(disk, 2, DATA_AT)],
  ['the last record of a sealed chunk', 0, (disk) => flip(disk, 0, FOOTER_AT - 1)],
  ['a header', 1, (disk) => flip(disk, 1, 8)],
  ['the first header', 0, (disk) => flip(disk, 0, 4000)],
  ['a footer', 2, (disk) => flip(disk, 2, FOOTER_AT + 60)],
  ['zeros for a footer', 0, (disk) => disk.files.get(chunkPath(0))!.fill(0, FOOTER_AT)],
  ['a missing chunk', 1, (disk) => disk.unlink(chunkPath(1))],
  [
    'a chunk that is too short',
    1,
    (disk) => disk.files.set(chunkPath(1), disk.files.get(chunkPath(1))!.slice(0, 30_000)),
  ],
  ['the last chunk with records', 3, (disk) => flip(disk, 3, DATA_AT + 2_000)],
  ['the header of the last chunk with records', 3, (disk) => flip(disk, 3, 8)],
];

describe('a damaged log is as it was', () => {
  test.each(HURTS)('after %s was mended', async (_what, number, hurt) => {
    const disk = LOG.disk();
    hurt(disk);
    const found = damageOf(disk);
    expect(damagedChunkOf(found, FOLDER, CHUNK_SIZE)).toBe(number);
    expect(await repairChunk(folderOf(disk), number, ['a'], WHOLE)).toMatchObject({
      kind: 'repaired',
      from: 'a',
    });
    expect(Buffer.compare(bytesOn(disk), LOG.bytes)).toBe(0);
    expect(disk.openCount).toBe(0);
    expect(disk.list(FOLDER).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('after the chunk that was reported could not be looked at before the one before it was mended', async () => {
    const disk = LOG.disk();
    flip(disk, 0, FOOTER_AT + 60);
    flip(disk, 1, 8);
    expect(await repairChunk(folderOf(disk), 1, ['a'], WHOLE)).toMatchObject({ number: 0 });
    expect(await repairChunk(folderOf(disk), 1, ['a'], WHOLE)).toMatchObject({ number: 1 });
    expect(Buffer.compare(bytesOn(disk), LOG.bytes)).toBe(0);
  });

  test('after the second member had what the first one did not', async () => {
    const disk = LOG.disk();
    flip(disk, 1, DATA_AT + 20_000);
    const broken = Uint8Array.from(LOG.bytes);
    broken[CHUNK_SIZE + 5_000]! ^= 1;
    const members: Record<string, FetchChunk> = {
      a: async () => ({ kind: 'failed', reason: 'nobody listens there' }),
      b: memberWith(broken, LOG.end),
      c: memberWith(LOG.bytes, LOG.recordEndBefore(CHUNK_SIZE + 15_000)),
      d: WHOLE,
    };
    const fetch: FetchChunk = (peer, ...rest) => members[peer]!(peer, ...rest);
    const answers = await repairChunk(folderOf(disk), 1, ['a', 'b', 'c'], fetch);
    expect(answers).toMatchObject({
      kind: 'no-help',
      answers: [
        { peer: 'a', reason: 'nobody listens there' },
        { peer: 'b', reason: expect.stringContaining('its copy is damaged') },
        { peer: 'c', reason: expect.stringContaining('it has committed what is before') },
      ],
    });
    expect(await repairChunk(folderOf(disk), 1, ['a', 'b', 'c', 'd'], fetch)).toMatchObject({ from: 'd' });
    expect(Buffer.compare(bytesOn(disk), LOG.bytes)).toBe(0);
  });

  test.each([0, 1, 2, 3])(
    'after a part of chunk %i, which the disk could not read, was replaced',
    async (number) => {
      const disk = LOG.disk();
      makeUnreadable(disk, number, DATA_AT + 1_000);
      const longer = sample().fillChunk().event();
      const fetch = memberWith(longer.bytes, longer.end);
      const outcome = await mendIfDamaged(folderOf(disk), number, ['a'], fetch);
      expect(outcome).toMatchObject({ kind: 'repaired', number });
      expect(Buffer.compare(bytesOn(disk).subarray(0, LOG.end), LOG.bytes)).toBe(0);
    },
  );

  test('after an empty chunk behind the log lost its header, without anybody’s help', async () => {
    const disk = LOG.disk();
    flip(disk, 4, 8);
    expect(damagedChunkOf(damageOf(disk), FOLDER, CHUNK_SIZE)).toBe(4);
    expect(await repairChunk(folderOf(disk), 4, [], WHOLE)).toMatchObject({
      kind: 'repaired',
      from: undefined,
    });
    expect(Buffer.compare(bytesOn(disk), LOG.bytes)).toBe(0);
  });
});

/** The place of a chunk's file as it is now can't be read any more; what replaces the file is elsewhere. */
function makeUnreadable(disk: MemoryDisk, number: number, at: number): void {
  const path = chunkPath(number);
  const bad = disk.files.get(path);
  const paths = new Map<number, string>();
  const open = disk.open.bind(disk);
  const read = disk.read.bind(disk);
  disk.open = (opened, options) => {
    const file = open(opened, options);
    paths.set(file, opened);
    return file;
  };
  disk.read = (file, target, to, length, offset) => {
    const isBad =
      paths.get(file) === path && disk.files.get(path) === bad && offset <= at && at < offset + length;
    if (isBad) throw new DiskError('EIO', 'pread', path);
    return read(file, target, to, length, offset);
  };
}

/** What recovery says, or a reader of all chunks. */
function damageOf(disk: MemoryDisk): CairnError {
  const { records } = LOG;
  try {
    recoverLog({ disk, kernel, folder: FOLDER });
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
  const wrong = records.find(({ position, bytes }) => {
    const file = disk.files.get(chunkPath(Math.floor(position / CHUNK_SIZE)))!;
    const at = DATA_AT + (position % CHUNK_SIZE);
    return Buffer.compare(file.subarray(at, at + bytes.length), bytes) !== 0;
  })!;
  const file = chunkPath(Math.floor(wrong.position / CHUNK_SIZE));
  return new CairnError('log-corrupt', '', { file, offset: 0, position: wrong.position });
}

describe('what this node has on disk is never given up', () => {
  test('not even where the other member has committed less: its own records go on there', async () => {
    const disk = LOG.disk();
    const active = 3 * CHUNK_SIZE;
    flip(disk, 3, DATA_AT + 100);
    const boundary = LOG.recordEndBefore(active + 4_000);
    const outcome = await repairChunk(folderOf(disk), 3, ['a'], memberWith(LOG.bytes, boundary));
    expect(outcome.kind).toBe('repaired');
    expect(Buffer.compare(bytesOn(disk), LOG.bytes)).toBe(0);
  });

  test('so a member that has committed less than the damaged place is of no help, and nothing is changed', async () => {
    const disk = LOG.disk();
    const active = 3 * CHUNK_SIZE;
    flip(disk, 3, DATA_AT + 6_000);
    const before = disk.clone();
    const boundary = LOG.recordEndBefore(active + 4_000);
    const outcome = await repairChunk(folderOf(disk), 3, ['a'], memberWith(LOG.bytes, boundary));
    expect(outcome).toMatchObject({
      answers: [{ reason: expect.stringContaining(`may have acknowledged up to ${LOG.end}`) }],
    });
    expect(disk.differences(before)).toEqual([]);
  });

  test('a last chunk that is gone, of which nobody knows how far it was written, is mended only if all of it was committed', async () => {
    const disk = LOG.disk();
    disk.unlink(chunkPath(3));
    expect((await repairChunk(folderOf(disk), 3, ['a'], WHOLE)).kind).toBe('no-help');
    const longer = sample().fillChunk().event();
    expect((await repairChunk(folderOf(disk), 3, ['a'], memberWith(longer.bytes, longer.end))).kind).toBe(
      'repaired',
    );
    expect(Buffer.compare(bytesOn(disk), longer.bytes.subarray(0, 4 * CHUNK_SIZE))).toBe(0);
  });

  test('a member that has gone on gives more than was there', async () => {
    const disk = LOG.disk();
    flip(disk, 3, DATA_AT + 2_000);
    const longer = sample().event(900).commit();
    expect((await repairChunk(folderOf(disk), 3, ['a'], memberWith(longer.bytes, longer.end))).kind).toBe(
      'repaired',
    );
    expect(Buffer.compare(bytesOn(disk), longer.bytes)).toBe(0);
  });

  test('a member whose log took another way is of no help where this node’s goes on', async () => {
    const other = new SampleLog().epoch().event(3_001).commit();
    for (let chunk = 0; chunk < 3; chunk++) other.fillChunk();
    other.event();
    for (const number of [0, 1, 2, 3]) {
      const disk = LOG.disk();
      flip(disk, number, DATA_AT + 2_000);
      const before = disk.clone();
      const outcome = await repairChunk(folderOf(disk), number, ['a'], memberWith(other.bytes, other.end));
      expect(outcome.kind, `chunk ${number}`).toBe('no-help');
      expect(disk.differences(before)).toEqual([]);
    }
  });

  test('whatever is damaged and whatever the other has: the log is mended with all that it had, or nothing is changed', async () => {
    const damage = fc.record({
      number: fc.nat(3),
      at: fc.nat(FOOTER_AT + 4095),
      length: fc.integer({ min: 1, max: 3_000 }),
      value: fc.constantFrom(-1, 0, 0xff),
    });
    const cases = fc.tuple(fc.array(damage, { minLength: 1, maxLength: 3 }), fc.nat(LOG.records.length - 1));
    await fc.assert(
      fc.asyncProperty(cases, async ([damages, committedRecord]) => {
        const disk = LOG.disk();
        for (const { number, at, length, value } of damages)
          hurt(disk.files.get(chunkPath(number))!, at, length, value);
        const { position, bytes } = LOG.records[committedRecord]!;
        const fetch = memberWith(LOG.bytes, position + bytes.length);
        const damaged = disk.clone();
        const numbers = [...new Set(damages.map(({ number }) => number))].sort();
        for (const number of numbers) {
          const before = disk.clone();
          const outcome = await mendIfDamaged(folderOf(disk), number, ['a'], fetch);
          if (outcome.kind !== 'repaired') expect(disk.differences(before)).toEqual([]);
          else expectNothingLost(damaged, disk, outcome.number);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function hurt(file: Uint8Array, at: number, length: number, value: number): void {
  for (let i = at; i < Math.min(file.length, at + length); i++) file[i] = value < 0 ? file[i]! ^ 0x5a : value;
}

/** The chunk's data is the log's, and reaches at least as far as anything that could still be read of the damaged one. */
function expectNothingLost(before: MemoryDisk, after: MemoryDisk, number: number): void {
  const dataOn = (disk: MemoryDisk) => disk.files.get(chunkPath(number))!.subarray(DATA_AT, FOOTER_AT);
  const [was, is] = [dataOn(before), dataOn(after)];
  const whole = new Uint8Array(CHUNK_SIZE);
  whole.set(LOG.bytes.subarray(number * CHUNK_SIZE, (number + 1) * CHUNK_SIZE));
  const end = is.findLastIndex((byte) => byte !== 0) + 1;
  expect(Buffer.compare(is.subarray(0, end), whole.subarray(0, end))).toBe(0);
  const readable = LOG.records.filter(({ position, bytes }) => {
    const at = position - number * CHUNK_SIZE;
    return at >= 0 && at < CHUNK_SIZE && Buffer.compare(was.subarray(at, at + bytes.length), bytes) === 0;
  });
  for (const { position, bytes } of readable) {
    const at = position - number * CHUNK_SIZE;
    expect(Buffer.compare(is.subarray(at, at + bytes.length), bytes), `the record at ${position}`).toBe(0);
  }
}

test('an error is about a chunk if it says that it is damaged, unreadable or gone, and about none if a write failed', () => {
  const path = chunkPath(2);
  const of = (
    code: 'log-corrupt' | 'disk-failure' | 'bad-data-folder',
    details: Record<string, string | number>,
  ) => damagedChunkOf(new CairnError(code, '', details), FOLDER, CHUNK_SIZE);
  expect(of('log-corrupt', { file: path, offset: 1, position: 5 * CHUNK_SIZE })).toBe(2);
  expect(of('log-corrupt', { file: FOLDER, offset: 0, position: 5 * CHUNK_SIZE })).toBe(5);
  expect(of('log-corrupt', { to: 8, position: 16, committed: 16 })).toBeUndefined();
  expect(of('disk-failure', { errno: 'EIO', syscall: 'pread', path })).toBe(2);
  expect(of('disk-failure', { errno: 'ENOENT', syscall: 'open', path })).toBe(2);
  expect(of('disk-failure', { errno: 'EIO', syscall: 'fdatasync', path })).toBeUndefined();
  expect(
    of('disk-failure', { errno: 'EIO', syscall: 'pread', path: `${FOLDER}/node-state` }),
  ).toBeUndefined();
  expect(of('bad-data-folder', { file: path, position: 0 })).toBeUndefined();
});

test('a crash at any moment of the mending leaves the damage as it was, or mended; and it can be done again', async () => {
  for (const how of ['lose-all', 'keep-all', 'torn'] as const) {
    for (let moment = 0, isWhole = false; !isWhole; moment++) {
      const disk = simulatedDisk(LOG);
      const file = disk.open(chunkPath(1), { access: 'write' });
      disk.write(file, new Uint8Array(600).fill(9), 0, 600, DATA_AT + 10_000);
      disk.sync(file);
      disk.close(file);
      let changes = 0;
      disk.beforeChange = () => {
        if (changes++ === moment) throw new Error('crashed');
      };
      isWhole = await mendIfDamaged(folderOf(disk), 1, ['a'], WHOLE).then(
        ({ kind }) => kind === 'repaired',
        () => false,
      );
      disk.beforeChange = undefined;
      disk.crash(new Random(moment), how);
      recoverFolder(disk, kernel, FOLDER);
      const again = await mendIfDamaged(folderOf(disk), 1, ['a'], WHOLE);
      expect(['repaired', 'sound'], JSON.stringify([how, moment, again])).toContain(again.kind);
      if (isWhole) expect(again.kind).toBe('sound');
      expect((await mendIfDamaged(folderOf(disk), 1, [], WHOLE)).kind).toBe('sound');
    }
  }
});
