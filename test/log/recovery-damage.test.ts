import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CairnError, ERROR_NUMBERS } from '../../src/base/errors.js';
import type { MemoryDisk } from './memory-disk.js';
import { contentOf, outcomeOf, repair } from './recovery-outcome.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from './sample-log.js';

/** What a batch holds: transactions of events with so many bytes of data, zeros or not. */
const BATCH = fc.array(
  fc.array(fc.record({ bytes: fc.nat(2_000), isZero: fc.boolean() }), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 5 },
);
const BATCHES = fc.array(BATCH, { minLength: 1, maxLength: 12 });

type BatchContent = typeof BATCH extends fc.Arbitrary<infer Content> ? Content : never;

/** Writes batches as a node does: each begins with the Commit of all that was written before. */
function logOf(batches: readonly BatchContent[]): SampleLog {
  const log = new SampleLog().epoch().sync();
  for (const transactions of batches) {
    log.commit();
    for (const events of transactions) {
      log.transaction(
        events.map(({ bytes, isZero }) => ({
          stream: 's',
          data: new Uint8Array(bytes).fill(isZero ? 0 : 0xab),
        })),
      );
    }
    log.sync();
  }
  return log;
}

/** The file offset, in its chunk's file, of a position; and the file. */
function byteAt(disk: MemoryDisk, position: number): { file: Uint8Array; offset: number } {
  const file = disk.files.get(chunkPath(Math.floor(position / CHUNK_SIZE)))!;
  return { file, offset: 4096 + (position % CHUNK_SIZE) };
}

function expectCorrupt(action: () => unknown): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CairnError);
  expect((thrown as CairnError).code).toBe('log-corrupt');
}

/** Changes to bytes at fractions of a range. */
const FLIPS = fc.array(
  fc.tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.integer({ min: 1, max: 255 })),
  {
    minLength: 1,
    maxLength: 20,
  },
);

