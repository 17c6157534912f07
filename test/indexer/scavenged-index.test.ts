/** An index of a log of which a scavenge has removed events: with gaps, before and after its segments are made anew. */
import { describe, expect, test } from 'vitest';
import { loadManifest } from '../../src/index/manifest.js';
import { Random } from '../../src/sim/random.js';
import { INDEX, IndexRig } from './index-rig.js';

/** A log of some 25 chunks with segments, the older ones merged. */
function grown(seed = 1, streams = 30): IndexRig {
  const rig = new IndexRig({ seed });
  rig.start();
  for (let i = 0; i < 8; i++) {
    rig.fill(900, streams);
    rig.settle();
  }
  return rig;
}

function segmentsOf(rig: IndexRig): { first: number; last: number; bytes: number }[] {
  const manifest = loadManifest(rig.disk, INDEX);
  if (typeof manifest === 'string') expect.fail(manifest);
  return manifest.segments.map(({ file, firstChunk: first, lastChunk: last }) => {
    const bytes = rig.contentOf(`segment-${String(file).padStart(8, '0')}`).length;
    return { first, last, bytes };
  });
}

function chunksOf({ first, last }: { first: number; last: number }): number[] {
  return Array.from({ length: last + 1 - first }, (_, i) => first + i);
}

/** Carries jobs out until there is none; returns the chunks that were read anew. */
function rebuilt(rig: IndexRig): number[] {
  const chunks: number[] = [];
  rig.work();
  for (;;) {
    if (rig.job?.kind === 'build' && rig.job.canWait) chunks.push(rig.job.chunk);
    if (!rig.runJob()) return chunks;
    rig.work();
  }
}

