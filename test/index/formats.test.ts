import { describe, expect, test } from 'vitest';
import { type EventIdsScope, readEventIds, writeEventIds } from '../../src/index/event-ids.js';
import { decodeManifest, encodeManifest, type Manifest } from '../../src/index/manifest.js';
import { readGolden } from '../log/golden-formats.js';
import {
  FOLDER,
  hashedName,
  kernel,
  LOG_ID,
  makeSegment,
  newDisk,
  openSegment,
  readPlaces,
  SEED,
  scopeOf,
  strongHash,
} from './segments.js';

/** Four streams, one with more events than a block has, and one the metadata of another. */
const MODEL = new Map([
  ['order-1', { first: 0, places: [place(64, 136), place(200, 104)] }],
  ['$$long', { first: 2, places: [place(6736, 128)] }],
  ['bücher', { first: 7, places: [place(304, 96)] }],
  ['long', { first: 0, places: Array.from({ length: 66 }, (_, i) => place(400 + 96 * i, 96)) }],
]);

const MANIFEST: Manifest = {
  logId: LOG_ID,
  chunkSize: 268_435_456,
  seed: SEED,
  segments: [
    { file: 7, firstChunk: 0, lastChunk: 2 },
    { file: 9, firstChunk: 3, lastChunk: 3 },
  ],
  eventIds: [{ file: 9, chunk: 3, chunkEvents: 700_000 }],
};

const { logId, chunkSize, end } = scopeOf(1);
const IDS_SCOPE: EventIdsScope = { logId, chunkSize, end, chunk: 1, chunkEvents: 5 };
const NAMES = ['order-1', 'bücher'].map((name) => new TextEncoder().encode(name));
const START = IDS_SCOPE.chunkSize;
const IDS = {
  ids: Uint32Array.from({ length: 12 }, (_, i) => 0x01020304 * (i + 1)),
  streams: Uint32Array.of(1, 0, 1),
  revisions: Float64Array.of(41, 3, 42),
  positions: Float64Array.of(START + 64, START + 200, START + 70_000),
};

describe('docs/formats.md', () => {
  test('has every byte of a segment', () => {
    const disk = newDisk();
    makeSegment(disk, 'a', MODEL);
    expect(hex(disk.contentOf(`${FOLDER}/a`))).toBe(hex(readGolden('index-segment.hex')));
  });

  test('has every byte of a file of event ids', () => {
    const disk = newDisk();
    const path = `${FOLDER}/ids`;
    writeEventIds({ disk, kernel, path, salt: 4711 }, IDS_SCOPE, IDS, (stream) => NAMES[stream]!);
    expect(hex(disk.contentOf(path))).toBe(hex(readGolden('index-event-ids.hex')));
  });

  test('has every byte of the manifest', () => {
    expect(hex(encodeManifest(MANIFEST))).toBe(hex(readGolden('index-manifest.hex')));
  });
});

describe('golden index files', () => {
  test('are read as what they were written from', () => {
    const disk = newDisk();
    put(disk, 'a', readGolden('index-segment.hex'));
    const reader = openSegment(disk, 'a');
    for (const [text, { first, places }] of MODEL) {
      expect(readPlaces(reader, hashedName(text, strongHash), { from: first })?.places).toEqual(places);
    }
    const withMetadata: string[] = [];
    reader.metadataNames((bytes, at, length) => {
      withMetadata.push(hex(bytes.slice(at, at + length)));
      return undefined;
    });
    expect(withMetadata).toEqual([hex(new TextEncoder().encode('$$long'))]);
    put(disk, 'ids', readGolden('index-event-ids.hex'));
    const ids = readEventIds({ disk, kernel }, `${FOLDER}/ids`);
    expect(ids.header).toMatchObject({ ...IDS_SCOPE, events: 3, streams: 2 });
    expect(ids.names.map(hex)).toEqual([NAMES[1]!, NAMES[0]!].map(hex));
    expect([...ids.streams]).toEqual([0, 1, 0]);
    expect({ ids: ids.ids, revisions: ids.revisions, positions: ids.positions }).toEqual({
      ids: IDS.ids,
      revisions: IDS.revisions,
      positions: IDS.positions,
    });
    expect(decodeManifest(readGolden('index-manifest.hex'))).toEqual(MANIFEST);
  });
});

describe('a manifest', () => {
  test('with any bit flipped, or cut short anywhere, is none', () => {
    const bytes = encodeManifest(MANIFEST);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const copy = bytes.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      expect(typeof decodeManifest(copy)).toBe('string');
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(typeof decodeManifest(bytes.slice(0, length))).toBe('string');
    }
  });
});

function place(position: number, bytes: number) {
  return { position, bytes };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function put(disk: ReturnType<typeof newDisk>, name: string, bytes: Uint8Array): void {
  const file = disk.open(`${FOLDER}/${name}`, { access: 'create-new' });
  disk.write(file, bytes, 0, bytes.length, 0);
  disk.close(file);
}
