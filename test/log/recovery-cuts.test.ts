import { describe, expect, test } from 'vitest';
import type { MemoryDisk } from './memory-disk.js';
import { contentOf, outcomeOf, repair } from './recovery-outcome.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from './sample-log.js';

const SECTOR = 512;

interface Batch {
  readonly name: string;
  readonly log: SampleLog;
  /** Where the write in flight begins; all before it is durable. */
  readonly from: number;
  /** Whether the footer of the chunk that it fills was part of the write. */
  readonly footer: boolean;
}

/** Logs whose last batch was in flight when the power went. */
const BATCHES: readonly Batch[] = [
  batch('one event', (log) => log.event(1_500)),
  batch('many small events', (log) => {
    for (let i = 0; i < 12; i++) log.event(i * 7);
  }),
  batch('a commit and transactions', (log) => {
    log
      .commit()
      .transaction([event(300), event(0), event(700)])
      .event(1)
      .transaction([event(500), event(900)]);
  }),
  batch('a transaction that goes on in the next batch', (log) => {
    log.event(900).transaction([event(700), event(900), event(10)], 1);
  }),
  batch('an event of zeros', (log) => {
    log.transaction([{ stream: 's', data: new Uint8Array(2_500) }]);
  }),
  batch('a new epoch', (log) => {
    log.epochNumber++;
    log.epoch().event(2_000).commit(log.batchEnds.at(-1)!);
  }),
  // A batch that reaches the cap ends at a block, in the middle of a record; the next one goes on there.
  {
    ...batch('the rest of an event', (log) => log.event(6_000).commit(log.batchEnds.at(-1)!).event(300)),
    from: 4_096,
  },
  { ...batch('the end of a chunk', fillAlmost), footer: true },
  { ...batch('the end of a chunk, before the footer is written', fillAlmost), footer: false },
];

function batch(name: string, write: (log: SampleLog) => void): Batch {
  const log = new SampleLog().epoch().event(40).commit();
  if (write === fillAlmost)
    while (CHUNK_SIZE - log.end > 2_200) log.event(Math.min(3_000, CHUNK_SIZE - log.end - 2_100));
  const from = log.sync().end;
  write(log);
  return { name, log, from, footer: false };
}

/** A bit more than a thousand bytes of events, and Padding to the end of the chunk. */
function fillAlmost(log: SampleLog): void {
  log.event(400).event(200).fillChunk();
}

function event(dataBytes: number): { stream: string; data: Uint8Array } {
  return { stream: 's', data: new Uint8Array(dataBytes).fill(0xcd) };
}

/** The disk as it was before the batch, to which the sectors that `arrived` says can be given again and again. */
function tearing(batch: Batch): (arrived: (sector: number) => boolean) => MemoryDisk {
  const { log, from, footer } = batch;
  const disk = log.disk({ end: from });
  const target = disk.files.get(chunkPath(0))!;
  const before = target.slice();
  const after = log.disk({ footers: footer ? 'all' : 'not-the-last' }).files.get(chunkPath(0))!;
  const sectors = sectorsOf(batch);
  return (arrived) => {
    for (const [i, at] of sectors.entries()) {
      target.set((arrived(i) ? after : before).subarray(at, at + SECTOR), at);
    }
    return disk;
  };
}

/** File offsets of the sectors that the batch writes and that are not zeros anyway. */
function sectorsOf({ log, from, footer }: Pick<Batch, 'log' | 'from' | 'footer'>): number[] {
  const sectors: number[] = [];
  for (let at = Math.floor(from / SECTOR) * SECTOR; at < log.end; at += SECTOR) sectors.push(4096 + at);
  if (footer) sectors.push(4096 + CHUNK_SIZE, 4096 + CHUNK_SIZE + 4096 - SECTOR);
  return sectors;
}

/** How much of the log's data the disk holds without a gap; all before `from` is there. */
function wholeBytes(disk: MemoryDisk, log: SampleLog, from: number): number {
  const data = disk.files.get(chunkPath(0))!.subarray(4096);
  const { bytes } = log;
  let at = from;
  while (at < bytes.length && bytes[at] === data[at]) at++;
  return at;
}

function expectExactEnd(disk: MemoryDisk, log: SampleLog, from: number): void {
  const outcome = outcomeOf(disk);
  if (outcome.kind === 'refused') throw outcome.error;
  const whole = wholeBytes(disk, log, from);
  const expected = log.endWithoutOpenTransaction(log.recordEndBefore(whole));
  expect(outcome.log.end.position).toBe(expected);
  expect(expected).toBeGreaterThanOrEqual(log.recordEndBefore(from));
}

describe('a write torn at sectors', () => {
  test.each(BATCHES)('never loses what was durable, never refuses to start: $name, every subset', (batch) => {
    const { log, from } = batch;
    const sectors = sectorsOf(batch).length;
    expect(sectors).toBeLessThanOrEqual(11);
    const torn = tearing(batch);
    for (let subset = 0; subset < 1 << sectors; subset++) {
      const disk = torn((sector) => (subset & (1 << sector)) !== 0);
      expectExactEnd(disk, log, from);
    }
  });

  test.each(BATCHES)('is repaired so that the log goes on where it ended: $name', (batch) => {
    const sectors = sectorsOf(batch).length;
    for (let missing = 0; missing < sectors; missing++) {
      const disk = tearing(batch)((sector) => sector !== missing);
      const outcome = outcomeOf(disk);
      if (outcome.kind === 'refused') throw outcome.error;
      repair(disk, outcome.log);
      const { position } = outcome.log.end;
      expect(Buffer.compare(contentOf(disk, outcome.log), batch.log.bytes.subarray(0, position))).toBe(0);
      const clean = batch.log.disk({ end: position });
      expect(disk.differences(clean)).toEqual([]);
    }
  });
});

describe('a write cut at a byte', () => {
  test.each(BATCHES)(
    'ends at the last whole transaction, or is called damage, as no disk does that: $name',
    (batch) => {
      const { log, from } = batch;
      const whole = log.disk({ footers: 'not-the-last' }).files.get(chunkPath(0))!;
      // The Padding is long, and every cut in it is like the one before.
      const last = Math.min(log.end, from + 4_000);
      for (let cut = from; cut <= last; cut++) {
        const disk = log.disk({ end: from });
        disk.files.get(chunkPath(0))!.set(whole.subarray(0, 4096 + cut));
        const outcome = outcomeOf(disk);
        if (outcome.kind === 'refused') {
          expect(outcome.error.code).toBe('log-corrupt');
          expect(cut % SECTOR).not.toBe(0);
          continue;
        }
        const end = log.recordEndBefore(wholeBytes(disk, log, from));
        expect(outcome.log.end.position).toBe(log.endWithoutOpenTransaction(end));
      }
    },
  );
});
