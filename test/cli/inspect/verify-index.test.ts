/** The index of a folder, verified: whole, with each kind of damage, and with entries that are not those of the log though every checksum is right. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyChunk } from '../../../src/cli/inspect/chunk-verification.js';
import { type EntryDepth, verifyIndexFile } from '../../../src/cli/inspect/index-verification.js';
import { type VerifySummary, verifyFolder } from '../../../src/cli/inspect/verify-run.js';
import { summaryLines, summaryRows } from '../../../src/cli/inspect/verify-summary.js';
import { encodeHistory } from '../../../src/cluster/history-file.js';
import { loadManifest, segmentFileName } from '../../../src/index/manifest.js';
import { PAGE_BYTES } from '../../../src/index/page.js';
import { openPagedFile } from '../../../src/index/paged-file.js';
import { decodeSegmentHeader } from '../../../src/index/segment-format.js';
import { SegmentScan } from '../../../src/index/segment-scan.js';
import { writeSegment } from '../../../src/index/segment-writer.js';
import type { HashedName } from '../../../src/index/stream-hash.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { JavascriptDisk } from '../../../src/native/javascript-disk.js';
import { FOLDER } from '../../indexer/index-model.js';
import { INDEX, IndexRig } from '../../indexer/index-rig.js';
import { LOG_ID } from '../../indexer/sample-log.js';

const disk = new JavascriptDisk();

/** Path in the folder → content, of a log with an index. */
const files = new Map<string, Uint8Array>();
let events = 0;
let folder: string;

/** The same log, of which some was removed after the index was made, and before. */
let scavenged: { readonly stale: Map<string, Uint8Array>; readonly rebuilt: Map<string, Uint8Array> };

beforeAll(() => {
  const rig = new IndexRig({ eventIds: 500 });
  rig.start();
  rig.fill(1_500, 40);
  rig.append([{ stream: 'both' }, { stream: 's1' }, { stream: 'both' }]);
  rig.append([{ stream: 'never' }, { stream: 's2' }], true);
  rig.fill(1_500, 40);
  rig.settle();
  events = rig.events.length;
  copyFolder(rig, files);
  expect(rig.sample.end).toBeGreaterThan(5 * rig.sample.chunkBytes);
  // Every second chunk was scavenged further: the events that are left in the others are before a gap.
  const chunks = rig.scavenge((chunk) => (chunk % 2 === 0 ? 5 : 25));
  scavenged = { stale: new Map(), rebuilt: new Map() };
  copyFolder(rig, scavenged.stale);
  rig.scavenged(chunks);
  rig.scavengeEnded();
  rig.settle();
  copyFolder(rig, scavenged.rebuilt);
});

function copyFolder(rig: IndexRig, to: Map<string, Uint8Array>): void {
  const copy = (path: string, name: string) => {
    const file = rig.disk.open(path, { access: 'read' });
    const bytes = new Uint8Array(rig.disk.sizeOf(file));
    rig.disk.read(file, bytes, 0, bytes.length, 0);
    rig.disk.close(file);
    to.set(name, bytes);
  };
  for (const name of rig.disk.list(INDEX)) copy(`${INDEX}/${name}`, `index/${name}`);
  for (const name of rig.disk.list(FOLDER)) if (name.startsWith('chunk-')) copy(`${FOLDER}/${name}`, name);
}

function putInPlace(content: ReadonlyMap<string, Uint8Array>): void {
  rmSync(folder, { recursive: true });
  disk.makeDirectory(folder);
  disk.makeDirectory(join(folder, 'index'));
  for (const [name, bytes] of content) writeFileSync(join(folder, name), bytes);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-verify-'));
  disk.makeDirectory(join(folder, 'index'));
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Path → digest: to compare megabytes as a structure takes seconds. */
function contents(): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    names.map(({ parentPath, name }) => [join(parentPath, name), digest(join(parentPath, name))]),
  );
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function verify(depth: EntryDepth = 'sample'): Promise<VerifySummary> {
  const before = contents();
  const summary = await verifyFolder({
    ...{ disk, kernel, folder, depth },
    runner: {
      jobsMax: 2,
      chunk: async (task) => verifyChunk(disk, kernel, structuredClone(task)),
      index: async (task) => verifyIndexFile({ disk, kernel }, structuredClone(task)),
    },
    progress: () => undefined,
  });
  expect(contents()).toEqual(before);
  return summary;
}

function manifest() {
  const loaded = loadManifest(disk, join(folder, 'index'));
  if (typeof loaded === 'string') throw new Error(loaded);
  return loaded;
}

function segmentPath(number = 0): string {
  return join(folder, 'index', segmentFileName(manifest().segments[number]!.file));
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x10;
  writeFileSync(path, bytes);
}

