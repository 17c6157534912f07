import { describe, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { chainEndOf } from '../../src/indexer/chunk-walk.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import { LogScanner } from '../../src/log/scan.js';
import { repairTail, sealChunk } from '../../src/log/tail-repair.js';
import { MemoryDisk } from './memory-disk.js';
import { naiveCrc, naiveSeal, prepareBody, timestampAt } from './naive-records.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID, SampleLog } from './sample-log.js';

function recover(disk: MemoryDisk): RecoveredLog {
  const recovered = recoverLog({ disk, kernel, folder: FOLDER });
  if (recovered.kind === 'empty') throw new Error('the folder is empty');
  expect(disk.openCount).toBe(0);
  return recovered;
}

/** The error that recovery ends with. */
function damageIn(disk: MemoryDisk): CairnError {
  try {
    recoverLog({ disk, kernel, folder: FOLDER });
  } catch (error) {
    if (error instanceof CairnError) {
      expect(disk.openCount).toBe(0);
      expect(disk.bytesWritten).toBe(0);
      return error;
    }
    throw error;
  }
  throw new Error('recovery found nothing wrong');
}

/** The bytes of a chunk's data on the disk, from a position of the log on. */
function data(disk: MemoryDisk, position: number): Uint8Array {
  const file = disk.files.get(chunkPath(Math.floor(position / CHUNK_SIZE)))!;
  return file.subarray(4096 + (position % CHUNK_SIZE), 4096 + CHUNK_SIZE);
}

/** Repairs, and makes sure that the repaired log recovers to the same end with nothing left to do. */
function repaired(disk: MemoryDisk): RecoveredLog {
  const first = recover(disk);
  repairTail(disk, first);
  if (first.needsFooter !== undefined) sealChunk(disk, first.needsFooter.path, first.needsFooter.footer);
  const second = recover(disk);
  expect(second).toEqual({ ...first, torn: undefined, needsFooter: undefined, chunks: second.chunks });
  return second;
}

describe('a log that was closed properly', () => {
  test('is looked at on the medium, whatever the system remembers of it, and read again from memory', () => {
    const log = new SampleLog().epoch().event().fillChunk().event(700).event(10_000).commit();
    const disk = log.disk();
    disk.hasPageCache = true;
    const { end, chunks, chunkSize, activeChunk: justRead } = recover(disk);
    const before = disk.bytesRead;
    const from = chainEndOf({ disk, chunkSize }, 0, chunkPath(0))!;
    const scanner = new LogScanner({ disk, kernel, chunks, chunkSize, from, to: end.position, justRead });
    while (scanner.next() !== undefined);
    scanner.close();
    expect(scanner.state).toEqual(end);
    expect(disk.bytesRead).toBe(before);
    data(disk, CHUNK_SIZE + 200)[0]! ^= 1;
    expect(damageIn(disk).code).toBe('log-corrupt');
  });

  test('ends behind its last record', () => {
    const log = new SampleLog().epoch().event().event(700).commit();
    const last = log.records.at(-1)!;
    expect(recover(log.disk())).toEqual({
      kind: 'log',
      chunkSize: CHUNK_SIZE,
      logId: LOG_ID,
      chunks: [0, 1].map((number) => ({
        number,
        version: 0,
        path: chunkPath(number),
        chunkId: expect.stringContaining(`${number}`),
        sealed: false,
      })),
      end: { position: log.end, chain: last.bytes.readUInt32LE(0), previousLength: 56, epoch: 1 },
      activeChunk: 0,
      recordsInActiveChunk: 4,
      lastTimestampUs: timestampAt(last.position),
      committed: last.position,
      torn: undefined,
      needsFooter: undefined,
    });
  });

  test('may be empty', () => {
    const recovered = recover(new SampleLog().disk());
    expect(recovered.end).toEqual({ position: 0, chain: 0, previousLength: 0, epoch: 0 });
    expect(recovered).toMatchObject({
      activeChunk: 0,
      recordsInActiveChunk: 0,
      lastTimestampUs: 0,
      committed: 0,
    });
  });

  test('may not exist yet', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory(FOLDER);
    disk.files.set(`${FOLDER}/lock`, new Uint8Array(3));
    disk.files.set(`${FOLDER}/chunk-000000.000000.tmp`, new Uint8Array(3));
    expect(recoverLog({ disk, kernel, folder: FOLDER })).toEqual({ kind: 'empty' });
  });

  test('continues in the active chunk what the sealed chunks before it say', () => {
    const log = new SampleLog().epoch().fillChunk().fillChunk().event().sync().commit();
    const recovered = recover(log.disk());
    expect(recovered.end.position).toBe(log.end);
    expect(recovered).toMatchObject({ activeChunk: 2, recordsInActiveChunk: 2, torn: undefined });
    expect(recovered.chunks.map((chunk) => chunk.sealed)).toEqual([true, true, false, false]);
  });

  test.each([0, 1, 2])('may end with a sealed chunk and %i prepared ones', (prepared) => {
    const log = new SampleLog().epoch().fillChunk().commit().fillChunk();
    const recovered = recover(log.disk({ prepared }));
    expect(recovered).toMatchObject({
      activeChunk: 2,
      recordsInActiveChunk: 0,
      lastTimestampUs: timestampAt(log.records.at(-1)!.position),
      committed: CHUNK_SIZE,
      torn: undefined,
      needsFooter: undefined,
    });
    expect(recovered.end.position).toBe(2 * CHUNK_SIZE);
    expect(recovered.chunks.length).toBe(2 + prepared);
  });

  test('costs the reading of its headers, footers and active chunk, however long it is', () => {
    const log = new SampleLog().epoch();
    for (let i = 0; i < 20; i++) log.fillChunk();
    log.event().commit();
    const disk = log.disk({ prepared: 0 });
    recover(disk);
    const blocks = 21 * 2 * 4096;
    // The active chunk: its header, once up to its end, and once more from the end of the log on.
    expect(disk.bytesRead).toBeLessThanOrEqual(blocks + 4096 + 2 * CHUNK_SIZE);
  });
});

