/**
 * The cut of a log, interrupted before each of its writes and syncs, with many subsets of the sectors in flight: what recovery then finds
 * is the log up to the end of some record, never shorter than the cut, and cutting again completes.
 */
import { describe, expect, test } from 'vitest';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { recoverLog } from '../../src/log/recovery.js';
import { truncateLog } from '../../src/log/truncation.js';
import type { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';
import { naiveRemoved } from './naive-records.js';
import { CHUNK_SIZE, chunkPath, FOLDER, SampleLog } from './sample-log.js';
import { simulatedDisk } from './simulated-sample.js';

/** Subsets of sectors tried for each place where the power goes. */
const TEARS = 15;

interface Cut {
  readonly name: string;
  readonly log: SampleLog;
  readonly to: number;
  /** Operations that change the disk, so that a change of the order is noticed. */
  readonly operations: readonly string[];
}

const FOOTER_AND_DATA = ['write', 'sync', 'write', 'sync'];
const DATA = ['write', 'sync'];
/** The cut lies in a block, of which the rest is cleared first. */
const PART_AND_DATA = ['write', 'write', 'sync'];

const CUTS: readonly Cut[] = [
  cut('one event', ['write', 'sync'], (log) => log.event(300)),
  cut('one long event', PART_AND_DATA, (log) => log.event(9_000)),
  cut('many small events and Commits', PART_AND_DATA, (log) => {
    const to = log.end;
    for (let i = 0; i < 80; i++) log.event(i * 3).commit(Math.min(to, log.end));
  }),
  cut('an event of zeros', PART_AND_DATA, (log) => {
    log
      .event(10)
      .transaction([{ stream: 's', data: new Uint8Array(6_000) }])
      .event(10);
  }),
  cut('a new epoch and transactions', PART_AND_DATA, (log) => {
    log.epochNumber++;
    log.epoch();
    for (let i = 0; i < 4; i++) log.transaction([event(900), event(1_700), event(0)]);
  }),
  cut('all of a chunk, up to its end', ['write', 'sync', ...PART_AND_DATA], (log) =>
    log.event(1_000).fillChunk(),
  ),
  cut('two chunks', [...DATA, ...['write', 'sync'], ...PART_AND_DATA], (log) => log.fillChunk().event(700)),
  cut(
    'three chunks and a transaction over their ends',
    [...DATA, ...FOOTER_AND_DATA, 'write', 'sync', ...PART_AND_DATA],
    (log) => {
      log
        .event(40_000)
        .transaction([event(15_000), event(20_000), event(20_000), event(20_000), event(1_000)]);
      log.event(30_000).event(4_000);
    },
  ),
  cutAtChunkStart('a chunk and a bit, from a chunk’s start', [...DATA, ...FOOTER_AND_DATA], (log) => {
    log.event(5_000).fillChunk().event(100);
  }),
  cutAtChunkStart('the first record of a chunk', DATA, (log) => log.event(100)),
];

function cut(name: string, operations: readonly string[], write: (log: SampleLog) => void): Cut {
  const log = new SampleLog().epoch().event(40).commit().event(700);
  const to = log.sync().end;
  write(log);
  return { name, log: log.sync(), to, operations };
}

function cutAtChunkStart(name: string, operations: readonly string[], write: (log: SampleLog) => void): Cut {
  const log = new SampleLog().epoch().event(40).commit().fillChunk();
  const to = log.end;
  write(log);
  return { name, log: log.sync(), to, operations };
}

function event(dataBytes: number) {
  return { stream: 's', data: new Uint8Array(dataBytes).fill(0xcd) };
}

function truncate(disk: SimulatedDisk, end: number, to: number) {
  const chunks = Array.from({ length: Math.ceil(end / CHUNK_SIZE) + 1 }, (_, i) => ({ path: chunkPath(i) }));
  return truncateLog({ disk, kernel, chunks, chunkSize: CHUNK_SIZE, end, to });
}

class PowerCut extends Error {}

/** Runs `act` up to its operation number `count`, then the power goes. Returns whether `act` came to its end. */
function interrupted(disk: SimulatedDisk, random: Random, count: number, act: () => void): boolean {
  let operation = 0;
  disk.beforeChange = () => {
    if (operation++ === count) throw new PowerCut();
  };
  let isDone = false;
  try {
    act();
    isDone = true;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  disk.beforeChange = undefined;
  disk.crash(random, 'torn');
  return isDone;
}

/** All bytes of the log's data on this disk. */
function dataOf(disk: SimulatedDisk, log: SampleLog): Buffer {
  const count = Math.ceil(log.end / CHUNK_SIZE);
  const parts = Array.from({ length: count }, (_, i) =>
    disk.contentOf(chunkPath(i)).subarray(4096, 4096 + CHUNK_SIZE),
  );
  return Buffer.concat(parts);
}

function expectPrefix(disk: SimulatedDisk, log: SampleLog, end: number): void {
  const data = dataOf(disk, log);
  expect(Buffer.compare(data.subarray(0, end), log.bytes.subarray(0, end))).toBe(0);
  expect(data.subarray(end).every((byte) => byte === 0)).toBe(true);
}

describe.each(CUTS)('cutting $name', ({ log, to, operations }) => {
  const end = log.end;
  const ends = log.records.map((record) => record.position + record.bytes.length);
  const allowed = new Set(
    ends.filter((position) => position >= to).map((position) => log.endWithoutOpenTransaction(position)),
  );

  test('leaves the log before the cut, and zeros', () => {
    const disk = simulatedDisk(log);
    const done: string[] = [];
    disk.beforeChange = (operation) => done.push(operation);
    const truncation = truncate(disk, end, to);
    expect(done).toEqual(operations);
    expect(disk.openCount).toBe(0);
    expectPrefix(disk, log, to);
    disk.crash(new Random(1), 'lose-all');
    const recovered = recoverLog({ disk, kernel, folder: FOLDER });
    expect(recovered).toMatchObject({ kind: 'log', torn: undefined, needsFooter: undefined });
    expect(recovered).toMatchObject({ end: { position: to } });
    const {
      end: newEnd,
      recordsInActiveChunk,
      lastTimestampUs,
    } = recovered as typeof recovered & { kind: 'log' };
    expect(truncation).toEqual({ kind: 'truncated', end: newEnd, recordsInActiveChunk, lastTimestampUs });
  });

  test('can be interrupted anywhere, and again while the log is repaired', () => {
    const random = new Random(end * 1000 + to);
    const whole = simulatedDisk(log);
    let isDone = false;
    for (let count = 0; !isDone; count++) {
      for (let tear = 0; tear < TEARS; tear++) {
        const disk = whole.clone(random);
        isDone = interrupted(disk, random, count, () => truncate(disk, end, to));
        if (isDone) break;
        if (tear % 2 === 0)
          interrupted(disk, random, random.below(6), () => recoverFolder(disk, kernel, FOLDER));
        const found = recoverFolder(disk, kernel, FOLDER)!.end.position;
        expect(allowed).toContain(found);
        expectPrefix(disk, log, found);
        expect(truncate(disk, found, to)).toMatchObject({ kind: 'truncated', end: { position: to } });
        expectPrefix(disk, log, to);
      }
    }
  });
});

describe('a cut', () => {
  test('behind a Removed record is gone on from as from the one that it stands for', () => {
    const log = new SampleLog().epoch();
    for (let i = 0; i < 5; i++) log.event(100).sync();
    const last = log.records.pop()!;
    log.records.push(naiveRemoved(last));
    const to = log.end;
    log.event(100).event(200).sync();
    const disk = simulatedDisk(log);
    const chain = last.bytes.readUInt32LE(0);
    expect(truncate(disk, log.end, to)).toMatchObject({ kind: 'truncated', end: { position: to, chain } });
    expect(recoverLog({ disk, kernel, folder: FOLDER })).toMatchObject({ end: { position: to, chain } });
  });

  test('at the end of the log changes nothing', () => {
    const log = new SampleLog().epoch().event(40).event(50).sync();
    const disk = simulatedDisk(log);
    expect(truncate(disk, log.end, log.end)).toMatchObject({ kind: 'truncated', end: { position: log.end } });
    expectPrefix(disk, log, log.end);
  });

  test('at the beginning empties the log', () => {
    const log = new SampleLog().epoch().event(40).fillChunk().event(50).sync();
    const disk = simulatedDisk(log);
    expect(truncate(disk, log.end, 0)).toEqual({
      kind: 'truncated',
      end: { position: 0, chain: 0, previousLength: 0, epoch: 0 },
      recordsInActiveChunk: 0,
      lastTimestampUs: 0,
    });
    expectPrefix(disk, log, 0);
    expect(recoverLog({ disk, kernel, folder: FOLDER })).toMatchObject({ kind: 'log', end: { position: 0 } });
  });

  test('is refused where a Commit behind it calls something behind it committed', () => {
    const log = new SampleLog().epoch().event(40).sync();
    const to = log.end;
    log.event(100).fillChunk().event(10);
    const committed = log.records.find(({ position }) => position > to)!.position;
    const position = log.end;
    log.commit(committed).event(10).sync();
    const disk = simulatedDisk(log);
    expect(truncate(disk, log.end, to)).toEqual({ kind: 'refused', position, committed });
    expectPrefix(disk, log, log.end);
    expect(disk.openCount).toBe(0);
  });

  test('in the middle of a record is a bug, and changes nothing', () => {
    const log = new SampleLog().epoch().event(40).event(500).sync();
    const disk = simulatedDisk(log);
    expect(() => truncate(disk, log.end, log.end - 64)).toThrow('cut at the start of a record');
    expectPrefix(disk, log, log.end);
  });

  test('changes nothing in a log that is damaged', () => {
    const log = new SampleLog().epoch().event(40).event(500).event(500).sync();
    const disk = simulatedDisk(log);
    disk.flipBit(chunkPath(0), 4096 + log.end - 100);
    expect(() => truncate(disk, log.end, log.records[1]!.position)).toThrow('the log is damaged');
    expect(disk.openCount).toBe(0);
  });

  test('within a transaction is recovered to where the transaction began', () => {
    const log = new SampleLog().epoch().event(40).sync();
    const begin = log.end;
    log
      .transaction([event(700), event(300), event(900)])
      .event(2_000)
      .sync();
    const to = log.records.at(-3)!.position;
    const disk = simulatedDisk(log);
    expect(truncate(disk, log.end, to)).toMatchObject({ end: { position: to } });
    expect(recoverFolder(disk, kernel, FOLDER)!.end.position).toBe(begin);
  });
});
