/** What a crash leaves of a log that was written without regard to what its Commit records name, and what still is called damage there. */
import { describe, expect, test } from 'vitest';
import type { MemoryDisk } from './memory-disk.js';
import { outcomeOf, repair } from './recovery-outcome.js';
import { chunkPath, SampleLog } from './sample-log.js';

const SECTOR = 512;
const HEADER_BYTES = 4096;

/** Events, each followed by the Commit that names it, as a leader with one client writes them; `from` is where the last batch begins. */
function oneByOne(before: number, inBatch: number): { log: SampleLog; from: number } {
  const log = new SampleLog().epoch();
  for (let i = 0; i < before; i++) log.event(300).commit();
  const from = log.sync().end;
  for (let i = 0; i < inBatch; i++) log.event(300).commit();
  return { log, from };
}

function sectorsFrom(log: SampleLog, from: number): number[] {
  const sectors: number[] = [];
  for (let at = Math.floor(from / SECTOR) * SECTOR; at < log.end; at += SECTOR)
    sectors.push(HEADER_BYTES + at);
  return sectors;
}

/** The batch arrived but for these sectors. */
function without(log: SampleLog, from: number, isMissing: (sector: number) => boolean): MemoryDisk {
  const disk = log.disk();
  const before = log.disk({ end: from }).files.get(chunkPath(0))!;
  for (const [i, at] of sectorsFrom(log, from).entries()) {
    if (isMissing(i)) disk.files.get(chunkPath(0))!.set(before.subarray(at, at + SECTOR), at);
  }
  return disk;
}

describe('a batch of events and of Commits that name them', () => {
  const { log, from } = oneByOne(3, 10);
  const sectors = sectorsFrom(log, from).length;

  test('is torn, whatever of it is missing, if recovery is told from where on; and nothing before it is lost', () => {
    expect(sectors).toBeLessThanOrEqual(11);
    for (let subset = 0; subset < 1 << sectors; subset++) {
      const disk = without(log, from, (sector) => (subset & (1 << sector)) !== 0);
      const outcome = outcomeOf(disk, from);
      if (outcome.kind === 'refused') throw outcome.error;
      expect(outcome.log.end.position).toBeGreaterThanOrEqual(from);
      repair(disk, outcome.log);
    }
  });

  test('looks damaged if recovery is not told, or is told of a later place', () => {
    const disk = without(log, from, (sector) => sector === 1);
    expect(outcomeOf(disk)).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
    const later = log.recordEndBefore(from + 3 * SECTOR);
    expect(outcomeOf(disk, later)).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
    expect(outcomeOf(disk, from).kind).toBe('recovered');
  });
});

describe('damage', () => {
  const { log, from } = oneByOne(10, 10);

  test('before the place where catching up began is damage, though it looks like a tear', () => {
    for (const at of sectorsFrom(log, SECTOR).filter((offset) => offset + SECTOR < HEADER_BYTES + from)) {
      const disk = log.disk();
      disk.files.get(chunkPath(0))!.fill(0, at, at + SECTOR);
      expect(outcomeOf(disk, from)).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
    }
  });

  test('behind it is damage if it does not look like a tear', () => {
    for (let at = HEADER_BYTES + from; at < HEADER_BYTES + log.end; at += 40) {
      const disk = log.disk();
      disk.files.get(chunkPath(0))![at]! ^= 4;
      expect(outcomeOf(disk, from)).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
    }
  });

  test('of a chunk before the last one is damage wherever catching up began', () => {
    const full = new SampleLog().epoch().event(300).commit();
    full.fillChunk().event(300).commit();
    const disk = full.disk();
    disk.files.get(chunkPath(0))!.fill(0, HEADER_BYTES + 4 * SECTOR, HEADER_BYTES + 5 * SECTOR);
    // A sealed chunk is not read at a start; with its footer gone it would be the last one.
    disk.files.get(chunkPath(0))!.fill(0, HEADER_BYTES + 65_536);
    expect(outcomeOf(disk, 0)).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
  });
});