describe('the index of a log that was scavenged', () => {
  test('says where events were until it is told, and then where they are', async () => {
    const rig = grown();
    const before = rig.streams;
    const chunks = rig.scavenge(() => 150);
    await rig.expectAll(before);
    const bytes = segmentsOf(rig).reduce((sum, segment) => sum + segment.bytes, 0);
    rig.scavenged(chunks);
    rig.scavengeEnded();
    rig.work();
    await rig.expectAllLeft();
    rig.settle();
    await rig.expectAll();
    rig.expectSnapshot(true);
    expect(segmentsOf(rig).reduce((sum, segment) => sum + segment.bytes, 0)).toBeLessThan(bytes);
    rig.stop();
    rig.start();
    await rig.expectAll();
    rig.expectSnapshot(true);
    expect(rig.noted()).toEqual([]);
  });

  test('reads no chunk of a segment anew before all of its chunks are scavenged, or the scavenge is over', () => {
    const rig = grown();
    const large = segmentsOf(rig).find(({ first, last }) => last > first)!;
    const chunks = rig.scavenge(() => 1e6);
    const ofLarge = chunks.filter((chunk) => chunk >= large.first && chunk <= large.last);
    expect(ofLarge).toEqual(chunksOf(large));
    for (const chunk of ofLarge.slice(1)) {
      rig.scavenged([chunk]);
      expect(rebuilt(rig)).toEqual([]);
    }
    rig.scavenged(ofLarge.slice(0, 1));
    expect(rebuilt(rig)).toEqual(ofLarge);
    // By now merged again, perhaps with others.
    const again = segmentsOf(rig).find(({ first, last }) => last > first)!;
    rig.scavenged([again.first]);
    expect(rebuilt(rig)).toEqual([]);
    rig.scavengeEnded();
    expect(rebuilt(rig)).toEqual(chunksOf(again));
  });

  test('keeps its event ids, which need no second reading', () => {
    const rig = grown();
    const idsOf = () => {
      const manifest = loadManifest(rig.disk, INDEX);
      return typeof manifest === 'string' ? [] : manifest.eventIds;
    };
    const before = idsOf();
    expect(before.length).toBeGreaterThan(0);
    rig.scavenged(rig.scavenge(() => 1e6));
    rig.scavengeEnded();
    rig.settle();
    expect(idsOf()).toEqual(before);
  });

  test('makes no segment from memory of a chunk that was scavenged before it had one', async () => {
    const rig = new IndexRig();
    rig.start();
    // No job is carried out.
    rig.fill(1_000);
    rig.work();
    const first = rig.job;
    rig.scavenged(rig.scavenge(() => 1e6));
    rig.scavengeEnded();
    rig.work();
    expect(first).toMatchObject({ kind: 'build', chunk: 0, memory: {} });
    rig.runJob();
    rig.work();
    expect(rig.job).toMatchObject({ kind: 'build', chunk: 1, memory: undefined });
    rig.settle();
    await rig.expectAll();
  });

  test('goes on as it was if the disk is full while it makes a segment anew', async () => {
    const rig = grown();
    const before = rig.streams;
    rig.scavenged(rig.scavenge(() => 200));
    rig.scavengeEnded();
    rig.work();
    rig.disk.spaceBytes = 0;
    for (let i = 0; i < 3; i++) {
      rig.runJob();
      rig.work();
    }
    await rig.expectAll(before);
    rig.disk.spaceBytes = Number.POSITIVE_INFINITY;
    rig.settle();
    await rig.expectAll();
  });

  test('has what comes behind gaps where chunks were not all scavenged alike, also of a log that is indexed as it is', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed);
      const rig = grown(seed, random.pick([3, 40]));
      const from = Array.from({ length: 30 }, () => random.pick([0, 0, 50, 200, 1_000]));
      const chunks = rig.scavenge((chunk, stream) => from[(chunk + stream.length) % from.length]!);
      rig.scavenged(chunks);
      rig.scavengeEnded();
      rig.settle();
      await rig.expectAll();
      rig.fill(600);
      rig.settle();
      await rig.expectAll();
      rig.stop();
      for (const name of rig.disk.list(INDEX)) rig.disk.unlink(`${INDEX}/${name}`);
      rig.start();
      rig.settle();
      await rig.expectAll();
    }
  });

  test('is right after any history of scavenges, appends, restarts, kills and damage', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = new Random(seed);
      const rig = new IndexRig({ seed, eventIds: random.pick([1, 64, 1024]) });
      rig.start();
      const untold = new Set<number>();
      for (let step = 0; step < 30; step++) {
        randomStep(rig, random, untold);
        if (random.chance(0.3)) await rig.expectAllLeft();
      }
      rig.scavenged([...untold]);
      rig.scavengeEnded();
      rig.settle();
      await rig.expectAll();
      rig.expectSnapshot(true);
    }
  });
});

function randomStep(rig: IndexRig, random: Random, untold: Set<number>): void {
  const roll = random.below(12);
  if (roll < 4) {
    for (let i = random.between(10, 200); i > 0; i--) {
      const events = Array.from({ length: random.pick([1, 1, 2, 5]) }, () => ({
        stream: `s${random.below(random.pick([3, 40]))}`,
        dataBytes: random.pick([0, 100, 1000]),
      }));
      rig.append(events, random.chance(0.02));
    }
    rig.advance();
    rig.work();
  } else if (roll < 7) {
    for (let i = random.between(1, 8); i > 0 && rig.runJob(); i--) rig.work();
  } else if (roll < 9) {
    const [some, others] = [random.below(300), random.below(300)];
    for (const chunk of rig.scavenge((chunk) => (chunk % 3 === 0 ? some : others))) untold.add(chunk);
    for (const chunk of random.chance(0.7) ? untold : []) rig.scavenged([chunk]);
    if (random.chance(0.5)) rig.scavengeEnded();
    rig.work();
  } else if (roll < 10) {
    rig.stop();
    rig.start();
  } else if (roll < 11) {
    rig.kill(random.pick(['lose-all', 'keep-all', 'torn'] as const), random);
    rig.start();
  } else {
    rig.disk.flipRandomBit((path) => path.startsWith(INDEX));
  }
}