interface Stream {
  readonly name: HashedName;
  first: number;
  events: [position: number, bytes: number][];
}

/** Makes a segment anew, all checksums right, of what `change` leaves of it. */
function rewrite(path: string, change: (streams: Stream[]) => Stream[]): void {
  const { file, header } = openPagedFile({ disk, kernel }, path, decodeSegmentHeader);
  const scan = new SegmentScan(file, header);
  const streams: Stream[] = [];
  while (scan.next()) {
    const { bytes, at, length, high, low } = scan.name;
    const stream: Stream = {
      name: { bytes: bytes.slice(at, at + length), at: 0, length, high, low },
      first: scan.entry.first,
      events: [],
    };
    scan.events({ add: (position, size) => stream.events.push([position, size]) > 0 });
    streams.push(stream);
  }
  file.close();
  rmSync(path);
  writeSegment({ disk, kernel, path, salt: 7 }, header, (writer) => {
    for (const { name, first, events: own } of change(streams)) {
      writer.beginStream({ name, first, count: own.length, last: own.at(-1)![0] });
      for (const [position, bytes] of own) writer.add(position, bytes);
      writer.endStream();
    }
  });
}

const REMEDY = 'the node makes it anew from the log';

describe('a whole index', () => {
  test.each<[EntryDepth, (compared: number) => boolean]>([
    ['none', (compared) => compared === 0],
    ['sample', (compared) => compared > 10 && compared < 100],
    // Some twice: those whose ids are remembered, too.
    ['all', (compared) => compared > events * 0.9],
  ])('has no problems (entries: %s)', async (depth, isExpected) => {
    const summary = await verify(depth);
    expect(summary.problems).toEqual([]);
    const { segments, eventIds } = manifest();
    expect(summary.indexFiles).toBe(segments.length + eventIds.length);
    expect(summary.indexPages).toBeGreaterThan(4 * segments.length);
    expect(summary.indexEntries).toSatisfy(isExpected);
    expect(summary.leftovers).toEqual([]);
    expect([...summaryLines(summary, 1)].join('\n')).toMatch(
      /of the index \d+ files with \d+ pages; [\d,]+ entr\w+ compared/,
    );
  });

  test.each<EntryDepth>(['sample', 'all'])(
    'of a log that was scavenged has none either (entries: %s)',
    async (depth) => {
      for (const content of [scavenged.stale, scavenged.rebuilt]) {
        putInPlace(content);
        expect(await verify(depth)).toMatchObject({ problems: [], problemCount: 0 });
      }
    },
  );

  test('that is not there is no problem', async () => {
    rmSync(join(folder, 'index'), { recursive: true });
    expect(await verify()).toMatchObject({ problemCount: 0, indexFiles: 0 });
  });
});

describe('damage is named', () => {
  test('page by page, with its offset', async () => {
    const path = segmentPath();
    flip(path, 2 * PAGE_BYTES + 100);
    flip(path, 3 * PAGE_BYTES + 4095);
    const { problems, problemCount } = await verify();
    expect(problems).toEqual(
      [2, 3].map((page) => ({
        ...{ file: path, offset: page * PAGE_BYTES, position: undefined },
        reason: `the checksum of page ${page} is wrong; ${REMEDY}`,
      })),
    );
    expect(problemCount).toBe(2);
  });

  test.each<[string, (path: string) => void, RegExp]>([
    ['a header', (path) => flip(path, 20), /header is wrong/],
    [
      'a file cut short',
      (path) => writeFileSync(path, readFileSync(path).subarray(0, 2 * PAGE_BYTES)),
      /another length/,
    ],
    ['a missing file', (path) => rmSync(path), /ENOENT/],
    [
      "another segment's content",
      (path) => writeFileSync(path, readFileSync(segmentPath(1))),
      /not what the manifest says/,
    ],
  ])('in %s', async (_, damage, reason) => {
    const path = segmentPath();
    damage(path);
    const { problems } = await verify();
    expect(problems).toMatchObject([{ file: path, offset: 0, reason: expect.stringMatching(reason) }]);
    expect(problems[0]!.reason).toContain(REMEDY);
  });

  test('in the files of event ids', async () => {
    const name = readdirSync(join(folder, 'index')).find((file) => file.startsWith('ids-'))!;
    flip(join(folder, 'index', name), PAGE_BYTES + 8);
    expect((await verify()).problems).toMatchObject([
      { file: join(folder, 'index', name), offset: PAGE_BYTES },
    ]);
  });

  test('in the manifest: the rest of the index counts for nothing then', async () => {
    flip(join(folder, 'index', 'manifest'), 60);
    const { problems, indexFiles } = await verify();
    expect(problems).toMatchObject([{ reason: expect.stringMatching(/manifest.*checksum.*anew/) }]);
    expect(indexFiles).toBe(0);
  });

  test.each<[string, (path: string) => void, RegExp]>([
    [
      'node-state',
      (path) => writeFileSync(path, new Uint8Array(100)),
      /state of the node is damaged.*100 bytes/,
    ],
    ['history', (path) => writeFileSync(path, new Uint8Array(100)), /no history.*reads the log instead/],
    [
      'history',
      (path) => writeFileSync(path, historyOf('018f4e5c-0000-7000-8000-00000000ffff')),
      /of another log/,
    ],
  ])('in the file %s', async (name, damage, reason) => {
    damage(join(folder, name));
    expect((await verify()).problems).toMatchObject([
      { file: join(folder, name), reason: expect.stringMatching(reason) },
    ]);
  });

  test('but not in a history that is as it should be', async () => {
    writeFileSync(join(folder, 'history'), historyOf(LOG_ID));
    expect((await verify()).problems).toEqual([]);
  });
});

