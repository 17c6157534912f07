import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IndexDamage, PAGE_BYTES } from '../../src/index/page.js';
import { PageCache } from '../../src/index/page-cache.js';
import { mergeSegments } from '../../src/index/segment-merge.js';
import { SegmentScan } from '../../src/index/segment-scan.js';
import type { StreamHash } from '../../src/index/stream-hash.js';
import type { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import {
  CHUNK_BYTES,
  FOLDER,
  hashedName,
  type Model,
  type ModelStream,
  makeSegment,
  newDisk,
  openSegment,
  type Place,
  readPlaces,
  scopeOf,
  strongHash,
  targetOf,
  weakHash,
} from './segments.js';

describe('a segment', () => {
  test('gives back of every stream every event, from any revision, either way, whatever the hash is', () => {
    fc.assert(
      fc.property(models(1), fc.boolean(), fc.integer({ min: 1, max: 4 }), (models, isWeak, pages) => {
        const hash = isWeak ? weakHash : strongHash;
        const [model] = models as [Model];
        const disk = newDisk();
        makeSegment(disk, 'a', model, { hash });
        const reader = openSegment(disk, 'a', new PageCache(pages * PAGE_BYTES));
        for (const [text, stream] of model) expectStream(reader, text, hash, stream);
        expect(reader.locate(hashedName('no such stream', hash))).toBe(false);
        reader.close();
        expect(disk.openCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('without any event is a segment, too', () => {
    const disk = newDisk();
    expect(makeSegment(disk, 'a', new Map())).toMatchObject({ streams: 0, events: 0, pageCount: 1 });
    expect(openSegment(disk, 'a').locate(hashedName('s', strongHash))).toBe(false);
  });

  test('holds positions far beyond 32 bits, gaps of terabytes, and names of all lengths', () => {
    const disk = newDisk();
    const far = 2 ** 50;
    const scope = { ...scopeOf(Math.floor(far / CHUNK_BYTES)) };
    const start = scope.firstChunk * CHUNK_BYTES;
    const places = [0, 8, 2 ** 31, 2 ** 40].map((offset) => ({
      position: start + offset,
      bytes: 33_554_432,
    }));
    places.splice(1, 1);
    const model = new Map([
      ['x'.repeat(1024), { first: 2 ** 40, places }],
      ['é', { first: 0, places: places.slice(0, 1) }],
    ]);
    makeSegment(disk, 'a', model, { scope });
    const reader = openSegment(disk, 'a');
    for (const [text, stream] of model) expectStream(reader, text, strongHash, stream);
  });

  test('is found in a directory of thousands, with some pages read', () => {
    const disk = newDisk();
    const place = { position: 0, bytes: 64 };
    const model = new Map(
      Array.from({ length: 20_000 }, (_, i) => [`s-${i}`, { first: i, places: [place] }]),
    );
    makeSegment(disk, 'a', model);
    const cache = new PageCache(1 << 20);
    const reader = openSegment(disk, 'a', cache);
    let found = 0;
    for (let i = 0; i < 500; i++) {
      const before = cache.misses;
      expect(reader.locate(hashedName(`s-${i * 40}`, strongHash))).toBe(true);
      expect(reader.first).toBe(i * 40);
      expect(cache.misses - before).toBeLessThan(12);
      if (reader.locate(hashedName(`t-${i}`, strongHash))) found++;
    }
    expect(found).toBe(0);
  });

  test('tells every flipped bit, wherever it is, and never gives a wrong answer', () => {
    const disk = newDisk();
    const model = sampleModel(20);
    makeSegment(disk, 'a', model);
    const { length } = disk.contentOf(`${FOLDER}/a`);
    for (let offset = 3; offset < length; offset += 397) {
      disk.flipBit(`${FOLDER}/a`, offset, offset % 8);
      let damages = 0;
      for (const [text, stream] of model) {
        try {
          expectStream(openSegment(disk, 'a'), text, strongHash, stream);
        } catch (error) {
          if (!(error instanceof IndexDamage)) throw error;
          damages++;
        }
      }
      expect([offset, damages > 0 || scanDamaged(disk)]).toEqual([offset, true]);
      disk.flipBit(`${FOLDER}/a`, offset, offset % 8);
    }
  });

  test('leaves nothing behind when the disk is full', () => {
    const disk = newDisk();
    disk.spaceBytes = 3000;
    expect(() => makeSegment(disk, 'a', sampleModel(40))).toThrow(/ENOSPC/);
    expect(disk.list(FOLDER)).toEqual([]);
    expect(disk.openCount).toBe(0);
  });
});

describe('merging', () => {
  test('makes of neighbours what one segment over all of their chunks would be, to the last byte', () => {
    fc.assert(
      fc.property(models(4), fc.boolean(), (models, isWeak) => {
        const hash = isWeak ? weakHash : strongHash;
        const disk = newDisk();
        for (const [i, model] of models.entries())
          makeSegment(disk, `${i}`, model, { scope: scopeOf(i), hash });
        const paths = models.map((_, i) => `${FOLDER}/${i}`);
        mergeSegments(targetOf(disk, 'm'), paths);
        const all = new Map<string, ModelStream>();
        for (const model of models) {
          for (const [text, { first, places }] of model) {
            const before = all.get(text);
            all.set(text, { first: before?.first ?? first, places: [...(before?.places ?? []), ...places] });
          }
        }
        makeSegment(disk, 'w', all, { scope: scopeOf(0, models.length - 1), hash });
        expect(disk.contentOf(`${FOLDER}/m`)).toEqual(disk.contentOf(`${FOLDER}/w`));
        expect(disk.openCount).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test('tells of damage in what it merges, and leaves no file', () => {
    const disk = newDisk();
    for (const i of [0, 1]) makeSegment(disk, `${i}`, chunkModel(i), { scope: scopeOf(i) });
    disk.flipBit(`${FOLDER}/1`, PAGE_BYTES + 20, 3);
    const merging = () => mergeSegments(targetOf(disk, 'm'), [`${FOLDER}/0`, `${FOLDER}/1`]);
    expect(merging).toThrow(IndexDamage);
    expect(disk.list(FOLDER)).toEqual(['0', '1']);
  });
});

function expectStream(
  reader: ReturnType<typeof openSegment>,
  text: string,
  hash: StreamHash,
  { first, places }: ModelStream,
): void {
  const name = hashedName(text, hash);
  const last = first + places.length - 1;
  expect(readPlaces(reader, name, { from: first })).toEqual({ places, next: last + 1 });
  expect([reader.first, reader.count, reader.last]).toEqual([first, places.length, places.at(-1)!.position]);
  const backwards = { from: last, direction: 'backwards' as const };
  expect(readPlaces(reader, name, backwards)).toEqual({ places: places.toReversed(), next: first - 1 });
  for (const skipped of [1, 63, 64, 65, 130].filter((count) => count < places.length)) {
    const from = first + skipped;
    expect(readPlaces(reader, name, { from, count: 2 })?.places).toEqual(places.slice(skipped, skipped + 2));
    const before = readPlaces(reader, name, { from, direction: 'backwards', count: 70 });
    const expected = places.slice(Math.max(0, skipped - 69), skipped + 1).toReversed();
    expect(before?.places).toEqual(expected);
  }
}

/** Whether going through all of it finds damage: also where no lookup comes. */
function scanDamaged(disk: SimulatedDisk): boolean {
  try {
    const { file, header } = openSegment(disk, 'a');
    const scan = new SegmentScan(file, header);
    while (scan.next()) scan.events({ add: () => true });
    return false;
  } catch (error) {
    if (error instanceof IndexDamage) return true;
    throw error;
  }
}

function sampleModel(streams: number): Model {
  const model = new Map<string, ModelStream>();
  for (let i = 0; i < streams; i++) {
    const places = Array.from({ length: 1 + ((i * 7) % 90) }, (_, k) => ({
      position: 8 * i + 512 * k,
      bytes: 96,
    }));
    model.set(`stream-${i}`, { first: 3 * i, places });
  }
  return model;
}

function chunkModel(chunk: number): Model {
  const places = [{ position: chunk * CHUNK_BYTES + 8, bytes: 64 }];
  return new Map([
    ['a', { first: chunk, places }],
    [`b${chunk}`, { first: 0, places }],
  ]);
}

/** Random logs of so many chunks, as models: runs of events of random streams, each stream's revisions going on. */
function models(chunks: number): fc.Arbitrary<Model[]> {
  const run = fc.record({
    stream: fc.oneof(fc.constantFrom('a', 'b', 'order-1', 'é', ''), fc.string({ maxLength: 30 })),
    count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 200 })),
    gap: fc.nat(50),
  });
  const chunk = fc.array(run, { maxLength: 12 });
  return fc.array(chunk, { minLength: chunks, maxLength: chunks }).map((runsOfChunks) => {
    const heads = new Map<string, number>();
    return runsOfChunks.map((runs, number) => {
      let position = number * CHUNK_BYTES;
      const model = new Map<string, { first: number; places: Place[] }>();
      for (const { stream, count, gap } of runs) {
        const text = `s${stream}`;
        const known = model.get(text) ?? { first: heads.get(text) ?? 0, places: [] };
        model.set(text, known);
        position += 8 * gap;
        for (let i = 0; i < count; i++) {
          const bytes = 48 + 8 * ((count + i) % 40);
          known.places.push({ position, bytes });
          position += bytes;
        }
        heads.set(text, known.first + known.places.length);
      }
      return model;
    });
  });
}
