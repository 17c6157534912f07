import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Configuration } from '../../../src/cluster/configuration.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { batchLength } from '../../../src/log/write-batches.js';
import { NodeLog } from '../../../src/sim/disk/node-log.js';
import { SimulatedDisk } from '../../../src/sim/disk/simulated-disk.js';
import { RecordBuilder } from '../../../src/sim/node/record-bytes.js';
import { Random } from '../../../src/sim/random.js';

const FOLDER = '/data';
const CHUNK_SIZE = 65_536;

function newLog(seed = 1) {
  const random = new Random(seed);
  const disk = new SimulatedDisk(random.fork());
  const newId = () => random.uuid();
  const log = NodeLog.create(disk, kernel, FOLDER, { logId: random.uuid(), chunkSize: CHUNK_SIZE, newId });
  return { random, disk, log, newId, builder: builderOf(log) };
}

function builderOf(log: NodeLog): RecordBuilder {
  const { end, chunkSize, lastTimestampUs } = log;
  return new RecordBuilder(kernel, { end, chunkSize, timestampUs: lastTimestampUs });
}

function event(random: Random, dataBytes: number) {
  const data = new Uint8Array(dataBytes).map(() => 1 + random.below(255));
  return { stream: 'orders', type: 'placed', eventId: random.uuid(), revision: 0, data };
}

/** Writes as a driver does: batch by batch, with a sync between. */
function writeInBatches(log: NodeLog, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const length = batchLength(bytes, at, bytes.length - at, log.durable);
    if (length > 0) log.write(bytes.subarray(at, at + length));
    log.sync();
    at += length;
  }
}