describe('a torn tail', () => {
  test('is cut off and zeroed; what is before it stays as it was', () => {
    const log = new SampleLog().epoch().event().commit().sync();
    const { end } = log;
    log.event(3_000);
    const disk = log.disk();
    data(disk, 1_024).fill(0, 0, 512); // a sector in the middle of the record
    const recovered = recover(disk);
    expect(recovered.end.position).toBe(end);
    expect(recovered.torn).toEqual({ from: end, verifiedTo: end, to: log.end });
    repaired(disk);
    expect(Buffer.compare(data(disk, 0).subarray(0, end), log.bytes.subarray(0, end))).toBe(0);
    expect(data(disk, end).every((byte) => byte === 0)).toBe(true);
  });

  test('may be an unfinished transaction of valid records', () => {
    const log = new SampleLog().epoch().event().sync();
    const { end } = log;
    log.transaction([event(9), event(9), event(9)], 1).sync();
    const disk = log.disk();
    expect(recover(disk).torn).toEqual({ from: end, verifiedTo: log.end, to: log.end });
    expect(repaired(disk)).toMatchObject({ recordsInActiveChunk: 2, lastTimestampUs: timestampAt(64) });
  });

  test('may be a full chunk without its footer: nothing is lost, and the footer is written', () => {
    const log = new SampleLog().epoch().fillChunk().event().fillChunk();
    const disk = log.disk({ footers: 'not-the-last' });
    const recovered = recover(disk);
    expect(recovered).toMatchObject({ activeChunk: 2, recordsInActiveChunk: 0, torn: undefined });
    expect(recovered.needsFooter?.path).toBe(chunkPath(1));
    repaired(disk);
    expect(disk.differences(log.disk())).toEqual([]);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])('may be a torn footer, sector %i of which got through', (sector) => {
    const log = new SampleLog().epoch().fillChunk();
    const disk = log.disk({ footers: 'not-the-last' });
    const file = disk.files.get(chunkPath(0))!;
    const from = sector * 512;
    file.set(log.footerBlock(0).subarray(from, from + 512), 4096 + CHUNK_SIZE + from);
    repaired(disk);
    expect(disk.differences(log.disk())).toEqual([]);
  });

  test('may have a whole footer in front of which data is missing, if both were one write', () => {
    const log = new SampleLog().epoch().commit().sync();
    const { end } = log;
    log.fillChunk();
    const disk = log.disk();
    data(disk, end).fill(0);
    const recovered = repaired(disk);
    expect(recovered.end.position).toBe(end);
    expect(recovered.chunks[0]!.sealed).toBe(false);
    expect(
      disk.files
        .get(chunkPath(0))!
        .subarray(4096 + CHUNK_SIZE)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test.each([1, 2, 3])('may be an unfinished transaction that began %i chunks before', (chunksBack) => {
    const log = new SampleLog().epoch().event().commit().sync();
    const { end } = log;
    const count = Math.ceil((chunksBack * CHUNK_SIZE) / 20_000) + 1;
    log.transaction(
      Array.from({ length: count + 1 }, () => event(20_000)),
      1,
    );
    expect(Math.floor(log.end / CHUNK_SIZE)).toBe(chunksBack);
    const disk = log.disk();
    expect(recover(disk).torn).toEqual({ from: end, verifiedTo: log.end, to: log.end });
    const recovered = repaired(disk);
    expect(recovered).toMatchObject({
      activeChunk: 0,
      recordsInActiveChunk: 3,
      committed: log.records[2]!.position,
    });
    expect(disk.differences(log.disk({ end, prepared: chunksBack + 1 }))).toEqual([]);
  });

  test('may be an unfinished transaction that is the first thing of its chunk, or fills it', () => {
    const log = new SampleLog().epoch().fillChunk();
    const { end } = log;
    const many = Array.from({ length: 80 }, () => event(1_500));
    log.transaction(many, 1);
    const whole = log.disk();
    expect(repaired(whole).end.position).toBe(end);
    const atChunkEnd = log.recordEndBefore(2 * CHUNK_SIZE);
    expect(atChunkEnd).toBe(2 * CHUNK_SIZE);
    const disk = log.disk({ end: atChunkEnd });
    const recovered = repaired(disk);
    expect(recovered.end.position).toBe(end);
    expect(recovered).toMatchObject({ activeChunk: 1, recordsInActiveChunk: 0 });
    expect(recovered.chunks.map((chunk) => chunk.sealed)).toEqual([true, false, false]);
  });

  test('is repaired the same if the repair itself was interrupted, at any of its writes', () => {
    const log = new SampleLog().epoch().event().commit().sync();
    const { end } = log;
    log.transaction(
      Array.from({ length: 12 }, () => event(20_000)),
      1,
    );
    log.event(2_000);
    const broken = log.disk({ end: log.end });
    data(broken, Math.floor(log.end / 512) * 512 - 512).fill(0, 0, 512);
    let steps = 0;
    for (let stopAt = 0; ; stopAt++) {
      const disk = broken.clone();
      let writes = 0;
      disk.beforeWrite = () => {
        if (writes++ === stopAt) throw new Error('power cut');
      };
      const recovered = recover(disk);
      try {
        repairTail(disk, recovered);
        break;
      } catch {
        disk.beforeWrite = undefined;
        expect(repaired(disk).end.position).toBe(end);
        steps++;
      }
    }
    expect(steps).toBeGreaterThan(4);
  });
});

describe('damage', () => {
  test('to a record before a Commit that covers it is told apart from a torn tail, with file, offset and position', () => {
    const log = new SampleLog().epoch().event().event(2_000).sync().commit();
    const { position } = log.records[2]!;
    const disk = log.disk();
    data(disk, position).fill(0, 0, 2_000);
    const { code, details } = damageIn(disk);
    expect(code).toBe('log-corrupt');
    expect(details).toMatchObject({ file: chunkPath(0), offset: 4096 + position, position });
    expect(details['reason']).toContain(`the Commit record at ${log.records[3]!.position}`);
  });

  test('to a record whose sectors all reached the disk is no torn write', () => {
    const log = new SampleLog().epoch().sync().event(2_000);
    const { position } = log.records[1]!;
    const disk = log.disk();
    data(disk, position)[900]! ^= 4;
    expect(damageIn(disk).details['reason']).toContain('body');
  });

  test('to a header whose sectors all reached the disk is no torn write', () => {
    const log = new SampleLog().epoch().sync().event(2_000);
    const disk = log.disk();
    data(disk, log.records[1]!.position)[9]! ^= 4;
    expect(damageIn(disk).details['reason']).toContain('header');
  });

  test('to Padding is never a torn write: it was zeros and ought to be zeros', () => {
    const log = new SampleLog().epoch().fillChunk();
    const disk = log.disk({ footers: 'not-the-last' });
    const { position } = log.records.at(-1)!;
    data(disk, position)[2_000] = 1;
    expect(damageIn(disk).details['position']).toBe(position);
  });

  test('is a valid record at the wrong place', () => {
    const log = new SampleLog().epoch().event(100).event(100).sync();
    const disk = log.disk({ end: log.records[2]!.position });
    data(disk, log.records[2]!.position).set(log.records[1]!.bytes);
    expect(damageIn(disk).details['reason']).toContain('another position');
  });

  test('is anything in a chunk behind one that is not full', () => {
    const log = new SampleLog().epoch().event();
    const disk = log.disk();
    data(disk, CHUNK_SIZE)[CHUNK_SIZE - 1] = 1;
    const { details } = damageIn(disk);
    expect(details).toMatchObject({ file: chunkPath(0), position: log.end });
    expect(details['reason']).toContain(`position ${2 * CHUNK_SIZE - 1}`);
  });

  test('is a missing footer before a chunk that is not empty', () => {
    const log = new SampleLog().epoch().fillChunk().event();
    const disk = log.disk();
    disk.files.get(chunkPath(0))!.fill(0, 4096 + CHUNK_SIZE);
    const { details } = damageIn(disk);
    expect(details).toMatchObject({ file: chunkPath(0), offset: 4096 + CHUNK_SIZE, position: CHUNK_SIZE });
    expect(details['reason']).toContain('footer');
  });

  test('is a footer behind a chunk without one', () => {
    const log = new SampleLog().epoch().fillChunk().fillChunk().event();
    const disk = log.disk();
    const second = disk.files.get(chunkPath(1))!;
    disk.files.get(chunkPath(0))!.fill(0, 4096 + CHUNK_SIZE);
    second.fill(0, 4096, 4096 + CHUNK_SIZE);
    disk.files.get(chunkPath(2))!.fill(0, 4096);
    expect(damageIn(disk).code).toBe('log-corrupt');
  });

  test('is a footer that does not belong to the last full chunk', () => {
    const log = new SampleLog().epoch().fillChunk();
    const disk = log.disk();
    const footer = disk.files.get(chunkPath(0))!.subarray(4096 + CHUNK_SIZE);
    footer[68]! ^= 1;
    new DataView(footer.buffer, footer.byteOffset).setUint32(4092, naiveCrc(footer.subarray(0, 4092)), true);
    expect(damageIn(disk).details['reason']).toContain('footer');
  });

  test('is a chunk that does not continue the one before', () => {
    const log = new SampleLog().epoch().fillChunk().event(600);
    const other = new SampleLog().epoch().event().fillChunk().event(600);
    const disk = log.disk();
    disk.files.set(chunkPath(1), other.disk().files.get(chunkPath(1))!);
    expect(damageIn(disk).details).toMatchObject({ file: chunkPath(1), position: CHUNK_SIZE });
  });

  test('is a rest of a chunk that is too small for a record', () => {
    const log = new SampleLog().epoch().fillChunk();
    const padding = log.records.at(-1)!;
    const data = new Uint8Array(padding.length - 40 - prepareBody(event(0), 0, 0).length - 44);
    const body = prepareBody({ stream: 's', data }, 0, 0);
    log.records.splice(-1, 1, naiveSeal({ type: 1, flags: 3, epoch: 1, body }, log.records.at(-2)));
    expect(log.end).toBe(CHUNK_SIZE - 40);
    const disk = log.disk();
    expect(damageIn(disk).details['reason']).toContain('too few');
  });

  test.each([
    ['type 8', { type: 8, version: 1 }],
    ['version 2', { type: 1, version: 2 }],
  ])('is not what a record of a later format is called: %s', (_, { type, version }) => {
    const log = new SampleLog().epoch().event();
    const disk = log.disk();
    const { position, bytes } = log.records[1]!;
    bytes.writeUInt8(type, 40);
    bytes.writeUInt8(version, 41);
    bytes.writeUInt32LE(naiveCrc(bytes.subarray(4, 44)), 0);
    data(disk, position).set(bytes);
    const { code, details } = damageIn(disk);
    expect(code).toBe('bad-data-folder');
    expect(details).toEqual({ file: chunkPath(0), position, type, version });
  });

  test('is a record that contradicts itself under a right checksum', () => {
    const log = new SampleLog().epoch().commit(1_000_000);
    expect(damageIn(log.disk()).details['reason']).toContain('beyond itself');
  });
});

function event(dataBytes: number): { stream: string; data: Uint8Array } {
  return { stream: 's', data: new Uint8Array(dataBytes).fill(0xcd) };
}
