import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DiskError } from '../../src/base/ports.js';
import { MemoryDisk } from '../log/memory-disk.js';
import { BATCH_BYTES_MAX, CHUNK_BYTES, WriteRig } from './rig.js';

const step = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), bytes: fc.integer({ min: 0, max: 6000 }) }),
  fc.record({ kind: fc.constant('publish' as const), bytes: fc.constant(0) }),
  fc.record({ kind: fc.constant('write' as const), bytes: fc.constant(0) }),
  fc.record({ kind: fc.constant('prepare' as const), bytes: fc.constant(0) }),
);

function play(rig: WriteRig, steps: readonly { kind: string; bytes: number }[]): void {
  let token = 0;
  for (const { kind, bytes } of steps) {
    if (kind === 'append' && rig.append(token, bytes) === 'taken') token++;
    else if (kind === 'publish') rig.publish();
    else if (kind === 'write') rig.write();
    else if (kind === 'prepare') rig.preparer.doWork();
  }
}

describe('whatever the interleaving of main, writer and preparer', () => {
  test('what is durable is on disk, is found again, and only that was answered, in order', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), (steps) => {
        const rig = new WriteRig();
        play(rig, steps);
        rig.prepare();
        rig.publish();
        while (rig.write() > 0);
        const { end, torn, chunks } = rig.recover();
        expect(end.position).toBe(rig.durable.position);
        expect(end.position).toBe(rig.producer.framed);
        expect(torn).toBeUndefined();
        expect(rig.answered).toEqual(rig.answered.map((_, i) => i));
        for (const { number, sealed } of chunks) {
          expect(sealed).toBe((number + 1) * CHUNK_BYTES <= end.position);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a crash between any two writes loses nothing that was answered', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 50, maxLength: 250 }),
        fc.integer({ min: 3, max: 60 }),
        (steps, survivors) => {
          const rig = new WriteRig();
          let writes = 0;
          rig.disk.beforeWrite = (path) => {
            if (writes++ >= survivors) throw new DiskError('EIO', 'pwrite', path);
          };
          try {
            play(rig, steps);
          } catch (error) {
            expect(error).toBeInstanceOf(DiskError);
          }
          const { end } = rig.recover();
          expect(end.position).toBeGreaterThanOrEqual(rig.committable);
          expect(end.position).toBeLessThanOrEqual(rig.producer.framed);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a batch', () => {
  test('takes all that is published, up to the cap, and counts what it costs', () => {
    const rig = new WriteRig();
    for (let token = 0; token < 10; token++) rig.append(token, 3000);
    rig.publish();
    const sizes: number[] = [];
    for (let size = rig.write(); size > 0; size = rig.write()) sizes.push(size);
    expect(sizes.length).toBeGreaterThan(1);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(BATCH_BYTES_MAX);
    expect(rig.answered).toHaveLength(10);
  });

  test('syncs once, and moves durable only after that', () => {
    const rig = new WriteRig();
    rig.append(0, 100);
    rig.publish();
    const syncs = rig.disk.syncs;
    const { syncData } = rig.disk;
    rig.disk.syncData = (file) => {
      expect(rig.durable.load()).toBe(0);
      syncData.call(rig.disk, file);
    };
    rig.write();
    expect(rig.disk.syncs).toBe(syncs + 1);
    expect(rig.durable.load()).toBe(rig.producer.framed);
  });

  test('leaves zeros behind the end, although main has framed more meanwhile', () => {
    const rig = new WriteRig();
    rig.append(0, 100);
    rig.publish();
    rig.append(1, 100);
    rig.write();
    const end = rig.durable.load();
    expect(rig.producer.framed).toBeGreaterThan(end);
    expect(rig.onDisk(end, end + 1000).every((byte) => byte === 0)).toBe(true);
  });

  test.each(['write', 'sync'])('whose %s fails throws, is not tried again, and answers nobody', (what) => {
    const rig = new WriteRig();
    rig.append(0, 100);
    rig.publish();
    let attempts = 0;
    const fail = (): never => {
      attempts++;
      throw new DiskError('EIO', what, 'chunk');
    };
    if (what === 'write') rig.disk.beforeWrite = fail;
    else rig.disk.syncData = fail;
    expect(() => rig.write()).toThrow(DiskError);
    expect(attempts).toBe(1);
    expect(rig.durable.load()).toBe(0);
    expect(rig.answered).toEqual([]);
  });
});

/** Fills the first chunk, so that the preparer has to make the third. */
function fillFirstChunk(rig: WriteRig): void {
  for (let token = 0; rig.producer.framed < CHUNK_BYTES; token++) rig.append(token, 6000);
  rig.publish();
  while (rig.write() > 0);
}

describe('the preparer', () => {
  test('keeps one chunk ahead of the active one, not more', () => {
    const rig = new WriteRig();
    rig.prepare();
    expect([...rig.disk.files.keys()].sort()).toEqual([
      '/data/chunk-000000.000000',
      '/data/chunk-000001.000000',
    ]);
  });

  test('keeps as many ahead as it is told, and a start finds them empty', () => {
    const rig = new WriteRig(new MemoryDisk(), 3);
    rig.prepare();
    expect(rig.disk.files.size).toBe(4);
    fillFirstChunk(rig);
    rig.prepare();
    expect(rig.disk.files.size).toBe(5);
    const { chunks, activeChunk, end } = rig.recover();
    expect(chunks.length).toBe(5);
    expect(activeChunk).toBe(1);
    expect(end.position).toBe(rig.durable.load());
  });

  test('fills those behind the next one with zeros however full the active chunk is: they have time', () => {
    const rig = new WriteRig(new MemoryDisk(), 2);
    rig.prepare();
    fillFirstChunk(rig);
    while (rig.producer.framed < 2 * CHUNK_BYTES - 8000) rig.append(7, 6000);
    rig.publish();
    while (rig.write() > 0);
    const before = rig.disk.bytesWritten;
    rig.prepare();
    expect(rig.disk.bytesWritten - before).toBeGreaterThan(CHUNK_BYTES);
  });

  test('without space removes what it began, says so, and goes on when there is space again', () => {
    const rig = new WriteRig();
    fillFirstChunk(rig);
    const { allocate } = rig.disk;
    rig.disk.allocate = (file) => {
      expect(file).toBeGreaterThan(0);
      throw new DiskError('ENOSPC', 'fallocate', 'chunk');
    };
    rig.prepare();
    expect(rig.isOutOfSpace).toBe(true);
    expect(rig.preparer.idleMs()).toBeLessThan(1000);
    expect(rig.disk.files.size).toBe(2);
    rig.disk.allocate = allocate;
    rig.prepare();
    expect(rig.isOutOfSpace).toBe(false);
    expect(rig.disk.files.size).toBe(3);
  });

  test('without space for the new name keeps nothing half done, and goes on afterwards', () => {
    const rig = new WriteRig();
    fillFirstChunk(rig);
    const { rename } = rig.disk;
    rig.disk.rename = () => {
      throw new DiskError('ENOSPC', 'rename', 'chunk');
    };
    rig.prepare();
    expect(rig.isOutOfSpace).toBe(true);
    expect(rig.disk.files.size).toBe(2);
    rig.disk.rename = rename;
    rig.prepare();
    expect(rig.isOutOfSpace).toBe(false);
    expect(rig.disk.files.size).toBe(3);
  });

  test('any other failure ends it', () => {
    const rig = new WriteRig();
    fillFirstChunk(rig);
    rig.disk.sync = () => {
      throw new DiskError('EIO', 'fsync', 'chunk');
    };
    expect(() => rig.prepare()).toThrow(DiskError);
  });

  test('when the log gets there first, a chunk is finished at once, its rest merely reserved', () => {
    const rig = new WriteRig();
    let token = 0;
    while (rig.append(token, 500) === 'taken') token++;
    expect(rig.append(token, 500)).toBe('retry');
    rig.publish();
    while (rig.write() > 0);
    const before = rig.disk.bytesWritten;
    while (rig.append(token, 500) === 'retry') rig.preparer.doWork();
    expect(rig.disk.bytesWritten - before).toBeLessThan(CHUNK_BYTES);
  });
});
