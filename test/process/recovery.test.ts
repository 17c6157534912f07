/**
 * Real folders of a killed node, changed as a crash or a bad disk would change them: what a write left torn is removed, what was
 * acknowledged and is damaged keeps the node from starting, and nothing in the folder changes.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CHUNK_HEADER_BYTES, chunkFileName, fileOffsetOf } from '../../src/log/chunk.js';
import { decodeAppended } from '../../src/wire/answer-frames.js';
import { EXPECTED_REVISION } from '../../src/wire/frames.js';
import { shortly } from '../long-test.js';
import { appendFrame } from '../net/frames.js';
import { RawClient } from '../net/raw-client.js';
import type { AppendRequest, History } from './history.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { ReadFailed, readEvents } from './reading.js';

const CHUNK_BYTES = 1 << 20;
const SECTOR_BYTES = 512;

/** A folder as a killed node left it; never started again, but copied. */
let original: string;
let history: History;
/** The request that was acknowledged last: one event over several sectors. */
let last: AppendRequest;
/** What the node said about it. */
let acknowledgement: Pick<AppendRequest, 'outcome' | 'attempts' | 'revision' | 'position'>;
/** A copy for one test. */
let folder: string;

beforeAll(async () => {
  original = temporaryFolder();
  const load = new Load({ seed: 61, largestBytes: 20_000 });
  history = load.history;
  const node = await NodeProcess.start({ folder: original });
  load.start(node.url);
  // Two chunks and a part of the third.
  await load.untilAcknowledged(1_300);
  await load.stop();
  const { client } = await RawClient.greeted(node.url);
  last = await append(
    client,
    history.add('last', EXPECTED_REVISION.any, [{ metadataBytes: 0, dataBytes: 3_000 }]),
  );
  const { outcome, attempts, revision, position } = last;
  acknowledgement = { outcome, attempts, revision, position };
  await node.kill();
});

afterAll(() => {
  removeFolder(original);
});

beforeEach(() => {
  Object.assign(last, acknowledgement);
  folder = temporaryFolder();
  cpSync(original, folder, { recursive: true });
  // With a segment of a damaged chunk a node starts, and finds the damage later: test/process/repair.test.ts.
  rmSync(join(folder, 'index'), { recursive: true, force: true });
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

async function append(client: RawClient, request: AppendRequest): Promise<AppendRequest> {
  request.attempts++;
  client.send(appendFrame(history.toAppend(request, 1)));
  const answer = decodeAppended((await client.next())!);
  if (answer.kind === 'invalid') throw new Error(answer.reason);
  const { revision, position, duplicate } = answer.frame;
  history.acknowledge(request, revision, position, duplicate);
  return request;
}

/** Where a position of the log stands. */
function placeOf(position: number): { path: string; offset: number } {
  const chunk = Math.floor(position / CHUNK_BYTES);
  return { path: join(folder, chunkFileName(chunk, 0)), offset: fileOffsetOf(position, CHUNK_BYTES) };
}

function lengthOfRecordAt(position: number): number {
  const { path, offset } = placeOf(position);
  return readFileSync(path).readUInt32LE(offset + 4);
}

function zero(path: string, from: number, to: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, new Uint8Array(to - from), 0, to - from, from);
  closeSync(file);
}

function flip(path: string, offset: number, bit = 1): void {
  const file = openSync(path, 'r+');
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, offset);
  byte[0]! ^= bit;
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}

/** Name and content of everything that holds data. */
function fingerprint(): string[] {
  const chunks = readdirSync(folder).filter((name) => /^chunk-\d{6}\.\d{6}$/.test(name));
  return chunks.map(
    (name) =>
      `${name} ${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}`,
  );
}

/** Which sectors of the last record reached the disk, by their number in it and how many there are. */
const TEARS: readonly [string, (sector: number, sectors: number) => boolean][] = [
  ['none of its sectors', () => false],
  ['all but the first', (sector) => sector > 0],
  ['all but the last', (sector, sectors) => sector < sectors - 1],
  ['every second one', (sector) => sector % 2 === 0],
];

test.each(shortly(TEARS, ([what]) => !what.startsWith('all but')))(
  'a crash in the last write, of which %s arrived: it never was, and all before it is there',
  async (_name, arrived) => {
    const { path, offset } = placeOf(last.position);
    const end = offset + lengthOfRecordAt(last.position);
    // What was written after it, such as a Commit record, was not written yet.
    zero(path, end, CHUNK_HEADER_BYTES + CHUNK_BYTES);
    const firstSector = Math.floor(offset / SECTOR_BYTES);
    const sectors = Math.ceil(end / SECTOR_BYTES) - firstSector;
    let isAnyThere = false;
    for (let sector = 0; sector < sectors; sector++) {
      const from = Math.max(offset, (firstSector + sector) * SECTOR_BYTES);
      const to = Math.min(end, (firstSector + sector + 1) * SECTOR_BYTES);
      if (arrived(sector, sectors)) isAnyThere = true;
      else zero(path, from, to);
    }
    const node = await NodeProcess.start({ folder });
    expect(node.said('removed a torn tail')).toHaveLength(isAnyThere ? 1 : 0);
    last.outcome = 'refused';
    await checkHistory(history, node.url);
    // Sent again with the same id it is new.
    last.outcome = 'open';
    const { client } = await RawClient.greeted(node.url);
    await append(client, last);
    await checkHistory(history, node.url);
  },
);