describe('a simulated log', () => {
  test('recovers what was synced, with its history, after the power went', () => {
    const { random, disk, log, newId, builder } = newLog();
    const configuration: Configuration = {
      version: 1,
      clusterSize: 1,
      members: [{ id: random.uuid(), name: 'a:1', role: 'voter', zone: '' }],
    };
    const epoch = builder.appendEpoch(3, random.uuid());
    const membership = builder.appendMembership(configuration);
    const events = builder.appendPrepares([event(random, 100), event(random, 60_000)], 7, 3);
    const commit = builder.appendCommit(events.end.position);
    const later = builder.appendPrepares([event(random, 20_000), event(random, 60_000)], 8, 4);
    for (const { bytes } of [epoch, membership, events]) log.write(bytes);
    log.sync();
    log.write(commit.bytes);
    log.write(later.bytes);
    expect(log.sync()).toBe(later.end.position);
    disk.crash(random, 'lose-all');
    const recovered = NodeLog.recover(disk, kernel, FOLDER, { newId })!;
    expect(recovered.end).toEqual(builder.end);
    expect(recovered.start).toEqual({
      end: builder.end,
      epochs: [
        { epoch: 3, position: 0 },
        // Where its first record is, whatever that may be.
        { epoch: 4, position: commit.end.position },
      ],
      configurations: [{ position: membership.position, end: membership.end.position, configuration }],
      committed: events.end.position,
    });
    expect(recovered.lastTimestampUs).toBe(8);
    expect(recovered.read(0, recovered.end.position)).toEqual(log.read(0, log.end.position));
    expect(recovered.readFromDisk(0, recovered.end.position)).toEqual(log.read(0, log.end.position));
    expect(recovered.logId).toBe(log.logId);
    const next = builderOf(recovered).appendCommit(later.end.position);
    recovered.write(next.bytes);
    recovered.sync();
    expect(disk.openCount).toBe(1);
    recovered.close();
    expect(disk.openCount).toBe(0);
  });

  test('loses nothing durable and no more than whole records in any crash, again and again', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { random, disk, newId, ...first } = newLog(seed);
        let log = first.log;
        let epoch = 1;
        for (let round = 0; round < 6; round++) {
          const builder = builderOf(log);
          writeInBatches(log, builder.appendEpoch(epoch, random.uuid()).bytes);
          writeSome(log, builder, { random, epoch });
          const durable = log.durable;
          const before = log.read(0, log.end.position);
          disk.crash(random, random.pick(['lose-all', 'torn', 'torn', 'keep-all']));
          log = NodeLog.recover(disk, kernel, FOLDER, { newId })!;
          expect(log.end.position).toBeGreaterThanOrEqual(durable);
          expect(log.end.position).toBeLessThanOrEqual(before.length);
          expect(
            Buffer.compare(log.readFromDisk(0, log.end.position), before.subarray(0, log.end.position)),
          ).toBe(0);
          epoch++;
        }
      }),
      { numRuns: 60 },
    );
  });

  test('refuses a Commit in one batch with what it names', () => {
    const { random, log, builder } = newLog();
    const events = builder.appendPrepares([event(random, 10)], 1, 1);
    const commit = builder.appendCommit(events.end.position);
    log.write(events.bytes);
    expect(() => log.write(commit.bytes)).toThrow('a Commit is never in one batch');
    log.sync();
    log.write(commit.bytes);
  });

  test('is cut, and goes on from there', () => {
    const { random, disk, log, newId, builder } = newLog();
    writeInBatches(log, builder.appendEpoch(1, random.uuid()).bytes);
    const cut = builder.end;
    for (let i = 0; i < 5; i++)
      writeInBatches(log, builder.appendPrepares([event(random, 40_000)], i, 1).bytes);
    expect(log.truncate(cut.position)).toMatchObject({
      kind: 'truncated',
      end: cut,
      recordsInActiveChunk: 1,
    });
    expect(log.end).toEqual(cut);
    const other = builderOf(log);
    writeInBatches(log, other.appendEpoch(2, random.uuid()).bytes);
    for (let i = 0; i < 3; i++)
      writeInBatches(log, other.appendPrepares([event(random, 50_000)], i, 2).bytes);
    disk.crash(random, 'lose-all');
    const recovered = NodeLog.recover(disk, kernel, FOLDER, { newId })!;
    expect(recovered.end).toEqual(other.end);
    expect(recovered.start.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('says when the disk is full, changes nothing, and goes on when there is space', () => {
    const { random, disk, log, builder } = newLog();
    disk.spaceBytes = disk.usedBytes;
    expect(log.makeRoom(log.end.position + 8)).toBe(true);
    const events = builder.appendPrepares([event(random, 60_000), event(random, 60_000)], 1, 1);
    expect(() => log.write(events.bytes)).toThrow('ENOSPC');
    expect(log.end.position).toBe(0);
    expect(disk.paths()).toHaveLength(1);
    disk.spaceBytes = Number.POSITIVE_INFINITY;
    log.write(events.bytes);
    expect(log.sync()).toBe(events.end.position);
  });

  test('gives whole records up to a limit, and one at least', () => {
    const { random, log, builder } = newLog();
    const ends = [1, 2, 3].map((i) => {
      const { bytes, end } = builder.appendPrepares([event(random, i * 100)], i, 1);
      log.write(bytes);
      return end.position;
    });
    expect(log.rangeEnd(0, 8)).toBe(ends[0]);
    expect(log.rangeEnd(0, ends[1]!)).toBe(ends[1]);
    expect(log.rangeEnd(0, ends[2]! - 8)).toBe(ends[1]);
    expect(log.rangeEnd(ends[0]!, 1_000_000)).toBe(ends[2]);
    expect(() => log.rangeEnd(8, 100)).toThrow('a record begins here');
  });
});

/** Transactions and Commits, some of them not synced in the end. */
function writeSome(
  log: NodeLog,
  builder: RecordBuilder,
  { random, epoch }: { random: Random; epoch: number },
): void {
  const count = random.below(12);
  for (let i = 0; i < count; i++) {
    const sizes = Array.from({ length: random.between(1, 3) }, () =>
      random.below(random.pick([50, 3_000, 60_000])),
    );
    const events = sizes.map((size) => event(random, size));
    log.write(builder.appendPrepares(events, i, epoch).bytes);
    if (random.chance(0.4)) log.sync();
    if (random.chance(0.3)) log.write(builder.appendCommit(log.durable).bytes);
  }
}
