import { afterEach, describe, expect, test, vi } from 'vitest';
import { writeU64 } from '../../src/base/bytes.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { PREPARE, RECORD, RECORD_HEADER_BYTES, RECORD_TYPE, RECORD_VERSION } from '../../src/log/record.js';
import { LogBytes } from '../../src/reader/log-bytes.js';
import type { ReadAnswer } from '../../src/reader/read-page.js';
import { SampleLog, type SampleRecord } from '../indexer/sample-log.js';
import { LiveLog } from './live-log.js';

const CHUNK_BYTES = 65_536;
const PAGE_BYTES = 1_048_544;
/** What the reader may read to judge a position: the fixed part of an event, and the longest stream name. */
const HEAD_BYTES = 1104;
const PLACES = ['memory', 'files'] as const;
type Place = (typeof PLACES)[number];

const open: LiveLog[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const live of open.splice(0)) await live.close();
});

describe.each(PLACES)('a position inside an event, in %s', (place) => {
  test.each([
    ['an event', RECORD_TYPE.prepare],
    ['a commit', RECORD_TYPE.commit],
    ['padding', RECORD_TYPE.padding],
  ])('costs two heads of records to refuse, whatever length a forged header gives to %s', async (_, type) => {
    const { live, trap } = trapIn(place);
    const from = trap.position + 40_000;
    for (const previousLength of [30_000, 35_000, 65_000, 33_554_432, 0xffff_ffff, 0]) {
      forge(live, place, { position: from, type: RECORD_TYPE.prepare, length: 200, previousLength });
      const lower = { position: from - 30_000, type, length: 30_000, previousLength: 8000 };
      forge(live, place, lower);
      const reading = vi.spyOn(LogBytes.prototype, 'read');
      expect(await firstPage(live, 'backwards', from)).toEqual({ kind: 'bad-position', position: from });
      expect(reading.mock.calls.length).toBeLessThanOrEqual(2);
      for (const [, , , length] of reading.mock.calls) expect(length).toBeLessThanOrEqual(HEAD_BYTES);
      reading.mockRestore();
    }
  });

  test('does not give a true event more bytes than it has, or fewer', async () => {
    const { live, trap } = trapIn(place);
    const before = live.sample.events.at(-2)!;
    for (const from of [trap.position + 400, trap.position + 40_000]) {
      for (const { position } of [trap, before]) {
        const previousLength = from - position;
        for (const type of [RECORD_TYPE.prepare, RECORD_TYPE.commit]) {
          forge(live, place, { position: from, type, length: 200, previousLength });
          expect(await lastEvent(live, from)).toEqual({ kind: 'bad-position', position: from });
        }
      }
    }
  });

  test('does not let a forged commit lead to a true event by a wrong length', async () => {
    const { live, trap } = trapIn(place);
    const from = trap.position + 40_000;
    const commit = { position: from - 56, type: RECORD_TYPE.commit, length: 56 };
    forge(live, place, { position: from, type: RECORD_TYPE.commit, length: 56, previousLength: 56 });
    forge(live, place, { ...commit, previousLength: from - 56 - trap.position });
    expect(await lastEvent(live, from)).toEqual({ kind: 'bad-position', position: from });
  });

  test('is the mistake of who named it, and no damage, when what was forged there is not whole', async () => {
    const { live, trap } = trapIn(place);
    const from = trap.position + 1000;
    for (const type of [RECORD_TYPE.prepare, RECORD_TYPE.commit, RECORD_TYPE.padding]) {
      for (const length of [44, 56, 200, 30_000]) {
        forge(live, place, { position: from, type, length, previousLength: 64 });
        for (const bytesMax of [48, PAGE_BYTES]) {
          const read = live.reader.readAll({ direction: 'forwards', from, eventsMax: Infinity });
          expect(await read.nextPage(bytesMax)).toEqual({ kind: 'bad-position', position: from });
        }
      }
    }
  });
});

describe('the position of a true event', () => {
  test('is damage, not a mistake, when the event is damaged', async () => {
    const { live, trap } = trapIn('files');
    live.damage(trap.position + 40_000, Uint8Array.of(1, 2, 3));
    const corrupt = { code: 'log-corrupt', details: { position: trap.position } };
    await expect(firstPage(live, 'forwards', trap.position)).rejects.toMatchObject(corrupt);
    await expect(firstPage(live, 'backwards', live.committed)).rejects.toMatchObject(corrupt);
  });

  test('is where a read backwards can start, though that event, its name even, is damaged', async () => {
    const { live, trap } = trapIn('files');
    live.damage(trap.position + PREPARE.stream, Uint8Array.of(1, 2, 3));
    const last = live.sample.events.at(-2)!;
    expect(await firstPage(live, 'backwards', trap.position)).toMatchObject({
      kind: 'page',
      eventCount: live.sample.events.length - 1,
    });
    live.damage(last.position + last.bytes - 8, Uint8Array.of(1, 2, 3));
    await expect(firstPage(live, 'backwards', trap.position)).rejects.toMatchObject({ code: 'log-corrupt' });
  });
});

/** Some events, the last of which, `trap`, has 50 kB that a client chose. */
function trapIn(place: Place): { live: LiveLog; trap: SampleRecord } {
  const sample = new SampleLog(CHUNK_BYTES);
  sample.epoch();
  const fill = () => {
    for (let i = 0; i < 5; i++) sample.transaction([{ stream: 'a', dataBytes: 100 }]);
    sample.transaction([{ stream: 'trap', dataBytes: 50_000 }]);
  };
  if (place === 'files') fill();
  const live = new LiveLog(sample, 131_072);
  open.push(live);
  if (place === 'memory') fill();
  live.advance();
  return { live, trap: sample.events.at(-1)! };
}

interface Forgery {
  readonly position: number;
  readonly type: number;
  readonly length: number;
  readonly previousLength: number;
}

/** Puts a header with a good checksum there, as the event's data might have. */
function forge(live: LiveLog, place: Place, { position, type, length, previousLength }: Forgery): void {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(RECORD.length, length, true);
  writeU64(view, RECORD.position, position);
  view.setUint32(RECORD.previousLength, previousLength, true);
  view.setUint32(RECORD.bodyCrc, 1, true);
  view.setUint8(RECORD.type, type);
  view.setUint8(RECORD.version, RECORD_VERSION);
  const crc = javascriptKernel.crc32c(bytes, RECORD.length, RECORD_HEADER_BYTES - RECORD.length, 0);
  view.setUint32(RECORD.crc, crc, true);
  if (place === 'files') live.damage(position, bytes);
  else live.producer.memory.bytes.set(bytes, live.producer.memory.offsetOf(position));
}

function firstPage(live: LiveLog, direction: 'forwards' | 'backwards', from: number): Promise<ReadAnswer> {
  return live.reader.readAll({ direction, from, eventsMax: Infinity }).nextPage(PAGE_BYTES);
}

/** The event that ends there, alone: read without touching what lies before it. */
function lastEvent(live: LiveLog, from: number): Promise<ReadAnswer> {
  return live.reader.readAll({ direction: 'backwards', from, eventsMax: 1 }).nextPage(4096);
}
