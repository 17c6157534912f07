import { describe, expect, test } from 'vitest';
import { readU64 } from '../../src/base/bytes.js';
import { eventIdsFileName, loadManifest, segmentFileName } from '../../src/index/manifest.js';
import { PAGE_BYTES, PAYLOAD_BYTES } from '../../src/index/page.js';
import type { BuildJob } from '../../src/indexer/jobs.js';
import { Random } from '../../src/sim/random.js';
import { weakHash } from '../index/segments.js';
import { CHUNK_BYTES, INDEX, IndexRig } from './index-rig.js';

/** docs/formats.md, "Segments". */
const DECIDED_AT = 56;

describe('a lasting index', () => {
  test('has a segment for each sealed chunk, merged to few, and answers from them after a restart', async () => {
    const rig = new IndexRig();
    rig.start();
    for (let i = 0; i < 14; i++) {
      rig.fill(350);
      rig.settle();
    }
    await rig.expectAll();
    rig.expectSnapshot();
    rig.stop();
    const manifest = loadManifest(rig.disk, INDEX);
    if (typeof manifest === 'string') expect.fail(manifest);
    expect(manifest.segments.at(-1)!.lastChunk).toBe(Math.floor(rig.sample.end / CHUNK_BYTES) - 1);
    expect(manifest.segments.length).toBeLessThan(8);
    expect(rig.disk.list(INDEX)).toHaveLength(1 + manifest.segments.length + manifest.eventIds.length);
    rig.start();
    await rig.expectAll();
    rig.expectSnapshot();
    expect(rig.noted()).toEqual([]);
    rig.stop();
    expect(rig.disk.openCount).toBe(0);
  });

  test('reads only the end of the log at a start: what has a segment is not read again', () => {
    const rig = new IndexRig();
    rig.start();
    rig.fill(4_000);
    rig.settle();
    rig.stop();
    // Recovery reads the active chunk; the index as much again, and of each segment its header and what tells its log.
    const before = rig.disk.bytesRead;
    rig.start();
    const recovering = rig.disk.bytesRead - before;
    rig.work();
    expect(rig.reports.at(-1)).toEqual({ kind: 'ready' });
    const chunks = Math.floor(rig.sample.end / CHUNK_BYTES);
    expect(chunks).toBeGreaterThan(10);
    expect(rig.disk.bytesRead - before - recovering).toBeLessThan(2 * CHUNK_BYTES);
  });

  test('is made for a folder from before there was one, before anybody is answered', async () => {
    for (const events of [0, 200, 1_500, 6_000]) {
      const rig = new IndexRig();
      rig.fill(events);
      rig.start();
      rig.work();
      expect([events, rig.reports.some(({ kind }) => kind === 'ready')]).toEqual([events, events < 6_000]);
      rig.settle();
      expect(rig.reports.at(-1)).toEqual({ kind: 'ready' });
      await rig.expectAll();
      rig.expectSnapshot();
    }
  });

  test('goes on without segments as long as there is room in memory, and then waits', async () => {
    const rig = new IndexRig();
    rig.start();
    rig.disk.spaceBytes = 0;
    // Only the index meets the full disk here.
    const grow = (events: number) => {
      rig.disk.spaceBytes = Number.POSITIVE_INFINITY;
      rig.fill(events);
      rig.disk.spaceBytes = 0;
      rig.work();
      rig.runJob();
      rig.work();
    };
    for (let i = 0; i < 5; i++) grow(300);
    await rig.expectAll();
    for (let i = 0; i < 6; i++) grow(300);
    expect(rig.indexed).toBe(8 * CHUNK_BYTES);
    rig.disk.spaceBytes = Number.POSITIVE_INFINITY;
    rig.settle();
    await rig.expectAll();
    rig.expectSnapshot();
  });

  test('does not show what is not known to be committed after a restart, though it once was', async () => {
    const rig = new IndexRig();
    rig.start();
    rig.fill(1_000);
    rig.settle();
    const mark = rig.mark();
    rig.fill(400);
    rig.settle();
    rig.stop();
    expect(Math.floor(rig.sample.end / CHUNK_BYTES)).toBeGreaterThan(
      Math.floor(mark.chain.position / CHUNK_BYTES),
    );
    rig.start(mark);
    await rig.expectAll();
    rig.expectSnapshot();
    expect(rig.events.length).toBe(1_000);
    rig.advance();
    rig.settle();
    await rig.expectAll();
    rig.expectSnapshot();
    expect(rig.events.length).toBe(1_400);
  });
});

