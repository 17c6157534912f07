/** What a model of an index's events has to say about places. Pure. */
import type { SampleRecord } from './sample-log.js';

/** As an answer has it. */
export function metadataOf(streams: ReadonlyMap<string, SampleRecord[]>, stream: string) {
  const last = streams.get(`$$${stream}`)?.at(-1);
  return last && { position: last.position, bytes: last.bytes };
}

/** How many places, and their bytes. */
export function total(places: readonly (readonly [number, number])[]): [number, number] {
  return [places.length, places.reduce((sum, [, bytes]) => sum + bytes, 0)];
}