test('a log that nothing happened to is taken as it is', async () => {
  const node = await NodeProcess.start({ folder });
  expect(node.said('removed a torn tail')).toEqual([]);
  await checkHistory(history, node.url);
});

/**
 * Starts a node that must refuse, and holds what it says and leaves behind against what it should. Where only the index finds the damage, the
 * node may have begun a reign before: the log's last chunk has grown by that, and nothing else is different.
 */
async function refusal(isFoundLate = false): Promise<{ file: string; offset: number; position: number }> {
  const before = fingerprint();
  const node = new NodeProcess({ folder });
  expect(await node.ended(), node.transcript()).toEqual({ code: 4, signal: null });
  expect(node.death).toMatchObject({ code: 'log-corrupt' });
  const after = fingerprint();
  expect(isFoundLate ? after.slice(0, -1) : after).toEqual(isFoundLate ? before.slice(0, -1) : before);
  expect(after).toHaveLength(before.length);
  expect(node.stray).toMatch(/\[log-corrupt\]\n {2}file: .*\n {2}offset: \d+\n {2}position: \d+\n/);
  const { file, offset, position } = node.log.at(-1)!;
  return { file: file as string, offset: offset as number, position: position as number };
}

function acknowledgedIn(chunk: number): AppendRequest {
  const found = history.requests.find(
    ({ outcome, position, sizes }) =>
      outcome === 'acknowledged' && sizes.length === 1 && Math.floor(position / CHUNK_BYTES) === chunk,
  );
  if (found === undefined) throw new Error(`no event in chunk ${chunk}`);
  return found;
}

const DAMAGED: readonly [string, () => number, boolean][] = [
  ['an event in a sealed chunk', () => acknowledgedIn(0).position, true],
  [
    'an event in the active chunk',
    () => acknowledgedIn(Math.floor(last.position / CHUNK_BYTES)).position,
    false,
  ],
  ['the last event', () => last.position, false],
];

test.each(DAMAGED)(
  'a flipped bit in %s: the node refuses to start and names the place',
  async (_name, positionOf, isFoundLate) => {
    const position = positionOf();
    const { path, offset } = placeOf(position);
    // The chunk after the active one is yet to be made; not here, and not now.
    const next = Math.floor(last.position / CHUNK_BYTES) + 1;
    rmSync(join(folder, chunkFileName(next, 0)), { force: true });
    const inBody = offset + lengthOfRecordAt(position) - 1;
    flip(path, inBody, 0x10);
    expect(await refusal(isFoundLate)).toEqual({ file: path, offset, position });
    // Mended, it is the log that it was: nothing was cut off.
    flip(path, inBody, 0x10);
    const node = await NodeProcess.start({ folder });
    await checkHistory(history, node.url);
  },
);

test('a flipped bit in the header of a record: the node refuses to start and names the place', async () => {
  const { position } = acknowledgedIn(Math.floor(last.position / CHUNK_BYTES));
  const { path, offset } = placeOf(position);
  flip(path, offset + 30);
  expect(await refusal()).toEqual({ file: path, offset, position });
});

test('zeros over a sector in the middle of what was acknowledged: the node refuses to start', async () => {
  const { position } = acknowledgedIn(Math.floor(last.position / CHUNK_BYTES));
  const { path, offset } = placeOf(position);
  const from = Math.floor(offset / SECTOR_BYTES) * SECTOR_BYTES;
  zero(path, from, from + SECTOR_BYTES);
  const { file } = await refusal();
  expect(file).toBe(path);
});

test('a flipped bit in the header of a chunk: the node refuses to start', async () => {
  const path = join(folder, chunkFileName(1, 0));
  flip(path, 20);
  expect(await refusal()).toMatchObject({ file: path });
});

test('a flipped bit in the footer of a sealed chunk: the node refuses to start', async () => {
  const path = join(folder, chunkFileName(0, 0));
  flip(path, CHUNK_HEADER_BYTES + CHUNK_BYTES + 60);
  expect(await refusal()).toMatchObject({ file: path });
});

test('a chunk that was cut short: exit code 4, and nothing is changed', async () => {
  const path = placeOf(last.position).path;
  truncateSync(path, CHUNK_HEADER_BYTES + CHUNK_BYTES / 2);
  const before = fingerprint();
  const node = new NodeProcess({ folder });
  expect(await node.ended()).toEqual({ code: 4, signal: null });
  expect(node.death?.code).toBeOneOf(['log-corrupt', 'bad-data-folder']);
  expect(node.death?.message).toContain(path);
  expect(fingerprint()).toEqual(before);
});

test('damage that comes while the node runs: reads of it say log-corrupt, all else goes on', async () => {
  const node = await NodeProcess.start({ folder });
  const { position } = acknowledgedIn(1);
  const { path, offset } = placeOf(position);
  const at = offset + lengthOfRecordAt(position) - 1;
  flip(path, at);
  const { client } = await RawClient.greeted(node.url);
  const seen: number[] = [];
  const reading = readEvents(client, {}, ({ header }) => seen.push(header.position));
  await expect(reading).rejects.toThrow(ReadFailed);
  await expect(reading).rejects.toMatchObject({ code: 'log-corrupt' });
  // All in front of it was given.
  expect(seen.at(-1)).toBeLessThan(position);
  expect(seen.length).toBeGreaterThan(100);
  await readEvents(client, { stream: 'last' }, () => undefined);
  await append(client, history.add('last', EXPECTED_REVISION.any, [{ metadataBytes: 1, dataBytes: 1 }]));
  flip(path, at);
  await checkHistory(history, node.url);
  history.requests.pop();
});
