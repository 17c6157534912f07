import { truncateSync, unlinkSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Direction } from '../../src/indexer/commands.js';
import { RECORD_TYPE } from '../../src/log/record.js';
import type { LogRead } from '../../src/reader/read-page.js';
import { SampleLog, type SampleRecord } from '../indexer/sample-log.js';
import { HEADROOM_BYTES, LiveLog } from './live-log.js';

const CHUNK_BYTES = 65_536;
const RING_BYTES = 131_072;
const DIRECTIONS: Direction[] = ['forwards', 'backwards'];

const open: LiveLog[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) await live.close();
});

describe('a damaged log', () => {
  test('is read up to the damage and no further: no damaged record is ever given out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 1, max: 70_000 }),
        async (pick, byte, flip, bytesMax) => {
          const live = coldLog();
          const victims = live.sample.records.filter((record) => record.type !== RECORD_TYPE.padding);
          const victim = victims[pick % victims.length]!;
          const at = victim.position + (byte % victim.bytes);
          live.damage(at, Uint8Array.of(live.sample.bytes[at]! ^ flip));
          for (const direction of DIRECTIONS) {
            const all = live.reader.readAll({ direction, from: startOf(direction), eventsMax: Infinity });
            const events = direction === 'forwards' ? live.sample.events : live.sample.events.toReversed();
            expectUpTo(victim, events, await readOut(all, bytesMax, live));
            for (const stream of ['a', 'b', 'c']) {
              const read = live.reader.readStream({
                stream: encode(stream),
                direction,
                from: startOf(direction),
                eventsMax: Infinity,
              });
              const ofStream = events.filter((event) => event.stream === stream);
              // Other streams are not concerned.
              const culprit = ofStream.includes(victim) ? victim : undefined;
              expectUpTo(culprit, ofStream, await readOut(read, bytesMax, live));
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('names the file, the offset and the position', async () => {
    const live = coldLog();
    const victim = live.sample.events.find((event) => event.position > CHUNK_BYTES)!;
    live.damage(victim.position + 60, Uint8Array.of(1, 2, 3));
    const read = live.reader.readStream({
      stream: encode(victim.stream),
      direction: 'forwards',
      from: victim.revision,
      eventsMax: 9,
    });
    const details = {
      file: live.chunkPath(1),
      offset: 4096 + (victim.position % CHUNK_BYTES),
      position: victim.position,
    };
    await expect(read.nextPage(1)).rejects.toMatchObject({ code: 'log-corrupt', details });
  });

  test('is told, besides to the reader, to whoever can mend it; and is read when another file is in its place', async () => {
    const live = coldLog();
    const victim = live.sample.events.find((event) => event.position > CHUNK_BYTES)!;
    const putBack = live.keepCopy(victim.position);
    live.damage(victim.position + 60, Uint8Array.of(1, 2, 3));
    const read = () =>
      live.reader.readStream({
        stream: encode(victim.stream),
        direction: 'forwards',
        from: victim.revision,
        eventsMax: 1,
      });
    await expect(read().nextPage(1)).rejects.toMatchObject({ code: 'log-corrupt' });
    expect(live.damages.map(({ details }) => details['position'])).toEqual([victim.position]);
    putBack();
    live.reader.reopen(1);
    expect(await read().nextPage(1)).toMatchObject({ kind: 'page', eventCount: 1 });
    expect(live.damages).toHaveLength(1);
  });

  test('is not given to another node: whole records before it are, and where it begins there is an error', async () => {
    const live = coldLog();
    const victim = live.sample.records[30]!;
    live.damage(victim.position + 4, Uint8Array.of(0, 0, 0, 0));
    const bytes = new Uint8Array(CHUNK_BYTES);
    await live.reader.readRaw(0, bytes);
    expect(live.reader.wholeRecords(0, bytes)).toBe(victim.position);
    const rest = new Uint8Array(4096);
    await live.reader.readRaw(victim.position, rest);
    expect(() => live.reader.wholeRecords(victim.position, rest)).toThrow(/the log is damaged/);
    expect(live.damages).toHaveLength(1);
  });

  test('is not what a record that goes on behind the bytes is taken for', async () => {
    const live = coldLog();
    const long = live.sample.events.find((event) => event.bytes > 9000)!;
    const bytes = new Uint8Array(4096);
    await live.reader.readRaw(long.position, bytes);
    expect(live.reader.wholeRecords(long.position, bytes)).toBe(0);
    expect(live.damages).toEqual([]);
  });

  test('is reported when a chunk file was cut short', async () => {
    const live = coldLog();
    truncateSync(live.chunkPath(0), 8192);
    const read = live.reader.readAll({ direction: 'forwards', from: 0, eventsMax: Infinity });
    await expect(read.nextPage(60_000)).rejects.toMatchObject({
      code: 'log-corrupt',
      details: { position: 4096 },
    });
  });

  test('is a disk failure when a chunk file is gone, until it is back', async () => {
    const live = coldLog();
    unlinkSync(live.chunkPath(1));
    const stream = live.sample.events.find((event) => event.position > CHUNK_BYTES)!;
    const read = () =>
      live.reader.readStream({
        stream: encode(stream.stream),
        direction: 'forwards',
        from: stream.revision,
        eventsMax: 1,
      });
    const details = { errno: 'ENOENT', path: live.chunkPath(1) };
    await expect(read().nextPage(1)).rejects.toMatchObject({ code: 'disk-failure', details });
    expect(live.damages).toMatchObject([{ code: 'disk-failure', details }]);
    live.sample.writeChunks(live.folder);
    expect(await read().nextPage(1)).toMatchObject({ kind: 'page', eventCount: 1 });
  });
});

/** Some 200 KiB, all of it in files. */
function coldLog(): LiveLog {
  const sample = new SampleLog(CHUNK_BYTES);
  sample.epoch();
  for (let i = 0; i < 300; i++) {
    sample.transaction([
      { stream: 'abc'[i % 3]!, dataBytes: (i * 37) % 500 },
      { stream: 'b', dataBytes: 20 },
    ]);
    if (i % 7 === 0) sample.commit();
    if (i % 90 === 0) sample.transaction([{ stream: 'c', dataBytes: 9000 }]);
  }
  const live = new LiveLog(sample, RING_BYTES);
  open.push(live);
  return live;
}

function startOf(direction: Direction): number {
  return direction === 'forwards' ? 0 : Infinity;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What a read gave before it ended: the positions of its events, and where the damage is that ended it, if any did. */
interface Outcome {
  readonly positions: number[];
  readonly damagedAt: number | undefined;
}

async function readOut(read: LogRead, bytesMax: number, live: LiveLog): Promise<Outcome> {
  const positions: number[] = [];
  const types = new Map(live.sample.records.map((record) => [record.position, record.type]));
  for (;;) {
    try {
      const page = await read.nextPage(bytesMax);
      if (page.kind !== 'page') expect.fail(`not a page but ${page.kind}`);
      for (const position of intactRecords(page.bytes, live)) {
        if (types.get(position) === RECORD_TYPE.prepare) positions.push(position);
      }
      if (page.isLast) return { positions, damagedAt: undefined };
    } catch (error) {
      expect(error).toMatchObject({ code: 'log-corrupt' });
      return { positions, damagedAt: (error as { details: { position: number } }).details.position };
    }
  }
}

/** The positions of a page's records, each of which is as it was written. */
function intactRecords(bytes: Uint8Array, live: LiveLog): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const positions: number[] = [];
  for (let at = HEADROOM_BYTES; at < bytes.length; ) {
    const position = Number(view.getBigUint64(at + 8, true));
    const occupied = Math.ceil(view.getUint32(at + 4, true) / 8) * 8;
    const original = live.sample.bytes.subarray(position, position + occupied);
    if (Buffer.compare(bytes.subarray(at, at + occupied), original) !== 0)
      expect.fail(`record ${position} is damaged`);
    positions.push(position);
    at += occupied;
  }
  return positions;
}

/** All of `events` before `victim` in the order of reading were given, then the damage was reported; or all, if there is none. */
function expectUpTo(
  victim: SampleRecord | undefined,
  events: readonly SampleRecord[],
  outcome: Outcome,
): void {
  const forwards = (events[0]?.position ?? 0) <= (events.at(-1)?.position ?? 0);
  const isBefore = ({ position }: SampleRecord) =>
    victim === undefined || (forwards ? position < victim.position : position > victim.position);
  expect(outcome.positions).toEqual(events.filter(isBefore).map((event) => event.position));
  expect(outcome.damagedAt).toBe(victim?.position);
}
