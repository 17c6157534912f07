/**
 * Lists the names of all metadata streams page by page, while segments come and go: a page goes on behind a name of one holder. One that is another since
 * then is begun with anew, so that names may come twice, and none is left out. Pure; index thread.
 */
import type { Bytes } from '../base/ports.js';
import { isMetadataName } from '../base/stream-metadata.js';
import type { SegmentReader } from '../index/segment-reader.js';
import { compareNames, type StreamHash, StreamName } from '../index/stream-hash.js';
import type { ListingPlace, MetadataStreamsPage } from './commands.js';
import type { MemoryPart } from './memory-part.js';

const NOTHING = new Uint8Array(0);

/** Which page, and by which hash segments are sorted. */
export interface ListingQuery {
  readonly place: ListingPlace;
  readonly namesMax: number;
  readonly hash: StreamHash;
}

/** A holder, as a place names it. */
interface Listed {
  readonly firstChunk: number;
  /** -1 in a place, of one in memory: its order is another than that of the segment that it becomes. */
  readonly lastChunk: number;
  /** The last chunk that it has. */
  readonly through: number;
  list(after: Bytes, take: (name: Uint8Array) => 'enough' | undefined): void;
}

/** Throws `IndexDamage`. */
export function listMetadataStreams(
  segments: readonly SegmentReader[],
  parts: readonly MemoryPart[],
  { place, namesMax, hash }: ListingQuery,
): MetadataStreamsPage {
  const all = [...segments.map((one) => listedSegment(one, hash)), ...parts.map(listedPart)];
  const holders = all
    .filter(({ through }) => through >= place.firstChunk)
    .sort((a, b) => a.firstChunk - b.firstChunk);
  const names: Uint8Array[] = [];
  for (const { firstChunk, lastChunk, list } of holders) {
    const isSame = firstChunk === place.firstChunk && lastChunk === place.lastChunk;
    let after = isSame ? place.after : NOTHING;
    let isFull = false;
    list(after, (name) => {
      isFull = names.length === namesMax;
      if (isFull) return 'enough';
      names.push(name);
      after = name;
      return undefined;
    });
    if (isFull) return { names, next: { firstChunk, lastChunk, after } };
  }
  return { names, next: undefined };
}

function listedSegment(segment: SegmentReader, hash: StreamHash): Listed {
  const { firstChunk, lastChunk } = segment.header;
  return {
    ...{ firstChunk, lastChunk, through: lastChunk },
    list: (after, take) => {
      const from = hashed(after, hash);
      let isBehind = after.length === 0;
      const takeName = (bytes: Bytes, at: number, length: number) => {
        const name = hashed(bytes.slice(at, at + length), hash);
        isBehind ||= compareNames(name, from) > 0;
        return isBehind ? take(name.bytes) : undefined;
      };
      segment.metadataNames(takeName, isBehind ? undefined : from);
    },
  };
}

function listedPart({ chunk, names }: MemoryPart): Listed {
  return {
    ...{ firstChunk: chunk, lastChunk: -1, through: chunk },
    list: (after, take) => {
      const begin = after.length > 0 ? names.find(after, 0, after.length) + 1 : 0;
      for (let number = begin; number < names.size; number++) {
        const name = names.bytesOf(number);
        if (isMetadataName(name, 0, name.length) && take(name) === 'enough') return;
      }
    },
  };
}

function hashed(bytes: Bytes, hash: StreamHash): StreamName {
  const name = new StreamName();
  name.set(bytes, 0, bytes.length);
  hash(name);
  return name;
}