describe('the segment of a chunk', () => {
  test.each([40, 300, 100_000])(
    'is the same from memory as from the log, with event ids of the last %i',
    (eventIds) => {
      const random = new Random(eventIds);
      const rig = new IndexRig({ eventIds });
      rig.start();
      let built = 0;
      let crossed = 0;
      for (let i = 0; i < 60; i++) {
        const transaction = Array.from({ length: random.between(1, 40) }, () => ({
          stream: `s${random.below(30)}`,
          dataBytes: random.below(900),
        }));
        rig.append(transaction, random.below(8) === 0);
        rig.advance();
        rig.work();
        const { job } = rig;
        if (job?.kind === 'build') {
          expect(job.memory).toBeDefined();
          rig.carryOut(job);
          const fromMemory = filesOf(rig, job);
          rig.carryOut({ ...job, memory: undefined });
          const fromLog = filesOf(rig, job);
          expect(fromMemory.segment.rest).toEqual(fromLog.segment.rest);
          expect(fromMemory.eventIds).toEqual(fromLog.eventIds);
          // The log is read in runs, so whoever reads it may have read on.
          expect(fromMemory.segment.decided).toBeLessThanOrEqual(fromLog.segment.decided);
          expect(fromMemory.segment.decided).toBeGreaterThanOrEqual((job.chunk + 1) * CHUNK_BYTES);
          if (fromMemory.segment.decided > (job.chunk + 1) * CHUNK_BYTES) crossed++;
          built++;
        }
        rig.settle();
      }
      expect([built > 5, crossed > 0]).toEqual([true, true]);
    },
  );
});

/** The files that a job has made; in the header of a segment `decided` aside, and so the page's checksum. */
function filesOf(rig: IndexRig, { file, eventIds }: BuildJob) {
  const bytes = rig.contentOf(segmentFileName(file));
  const decided = readU64(new DataView(bytes.buffer), DECIDED_AT);
  bytes.fill(0, DECIDED_AT, DECIDED_AT + 8).fill(0, PAYLOAD_BYTES, PAGE_BYTES);
  const ids = eventIds > 0 ? rig.contentOf(eventIdsFileName(file)) : undefined;
  return { segment: { rest: bytes, decided }, eventIds: ids };
}

describe('damage to the index', () => {
  test('anywhere in any of its files gives no wrong answer, and is mended from the log while it serves', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const rig = new IndexRig({ seed });
      rig.start();
      rig.fill(1_500);
      rig.settle();
      for (let round = 0; round < 3; round++) {
        for (let flips = 0; flips < 3; flips++) rig.disk.flipRandomBit((path) => path.startsWith(INDEX));
        if (round === 1) {
          rig.stop();
          rig.start();
        }
        await rig.expectAll();
        rig.expectSnapshot();
        rig.settle();
      }
      rig.stop();
      expect(rig.disk.openCount).toBe(0);
    }
  });

  test('is met by queries, which wait for that chunk alone; others are answered meanwhile', async () => {
    const rig = new IndexRig();
    rig.start();
    rig.fill(1_500, 400);
    rig.settle();
    rig.stop();
    rig.start();
    rig.work();
    const manifest = loadManifest(rig.disk, INDEX);
    if (typeof manifest === 'string') expect.fail(manifest);
    const path = `${INDEX}/segment-${String(manifest.segments[0]!.file).padStart(8, '0')}`;
    // In the events of the first stream: the directory is whole.
    rig.disk.flipBit(path, 4096 + 3, 1);
    let waiting = 0;
    for (const [stream, events] of rig.streams) {
      let isAnswered = false;
      const answer = rig.ask(stream, 'forwards', 0).then((runs) => {
        isAnswered = true;
        return runs;
      });
      // The rig carries out a job only when a query can't be answered without.
      await Promise.resolve();
      if (!isAnswered) waiting++;
      expect((await answer).head).toBe(events.length - 1);
    }
    expect(waiting).toBeGreaterThan(0);
    await rig.expectAll();
    expect(rig.noted()).toHaveLength(1);
  });

  test('of a missing, foreign or outdated file costs only its own chunks', async () => {
    const rig = new IndexRig();
    rig.start();
    rig.fill(3_000);
    rig.settle();
    rig.stop();
    const names = rig.disk.list(INDEX).filter((name) => name.startsWith('segment-'));
    rig.disk.unlink(`${INDEX}/${names[0]}`);
    rig.start();
    rig.settle();
    await rig.expectAll();
    expect(rig.noted()).toHaveLength(1);
    rig.stop();
    rig.disk.unlink(`${INDEX}/manifest`);
    rig.start();
    rig.settle();
    await rig.expectAll();
    rig.expectSnapshot();
  });
});

