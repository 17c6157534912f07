/** What a round of scrubbing reads, and that it finds damage in the index where nobody asks. */
import { describe, expect, test } from 'vitest';
import { decodeEventIdsHeader } from '../../src/index/event-ids.js';
import { loadManifest, type Manifest, segmentFileName } from '../../src/index/manifest.js';
import { PAGE_BYTES } from '../../src/index/page.js';
import { damagedPages } from '../../src/index/page-sweep.js';
import { openPagedFile, type PagedHeader } from '../../src/index/paged-file.js';
import { decodeSegmentHeader } from '../../src/index/segment-format.js';
import { ScrubRound, type ScrubStep } from '../../src/indexer/scrub-round.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { INDEX, IndexRig } from './index-rig.js';

function manifestOf(rig: IndexRig): Manifest {
  const manifest = loadManifest(rig.disk, INDEX);
  if (typeof manifest === 'string') expect.fail(manifest);
  return manifest;
}

/** Every page of every file of the index, as it is on the disk. */
function namesOfDamaged(rig: IndexRig): string[] {
  return rig.disk.list(INDEX).filter((name) => {
    if (name === 'manifest') return false;
    const decode: (page: Uint8Array) => PagedHeader | string = name.startsWith('ids-')
      ? decodeEventIdsHeader
      : decodeSegmentHeader;
    const { file } = openPagedFile({ disk: rig.disk, kernel }, `${INDEX}/${name}`, decode);
    const damaged = [...damagedPages(file)];
    file.close();
    return damaged.length > 0;
  });
}

describe('a round', () => {
  test('finds a damaged page of any file of the index, though nobody asks, and has it made anew', async () => {
    const rig = new IndexRig({ eventIds: 1_024 });
    rig.start();
    rig.fill(2_000, 400);
    rig.settle();
    const named = (start: string) => rig.disk.list(INDEX).filter((name) => name.startsWith(start));
    let found = 0;
    for (const start of ['segment-', 'ids-']) {
      expect([start, named(start).length > 1]).toEqual([start, true]);
      for (const [which, where] of [
        ...[0, -1].flatMap((file) => [0, 0.5, 1].map((part) => [file, part] as const)),
      ]) {
        const name = named(start).at(which)!;
        const page = Math.round(where * (rig.contentOf(name).length / PAGE_BYTES - 1));
        rig.disk.flipBit(`${INDEX}/${name}`, page * PAGE_BYTES + 7, 1);
        rig.scrub();
        expect([name, page, namesOfDamaged(rig)]).toEqual([name, page, []]);
        expect([name, page, rig.noted().length]).toEqual([name, page, ++found]);
        expect(rig.noted().at(-1)).toBe('a part of the index is damaged and is made anew');
      }
    }
    await rig.expectAll();
    rig.expectSnapshot();
    rig.scrub();
    expect(rig.noted()).toHaveLength(found);
    // Nothing is left of what was replaced.
    const { segments, eventIds } = manifestOf(rig);
    expect(rig.disk.list(INDEX)).toHaveLength(1 + segments.length + eventIds.length);
  });

  test('of the first start reads the index, too', async () => {
    const rig = new IndexRig();
    rig.start();
    rig.fill(2_000, 400);
    rig.settle();
    rig.stop();
    const [segment] = manifestOf(rig).segments;
    rig.disk.flipBit(`${INDEX}/${segmentFileName(segment!.file)}`, PAGE_BYTES + 7, 1);
    rig.start();
    rig.settle();
    expect(namesOfDamaged(rig)).toEqual([]);
    await rig.expectAll();
  });
});

describe('what a round reads', () => {
  const segment = (file: number, [firstChunk, lastChunk]: readonly [number, number], pageCount: number) => ({
    file: { file, firstChunk, lastChunk },
    reader: { file: { pageCount } },
  });
  const files = {
    segments: [segment(7, [0, 1], 40), segment(9, [2, 2], 3)],
    eventIds: [{ file: 9, chunk: 2, chunkEvents: 5 }],
  };

  function stepsOf(round: ScrubRound, counts: (name: string) => boolean): ScrubStep[] {
    const steps: ScrubStep[] = [];
    for (let step = round.next(counts); step !== undefined; step = round.next(counts)) steps.push(step);
    expect(round.isOver).toBe(true);
    return steps;
  }

  test('is every page of the index, in pieces of a chunk, and then every chunk from the newest on', () => {
    const steps = stepsOf(new ScrubRound(files, 16 * PAGE_BYTES), () => true);
    const pages = { content: 'segment', kind: 'sweep', pages: 16, chunksLeft: 3 };
    expect(steps).toEqual([
      ...[0, 16, 32].map((firstPage) => ({ ...pages, name: 'segment-00000007', firstPage })),
      { ...pages, name: 'segment-00000009', firstPage: 0 },
      {
        ...{ ...pages, content: 'event-ids', name: 'ids-00000009', firstPage: 0 },
        pages: Number.MAX_SAFE_INTEGER,
      },
      ...[2, 1, 0].map((chunk) => ({ kind: 'verify', chunk, chunksLeft: chunk })),
    ]);
  });

  test('is not what was replaced meanwhile; and without a sealed chunk it is nothing', () => {
    const steps = stepsOf(new ScrubRound(files, 16 * PAGE_BYTES), (name) => name !== 'segment-00000007');
    expect(steps.map((step) => ('name' in step ? step.name : step.chunk))).toEqual([
      ...['segment-00000009', 'ids-00000009', 2, 1, 0],
    ]);
    expect(stepsOf(new ScrubRound({ ...files, segments: [] }, 1), () => true)).toEqual([]);
  });
});
