/** What an index must say, according to the list of the log's events. */
import { expect } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import type { IndexSnapshot } from '../../src/indexer/commands.js';
import { chunkFileName } from '../../src/log/chunk.js';
import type { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { hashOf, type SampleLog, type SampleRecord } from './sample-log.js';

/** Where the log of the model is. */
export const FOLDER = '/data';

/** The events by stream; what comes before a gap in a stream's revisions counts as gone. */
export function streamsOf(events: readonly SampleRecord[]): Map<string, SampleRecord[]> {
  const streams = new Map<string, SampleRecord[]>();
  for (const event of events) {
    const known = streams.get(event.stream);
    if (known === undefined || known.at(-1)!.revision + 1 < event.revision)
      streams.set(event.stream, [event]);
    else known.push(event);
  }
  return streams;
}

/** The committed events, and how many of the last event ids are wanted. */
interface Model {
  readonly events: readonly SampleRecord[];
  readonly streams: ReadonlyMap<string, readonly SampleRecord[]>;
  readonly eventIds: number;
}

/** `hasGoneIds`: of a log that was scavenged there may be ids of events that are gone. */
export function compareSnapshot(snapshot: IndexSnapshot, rig: Model, hasGoneIds: boolean): void {
  const { heads: all, recent } = snapshot;
  // Of streams with metadata a leader has to ask.
  const withMetadata = [...rig.streams.keys()].some((stream) => stream.startsWith('$$'));
  expect(all === undefined).toBe(withMetadata);
  if (all === undefined) return;
  const { names, revisions, positions } = all;
  const table = NameTable.fromTransfer(names);
  const [heads, lasts] = [new Float64Array(revisions), new Float64Array(positions)];
  const told = Array.from(heads, (head, i) => [table.nameOf(i), head, lasts[i]]);
  const expected = Array.from(rig.streams, ([stream, events]) => {
    const last = events.at(-1)!;
    return [stream, last.revision, last.position];
  });
  expect(told.sort()).toEqual(expected.sort());
  if (hasGoneIds) return;
  const last = rig.events.slice(-rig.eventIds);
  const ids = Buffer.from(recent.ids).toString('hex').match(/.{32}/g) ?? [];
  expect(ids).toEqual(last.map(({ id }) => id.toString('hex')));
  expect([...new Uint32Array(recent.streams)]).toEqual(last.map(({ stream }) => hashOf(table, stream)));
  expect([...new Float64Array(recent.revisions)]).toEqual(last.map(({ revision }) => revision));
  expect([...new Float64Array(recent.positions)]).toEqual(last.map(({ position }) => position));
}

/** Where the last event of a stream's metadata is, as an answer has it. */
export function metadataOf(streams: ReadonlyMap<string, SampleRecord[]>, stream: string) {
  const last = streams.get(`$$${stream}`)?.at(-1);
  return last && { position: last.position, bytes: last.bytes };
}

export function total(places: readonly (readonly [number, number])[]): [number, number] {
  return [places.length, places.reduce((sum, [, bytes]) => sum + bytes, 0)];
}

/** Writes a chunk's file as the log has it. */
export function writeChunk(disk: SimulatedDisk, sample: SampleLog, chunk: number): void {
  const bytes = sample.chunkFile(chunk);
  const path = `${FOLDER}/${chunkFileName(chunk, 0)}`;
  const isNew = !disk.paths().includes(path);
  const file = disk.open(path, { access: isNew ? 'create-new' : 'write' });
  disk.write(file, bytes, 0, bytes.length, 0);
  disk.sync(file);
  disk.close(file);
}