describe('a kill', () => {
  test('at any change that the index makes to the disk leaves an index that answers right', async () => {
    let changes = 1;
    for (let at = 0; at < changes; at += 2) {
      const rig = new IndexRig({ seed: at + 1 });
      const random = new Random(at + 100);
      rig.start();
      let seen = 0;
      rig.disk.beforeChange = (_, path) => {
        if (path.startsWith(INDEX) && seen++ === at) throw new Error('killed');
      };
      try {
        rig.fill(1_300);
        rig.settle();
        changes = seen;
      } catch (error) {
        expect((error as Error).message).toBe('killed');
        changes = at + 3;
        rig.kill(random.pick(['lose-all', 'keep-all', 'torn'] as const), random);
        rig.advance();
        rig.start();
      }
      rig.settle();
      await rig.expectAll();
      rig.expectSnapshot();
      expect(rig.noted().filter((note) => note.includes('damaged'))).toEqual([]);
    }
    expect(changes).toBeGreaterThan(30);
  });
});

describe('random histories of appends, restarts, kills and damage', () => {
  test.each([false, true])('are answered as the model says; with a weak hash: %s', async (isWeak) => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed, isWeak ? 1 : 0);
      const hasMetadata = seed % 2 === 0;
      const rig = new IndexRig({
        seed,
        eventIds: random.pick([1, 64, 1024]),
        ...(isWeak ? { hash: weakHash } : {}),
      });
      rig.start();
      for (let step = 0; step < 25; step++) {
        await randomStep(rig, random, hasMetadata);
        if (random.chance(0.3)) await rig.expectAll();
        if (random.chance(0.2)) rig.expectSnapshot();
      }
      await rig.expectAll();
      rig.expectSnapshot();
    }
  });
});

async function randomStep(rig: IndexRig, random: Random, hasMetadata: boolean): Promise<void> {
  const roll = random.below(10);
  if (roll < 4) {
    for (let i = random.between(1, 30); i > 0; i--) {
      const events = Array.from({ length: random.pick([1, 1, 2, 5, 20]) }, () => ({
        stream: `${hasMetadata && random.chance(0.1) ? '$$' : ''}s${random.below(random.pick([3, 40]))}`,
        dataBytes: random.pick([0, 100, 1000, 9000]),
      }));
      rig.append(events, random.chance(0.05));
    }
    rig.advance();
    rig.work();
  } else if (roll < 7) {
    for (let i = random.between(1, 5); i > 0 && rig.runJob(); i--) rig.work();
  } else if (roll < 8) {
    rig.stop();
    rig.start();
  } else if (roll < 9) {
    rig.kill(random.pick(['lose-all', 'keep-all', 'torn'] as const), random);
    rig.start();
  } else {
    rig.disk.flipRandomBit((path) => path.startsWith(INDEX));
  }
}
