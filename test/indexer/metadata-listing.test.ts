/** All metadata streams can be listed page by page, whatever becomes of the index in between. */
import { expect, test } from 'vitest';
import { LISTING_START, type ListingPlace, type MetadataStreamsPage } from '../../src/indexer/commands.js';
import { CHUNK_BYTES, IndexRig } from './index-rig.js';

/** A page of the names of metadata streams. Carries out jobs if it must. */
function ask(rig: IndexRig, place: ListingPlace, namesMax: number): MetadataStreamsPage {
  const before = rig.reports.length;
  rig.desk.askMetadataStreams(place, namesMax);
  for (let tries = 0; tries < 200; tries++) {
    rig.work();
    const report = rig.reports.slice(before).find(({ kind }) => kind === 'metadata-streams');
    if (report?.kind === 'metadata-streams') return report.page;
    rig.runJob();
  }
  return expect.fail('there is no page');
}

/** Grows the log by some chunks, in which there is something about these streams. */
function say(rig: IndexRig, chunks: number, streams: readonly string[]): void {
  const { end } = rig.sample;
  for (const stream of streams) rig.append([{ stream: `$$${stream}`, type: '$metadata', data: '{}' }]);
  while (rig.sample.end < end + chunks * CHUNK_BYTES) rig.fill(20, 3, 2_000);
}

function listed(
  rig: IndexRig,
  namesMax: number,
  between: (page: number) => void = () => undefined,
): Set<string> {
  const names = new Set<string>();
  let place: ListingPlace | undefined = LISTING_START;
  for (let page = 0; place !== undefined; page++) {
    expect(page).toBeLessThan(500);
    const answer = ask(rig, place, namesMax);
    expect(answer.names.length).toBeLessThanOrEqual(namesMax);
    for (const name of answer.names) names.add(new TextDecoder().decode(name));
    place = answer.next;
    between(page);
  }
  return names;
}

const SOME = Array.from({ length: 17 }, (_, i) => `some-${i}`);
const OTHERS = Array.from({ length: 9 }, (_, i) => `other-${i}`);
const ALL = new Set([...SOME, ...OTHERS].map((stream) => `$$${stream}`));

test('names come from segments and from memory, whatever the size of a page', () => {
  const rig = new IndexRig();
  rig.start();
  say(rig, 3, SOME);
  rig.settle();
  say(rig, 1, OTHERS);
  for (const namesMax of [1, 2, 3, 5, 16, 17, 18, 100]) expect(listed(rig, namesMax)).toEqual(ALL);
  rig.stop();
});

test('none is left out while chunks get segments, and segments are merged, between the pages', () => {
  const rig = new IndexRig();
  rig.start();
  for (let round = 0; round < 5; round++) say(rig, 1, SOME.slice(3 * round, 3 * round + 3));
  say(rig, 3, [...SOME.slice(15), ...OTHERS]);
  const found = listed(rig, 1, () => {
    rig.runJob();
    rig.work();
  });
  expect(found).toEqual(ALL);
  rig.stop();
});

test('streams whose names have the same hash are listed each', () => {
  const hash = (name: { high: number; low: number }) => Object.assign(name, { high: 0x8000_0001, low: 7 });
  const rig = new IndexRig({ hash });
  rig.start();
  rig.append(SOME.map((stream) => ({ stream: `$$${stream}`, type: '$metadata', data: '{}' })));
  while (rig.sample.end < 3 * CHUNK_BYTES) {
    rig.append([{ stream: '$$x', type: '$metadata', data: '{}'.padEnd(4_000) }]);
    rig.advance();
  }
  rig.settle();
  expect(listed(rig, 2)).toEqual(new Set([...SOME, 'x'].map((stream) => `$$${stream}`)));
  rig.stop();
});
