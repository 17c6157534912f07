/** Logs of any kind for tests of reads, and what the pages of a read of them must be. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Direction } from '../../src/indexer/commands.js';
import { RECORD_TYPE } from '../../src/log/record.js';
import type { ReadAnswer } from '../../src/reader/read-page.js';
import type { SampleLog, SampleRecord } from '../indexer/sample-log.js';
import { HEADROOM_BYTES, type LiveLog } from './live-log.js';

export const CHUNK_BYTES = 65_536;
export const RING_BYTES = 131_072;
export const STREAMS = ['a', 'b', 'order-1', 'é'];
export const DIRECTIONS: Direction[] = ['forwards', 'backwards'];

/** `draft`: a step of an open transaction. */
export type Step = { stream: string; dataBytes: number }[] | 'commit' | 'epoch' | 'draft';

export function history(): fc.Arbitrary<Step[]> {
  const bytes = fc.oneof({ weight: 8, arbitrary: fc.nat(600) }, { weight: 1, arbitrary: fc.nat(30_000) });
  const event = fc.record({ stream: fc.constantFrom(...STREAMS), dataBytes: bytes });
  const transaction = fc.array(event, { minLength: 1, maxLength: 30 });
  const other = fc.constantFrom('commit' as const, 'epoch' as const, 'draft' as const);
  return fc.array(fc.oneof({ weight: 4, arbitrary: transaction }, { weight: 1, arbitrary: other }), {
    maxLength: 40,
  });
}

export function append(sample: SampleLog, steps: readonly Step[]): void {
  for (const step of steps) {
    if (step === 'commit') sample.commit();
    else if (step === 'epoch') sample.epoch();
    else if (step === 'draft')
      sample.draft(1, sample.records.filter(({ type }) => type === RECORD_TYPE.draft).length);
    else sample.transaction(step);
  }
}

export function streamRead(live: LiveLog, stream: string, direction: Direction) {
  const from = direction === 'forwards' ? 0 : Infinity;
  return live.reader.readStream({ stream: encode(stream), direction, from, eventsMax: Infinity });
}

export function startOf(direction: Direction): number {
  return direction === 'forwards' ? 0 : Infinity;
}

export function inOrder<T>(events: readonly T[], direction: Direction): T[] {
  return direction === 'forwards' ? [...events] : events.toReversed();
}

export function pageOf(answer: ReadAnswer) {
  if (answer.kind !== 'page') expect.fail(`not a page but ${answer.kind}`);
  return answer;
}

/** The positions of a page's records, after comparing the bytes of each with the log's. */
export function positionsIn(answer: ReadAnswer, live: LiveLog): number[] {
  const { bytes } = pageOf(answer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const positions: number[] = [];
  for (let at = HEADROOM_BYTES; at < bytes.length; ) {
    const position = Number(view.getBigUint64(at + 8, true));
    const occupied = Math.ceil(view.getUint32(at + 4, true) / 8) * 8;
    const expected = live.sample.bytes.subarray(position, position + occupied);
    if (Buffer.compare(bytes.subarray(at, at + occupied), expected) !== 0)
      expect.fail(`record ${position} is not as written`);
    positions.push(position);
    at += occupied;
  }
  return positions;
}

/** The answers are pages with exactly these events, each page within its limits and saying the right things. */
export function expectEvents(
  answers: ReadAnswer[],
  live: LiveLog,
  expected: SampleRecord[],
  pageBytes: number,
): void {
  const types = new Map(live.sample.records.map((record) => [record.position, record.type]));
  const seen: number[] = [];
  for (const answer of answers) {
    const page = pageOf(answer);
    const positions = positionsIn(page, live);
    const events = positions.filter((position) => types.get(position) === RECORD_TYPE.prepare);
    expect(page.eventCount).toBe(events.length);
    expect(positions.some((position) => types.get(position) === RECORD_TYPE.padding)).toBe(false);
    if (!page.isLast) expect(events.length).toBeGreaterThan(0);
    if (positions.length > 1)
      expect(page.bytes.length - HEADROOM_BYTES).toBeLessThanOrEqual(Math.max(48, pageBytes));
    seen.push(...events);
  }
  expect(seen).toEqual(expected.map((event) => event.position));
}

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** No read begins at `at`, and none backwards at `end`, whatever its pages. */
export async function expectRefused({ reader }: LiveLog, at: number, end: number): Promise<void> {
  for (const bytesMax of [48, 300, 1_000_000]) {
    for (const [direction, from] of [
      ['forwards', at],
      ['backwards', end],
    ] as const) {
      const read = reader.readAll({ direction, from, eventsMax: Infinity });
      expect(await read.nextPage(bytesMax)).toEqual({ kind: 'bad-position', position: from });
    }
  }
}
