/** When the chunks are read again: not before the interval is over, not while a round is under way, and then again and again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SweepJob, VerifyJob } from '../../src/indexer/jobs.js';
import { ScrubRounds } from '../../src/indexer/scrub-rounds.js';

const HOUR_MS = 3_600_000;
const WALL_MS = 1_767_225_600_000;

let begun: number[] = [];
let rounds: ScrubRounds;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  begun = [];
});

afterEach(() => {
  rounds.close();
  vi.useRealTimers();
});

function scrub(intervalMs: number): ScrubRounds {
  rounds = new ScrubRounds({
    ...{ intervalMs, monotonicMs: () => Date.now(), wallMs: () => WALL_MS + Date.now() },
    begin: () => begun.push(Date.now()),
  });
  return rounds;
}

function job(chunksLeft: number): VerifyJob {
  return { kind: 'verify', chunk: chunksLeft, chunksLeft, chunkSize: 1000 } as VerifyJob;
}

function round(verdicts: readonly ('sound' | 'damaged' | 'unread')[]): void {
  for (const [i, verdict] of verdicts.entries()) {
    const next = job(verdicts.length - 1 - i);
    rounds.began(next);
    rounds.ended(next, verdict);
  }
}

test('a round is due each time that the interval is over, however long that is', async () => {
  scrub(200 * HOUR_MS);
  await vi.advanceTimersByTimeAsync(200 * HOUR_MS - 1);
  expect(begun).toEqual([]);
  await vi.advanceTimersByTimeAsync(1 + 400 * HOUR_MS);
  expect(begun).toEqual([200 * HOUR_MS, 400 * HOUR_MS, 600 * HOUR_MS]);
});

test('one that takes longer than the interval is followed by the next at once, and nothing is caught up on', async () => {
  scrub(HOUR_MS);
  rounds.began(job(1));
  await vi.advanceTimersByTimeAsync(5.5 * HOUR_MS);
  expect(begun).toEqual([]);
  rounds.ended(job(1), 'sound');
  rounds.began(job(0));
  expect(begun).toEqual([]);
  rounds.ended(job(0), 'unread');
  expect(begun).toEqual([5.5 * HOUR_MS]);
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  expect(begun).toEqual([5.5 * HOUR_MS, 6.5 * HOUR_MS]);
});

test('with an interval of 0, and when it is closed, nothing is due ever', async () => {
  scrub(0);
  await vi.advanceTimersByTimeAsync(9_000 * HOUR_MS);
  scrub(HOUR_MS).close();
  await vi.advanceTimersByTimeAsync(9_000 * HOUR_MS);
  expect(begun).toEqual([]);
});

test('chunks, bytes and damage are counted, and the end of a round is noted', () => {
  scrub(0);
  expect(rounds.status).toMatchObject({ isUnderWay: false, rounds: 0, lastRoundEndedAt: null });
  rounds.began(job(2));
  expect(rounds.status).toMatchObject({ isUnderWay: true, chunksLeft: 3, chunks: 0 });
  rounds.ended(job(2), 'damaged');
  expect(rounds.status).toMatchObject({ isUnderWay: true, chunksLeft: 2, chunks: 1, damaged: 1 });
  vi.setSystemTime(77);
  round(['unread', 'sound']);
  expect(rounds.status).toEqual({
    ...{ isUnderWay: false, chunksLeft: 0, rounds: 1, lastRoundEndedAt: WALL_MS + 77 },
    ...{ chunks: 2, bytes: 2000, damaged: 1, indexDamaged: 0 },
  });
});

test('the index is read first in a round, and counted apart', () => {
  scrub(0);
  const sweep = { kind: 'sweep', chunksLeft: 2, chunkSize: 1000 } as SweepJob;
  for (const verdict of ['sound', 'damaged', 'unread'] as const) {
    rounds.began(sweep);
    expect(rounds.status).toMatchObject({ isUnderWay: true, chunksLeft: 2 });
    rounds.ended(sweep, verdict);
  }
  round(['sound', 'sound']);
  expect(rounds.status).toMatchObject({ rounds: 1, chunks: 2, bytes: 2000, damaged: 0, indexDamaged: 1 });
});