describe('damage to what was committed', () => {
  test('by flipped bytes is always noticed, and never makes the log shorter', () => {
    fc.assert(
      fc.property(BATCHES, FLIPS, (batches, flips) => {
        const log = logOf(batches);
        const committed = log.end;
        log.commit();
        const disk = log.disk();
        const activeStart = Math.floor(log.records.at(-1)!.position / CHUNK_SIZE) * CHUNK_SIZE;
        const original = disk.clone();
        for (const [fraction, change] of flips) {
          const { file, offset } = byteAt(disk, Math.floor(fraction * committed));
          file[offset]! ^= change;
        }
        if (disk.differences(original).length === 0) return;
        const isInActive = disk.differences(original).includes(chunkPath(activeStart / CHUNK_SIZE));
        const outcome = outcomeOf(disk);
        if (isInActive) expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
        if (outcome.kind === 'refused') return;
        // Recovery doesn't read sealed chunks; reading them does notice.
        expect(outcome.log.end.position).toBe(log.end);
        expectCorrupt(() => contentOf(disk, outcome.log));
      }),
      { numRuns: 300 },
    );
  });

  test('by sectors that are zeros again is always noticed, and never makes the log shorter', () => {
    fc.assert(
      fc.property(BATCHES, fc.array(fc.nat(200), { minLength: 1, maxLength: 6 }), (batches, sectors) => {
        const log = logOf(batches);
        const committed = log.end;
        log.commit();
        const disk = log.disk();
        const original = disk.clone();
        for (const sector of sectors) {
          const from = sector * 512;
          if (from + 512 > committed) continue;
          const { file, offset } = byteAt(disk, from);
          file.fill(0, offset, offset + 512);
        }
        const outcome = outcomeOf(disk);
        const damaged = disk.differences(original);
        const last = log.records.at(-1)!.position;
        if (damaged.includes(chunkPath(Math.floor(last / CHUNK_SIZE)))) {
          expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
        }
        if (outcome.kind === 'recovered') expect(outcome.log.end.position).toBe(log.end);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a tear of the last batch', () => {
  test('ends the log exactly at the last whole transaction, whatever the batches hold', () => {
    fc.assert(
      fc.property(BATCHES, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (batches, arrived) => {
        const log = logOf(batches);
        const lastChunkStart = Math.floor((log.end - 1) / CHUNK_SIZE) * CHUNK_SIZE;
        // A batch that crosses chunks is written as one per chunk.
        const from = Math.max(lastChunkStart, log.batchEnds.at(-2)!);
        const disk = log.disk({ end: from, prepared: 2 });
        const data = log.bytes;
        for (let at = from - (from % 512), i = 0; at < log.end; at += 512, i++) {
          if (arrived[i % arrived.length] !== true) continue;
          const { file, offset } = byteAt(disk, at);
          file.set(data.subarray(at, Math.min(at + 512, lastChunkStart + CHUNK_SIZE)), offset);
        }
        let whole = from;
        for (; whole < log.end; whole++) {
          const { file, offset } = byteAt(disk, whole);
          if (file[offset] !== data[whole]) break;
        }
        const expected = log.endWithoutOpenTransaction(log.recordEndBefore(whole));
        const outcome = outcomeOf(disk);
        if (outcome.kind === 'refused') throw outcome.error;
        expect(outcome.log.end.position).toBe(expected);
        repair(disk, outcome.log);
        expect(Buffer.compare(contentOf(disk, outcome.log), data.subarray(0, expected))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('anything else in the files', () => {
  /** Whatever recovery says of it: the error is a known one, and what it calls the log is valid to the last byte. */
  function expectSane(disk: MemoryDisk): void {
    const outcome = outcomeOf(disk);
    if (outcome.kind === 'refused') {
      expect(Object.keys(ERROR_NUMBERS)).toContain(outcome.error.code);
      return;
    }
    // A sealed chunk that was damaged is noticed by whoever reads it.
    try {
      expect(contentOf(disk, outcome.log).length).toBe(outcome.log.end.position);
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      expect(error.code).toBe('log-corrupt');
      expect(outcome.log.end.position).toBeGreaterThanOrEqual(CHUNK_SIZE);
    }
    repair(disk, outcome.log);
  }

  test('is refused, or cut off where the valid records end: random bytes', () => {
    const content = fc.uint8Array({ maxLength: 5_000 });
    fc.assert(
      fc.property(BATCHES, content, fc.nat(CHUNK_SIZE * 2), (batches, garbage, where) => {
        const disk = logOf(batches).disk();
        const { file, offset } = byteAt(disk, Math.min(where, 2 * CHUNK_SIZE - 1));
        file.set(garbage.subarray(0, file.length - offset), offset);
        expectSane(disk);
      }),
      { numRuns: 200 },
    );
  });

  test('is refused, or cut off where the valid records end: parts of the log in the wrong places', () => {
    const place = fc.double({ min: 0, max: 0.99, noNaN: true });
    const moves = fc.array(fc.record({ from: place, to: place, length: fc.nat(3_000) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(BATCHES, moves, (batches, parts) => {
        const log = logOf(batches);
        const disk = log.disk();
        for (const { from, to, length } of parts) {
          const source = byteAt(disk, Math.floor(from * log.end));
          const target = byteAt(disk, Math.floor((to * log.end) / 8) * 8);
          const part = source.file.slice(source.offset, source.offset + length);
          target.file.set(part.subarray(0, target.file.length - target.offset), target.offset);
        }
        expectSane(disk);
      }),
      { numRuns: 200 },
    );
  });

  test('is refused: a whole file of random bytes, short, long or empty', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.nat(1), (garbage, number) => {
        const disk = logOf([[[{ bytes: 10, isZero: false }]]]).disk();
        disk.files.set(chunkPath(number), garbage);
        const outcome = outcomeOf(disk);
        expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'log-corrupt' } });
      }),
      { numRuns: 50 },
    );
  });
});