function historyOf(logId: string): Uint8Array {
  const end = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
  return encodeHistory(logId, { end, epochs: [], configurations: [] });
}

describe('entries that are not those of the log', () => {
  const MANY = 60;
  test.each<[string, (streams: Stream[]) => Stream[], RegExp, EntryDepth]>([
    [
      'other revisions',
      (streams) => streams.map((stream) => ({ ...stream, first: stream.first + 1 })),
      /has revision/,
      'sample',
    ],
    [
      'exchanged streams',
      (streams) =>
        streams.map((stream, i) => ({
          ...stream,
          events: streams.at(i - 1)!.events,
          first: streams.at(i - 1)!.first,
        })),
      /of another stream/,
      'sample',
    ],
    [
      'places where no event is',
      (streams) =>
        streams.map((stream) => ({ ...stream, events: stream.events.map(([at, bytes]) => [at + 8, bytes]) })),
      /there is no event there/,
      'sample',
    ],
    [
      'one event less',
      (streams) => [{ ...streams[0]!, events: streams[0]!.events.slice(0, -1) }, ...streams.slice(1)],
      /lacks this event/,
      'all',
    ],
    ['one stream less', (streams) => streams.slice(1), /lacks this event/, 'all'],
  ])('are found: %s', async (_, change, reason, depth) => {
    const path = segmentPath();
    rewrite(path, change);
    const { problems, problemCount } = await verify(depth);
    expect(problemCount).toBeGreaterThan(0);
    for (const problem of problems.slice(0, MANY)) {
      expect(problem).toMatchObject({ file: path, reason: expect.stringMatching(reason) });
      expect(problem.position).toBeGreaterThanOrEqual(0);
    }
  });

  test('are found beside those that a scavenge has left behind', async () => {
    putInPlace(scavenged.rebuilt);
    const last = manifest().segments.length - 1;
    const path = segmentPath(last);
    const lost = ({ first, events: own, ...rest }: Stream) => ({ ...rest, first, events: own.slice(0, -1) });
    rewrite(path, (streams) => streams.map(lost).filter(({ events: own }) => own.length > 0));
    const { problems } = await verify('all');
    expect(problems.length).toBeGreaterThan(10);
    for (const problem of problems)
      expect(problem).toMatchObject({ file: path, reason: expect.stringMatching(/lacks this event/) });
  });

  test('are not looked for where the log is damaged', async () => {
    const chunk = [...files.keys()].find((name) => name.startsWith('chunk-000000'))!;
    const position = 4096 + 40;
    flip(join(folder, chunk), position);
    const { problems } = await verify('all');
    expect(problems.map(({ file }) => file)).toEqual([join(folder, chunk)]);
  });
});

test('files that belong to nobody are named, and are no damage', async () => {
  const names = [
    'notes.txt',
    'chunk-000099.000000.tmp',
    'node-state.tmp',
    'index/segment-00009999',
    'index/manifest.tmp',
    'lock',
  ];
  for (const name of names) writeFileSync(join(folder, name), 'x');
  const summary = await verify();
  expect(summary.problemCount).toBe(0);
  const named = summary.leftovers.map(({ file }) => file.slice(folder.length + 1));
  expect(named.sort()).toEqual(names.filter((name) => name !== 'lock').sort());
  expect(summary.leftovers.find(({ file }) => file.endsWith('notes.txt'))!.what).toContain(
    'not a file of Cairn',
  );
  const rows = [...summaryRows(summary, 1)];
  expect(rows.filter(({ kind }) => kind === 'leftover')).toHaveLength(5);
  expect(rows.at(-1)).toMatchObject({
    kind: 'summary',
    clean: true,
    leftovers: 5,
    indexFiles: summary.indexFiles,
  });
});
