/** Segments for tests: what they are made of, plainly, and the files made of it on a simulated disk. */
import type { ReadDirection } from '../../src/index/event-taker.js';
import { PageCache } from '../../src/index/page-cache.js';
import type { SegmentHeader, SegmentScope } from '../../src/index/segment-format.js';
import { SegmentReader } from '../../src/index/segment-reader.js';
import { writeSegment } from '../../src/index/segment-writer.js';
import {
  compareNames,
  placed,
  type StreamHash,
  StreamName,
  streamHash,
} from '../../src/index/stream-hash.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';

export const FOLDER = '/data/index';
export const CHUNK_BYTES = 2 ** 30;
export const LOG_ID = '018f4e5c-0000-7000-8000-00000000a001';
export const SEED = { low: 1, high: 2 };
export const kernel = javascriptKernel;

/** Sorts by almost nothing: most streams collide. */
export const weakHash: StreamHash = (name) => {
  name.high = placed(name, (name.bytes[name.at]! & 1) * 0x4000_0000);
  name.low = 7;
};
export const strongHash = streamHash(SEED);

export interface Place {
  readonly position: number;
  readonly bytes: number;
}

export interface ModelStream {
  readonly first: number;
  readonly places: readonly Place[];
}

/** What a segment has, by stream. */
export type Model = ReadonlyMap<string, ModelStream>;

export function newDisk(): SimulatedDisk {
  const disk = new SimulatedDisk(new Random(1));
  disk.makeDirectory(FOLDER);
  return disk;
}

export function hashedName(text: string, hash: StreamHash): StreamName {
  const name = new StreamName();
  const bytes = new TextEncoder().encode(text);
  name.set(bytes, 0, bytes.length);
  hash(name);
  return name;
}

export function scopeOf(firstChunk: number, lastChunk = firstChunk): SegmentScope {
  const position = (lastChunk + 1) * CHUNK_BYTES;
  const end = { position, chain: 17 + lastChunk, previousLength: 64, epoch: 3 };
  return {
    logId: LOG_ID,
    chunkSize: CHUNK_BYTES,
    firstChunk,
    lastChunk,
    seed: SEED,
    decided: position + 8,
    end,
  };
}

export function targetOf(disk: SimulatedDisk, name: string) {
  return { disk, kernel, path: `${FOLDER}/${name}`, salt: 4711 + name.length };
}

/** Writes what the model says. */
export function makeSegment(
  disk: SimulatedDisk,
  name: string,
  model: Model,
  { scope = scopeOf(0), hash = strongHash } = {},
): SegmentHeader {
  const streams = [...model].map(([text, stream]) => ({ name: hashedName(text, hash), ...stream }));
  streams.sort((a, b) => compareNames(a.name, b.name));
  return writeSegment(targetOf(disk, name), scope, (writer) => {
    for (const { name, first, places } of streams) {
      writer.beginStream({ name, first, count: places.length, last: places.at(-1)!.position });
      for (const { position, bytes } of places) writer.add(position, bytes);
      writer.endStream();
    }
  });
}

export function openSegment(
  disk: SimulatedDisk,
  name: string,
  cache = new PageCache(1 << 20),
): SegmentReader {
  return new SegmentReader({ disk, kernel }, `${FOLDER}/${name}`, cache);
}

/** What a reader gives of a stream, at most `count` events; undefined if it has none of it. */
export function readPlaces(
  reader: SegmentReader,
  name: StreamName,
  { from = 0, direction = 'forwards' as ReadDirection, count = Number.POSITIVE_INFINITY } = {},
): { places: Place[]; next: number } | undefined {
  if (!reader.locate(name)) return undefined;
  const places: Place[] = [];
  const next = reader.collect(from, direction, {
    add: (position, bytes) => places.length < count && places.push({ position, bytes }) > 0,
  });
  return { places, next };
}
