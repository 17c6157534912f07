/**
 * Events that can be told from all others: an id says which append of which run it belongs to, and everything else follows from
 * the id, so that whoever reads an event knows whether it is as it was sent. Those of the load are there for ever; scrap is there to be deleted. Pure.
 */
import { formatUuid } from '../../../src/base/bytes.js';
import type { NewEvent } from '../../../src/client/append-encoder.js';

const ID_BYTES = 16;
const TYPES = 8;
/** Of most events. */
const SMALL_BYTES_MAX = 200;
/** Of one event in 64. */
const LARGE_BYTES_MAX = 12_000;
const SCRAP_TYPE = 'scrap';
const SCRAP_BYTES_MIN = 200;
/** Of most scrap. */
const SCRAP_BYTES_MAX = 700;
/** Of one in four: chunks are to be filled with it, and the load's events not to drown in it. */
const LARGE_SCRAP_BYTES_MAX = 8_000;
/** Streams of whoever deletes them again. */
export const SCRAP_PREFIX = 'scrap-';

/** The id of event `index` of append `number`; `salt` tells runs apart. */
export function eventIdOf(salt: number, number: number, index: number): string {
  const bytes = new Uint8Array(ID_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [salt, number, index, mix(salt ^ number, index)].entries()) {
    view.setUint32(i * 4, word >>> 0);
  }
  return formatUuid(bytes, 0);
}

/** The event of the load that has this id. */
export function eventOf(id: string): NewEvent & { readonly data: Uint8Array } {
  const seed = seedOf(id);
  const size = mix(seed, 1) % ((seed & 63) === 0 ? LARGE_BYTES_MAX : SMALL_BYTES_MAX);
  return { id, type: `type-${seed % TYPES}`, data: contentOf(seed, size) };
}

/** The piece of scrap that has this id. */
export function scrapOf(id: string): NewEvent & { readonly data: Uint8Array } {
  const seed = seedOf(id);
  const more = mix(seed, 1) % ((seed & 3) === 0 ? LARGE_SCRAP_BYTES_MAX : SCRAP_BYTES_MAX);
  return { id, type: SCRAP_TYPE, data: contentOf(seed, SCRAP_BYTES_MIN + more) };
}

/** Whether an event of the load is as it was sent. */
export function isGenuine(id: string, type: string, data: Uint8Array): boolean {
  return isSame(eventOf(id), type, data);
}

export function isGenuineScrap(id: string, type: string, data: Uint8Array): boolean {
  return isSame(scrapOf(id), type, data);
}

/** Whether the stream is one of the load's: neither scrap, nor said about that, nor the system's own. */
export function isOfLoad(stream: string): boolean {
  return !stream.startsWith('$') && !isScrap(stream);
}

export function isScrap(stream: string): boolean {
  return stream.startsWith(SCRAP_PREFIX);
}

function isSame(sent: ReturnType<typeof eventOf>, type: string, data: Uint8Array): boolean {
  return sent.type === type && Buffer.compare(sent.data, data) === 0;
}

function seedOf(id: string): number {
  return Number.parseInt(id.slice(-8), 16);
}

function contentOf(seed: number, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = mix(seed, i + 2);
  return new Uint8Array(words.buffer, 0, size);
}

/** The finalizer of MurmurHash3 (Austin Appleby, public domain), over both. */
function mix(a: number, b: number): number {
  let hash = (a ^ Math.imul(b + 1, 0x9e37_79b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
