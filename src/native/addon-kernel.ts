/**
 * The RecordKernel on the addon: CRC-32C, seal and verify by one of its implementations, the fastest unless another is
 * named. Pure; any thread, but a kernel belongs to the thread that made it: it passes the chain's state in memory of its own.
 */
import { assert } from '../base/assert.js';
import type {
  Bytes,
  ChainState,
  EventSearch,
  RangeSurvey,
  RecordKernel,
  RememberAll,
  RunEnd,
  TakeAppends,
  VerifyStop,
} from '../base/ports.js';
import type { Addon } from './load.js';
import { assertRange } from './range.js';

/** Where a survey's fields stand; SurveyPlace of native/record_walks.cc. */
const SURVEY = {
  durable: 0,
  epoch: 1,
  isInTransaction: 2,
  bytes: 3,
  records: 4,
  largestBytes: 5,
  last: 6,
  boundary: 7,
  isNotable: 8,
} as const;

/** The kernel over the implementation called `name`, one of `addon.implementations()`. */
export function addonKernel(addon: Addon, name: string = addon.implementations()[0]!): RecordKernel {
  const which = addon.implementations().indexOf(name);
  assert(which >= 0, `there is no CRC-32C implementation ${name} here`);
  const values = new Float64Array(4);
  const surveyed = new Float64Array(Object.keys(SURVEY).length);
  return {
    crc32c(bytes: Bytes, at: number, length: number, seed: number): number {
      assertRange(bytes, at, length);
      const crc = addon.crc32c(which, bytes, at, length, seed);
      assert(crc >= 0, 'crc32c: arguments out of bounds');
      return crc;
    },
    copyRuns(source: Bytes, target: Bytes, runs: Int32Array, count: number): void {
      const copied = addon.copyRuns(source, target, runs, count);
      assert(copied === count, 'copyRuns: every run lies inside source and target');
    },
    seal(bytes: Bytes, at: number, length: number, state: ChainState): number {
      assertRange(bytes, at, length);
      putState(state, values);
      const count = addon.seal(which, bytes, at, length, values);
      assert(count >= 0, 'seal: the range holds whole records, each in its place');
      takeState(values, state);
      return count;
    },
    verify(bytes: Bytes, at: number, length: number, state: ChainState): VerifyStop {
      assertRange(bytes, at, length);
      putState(state, values);
      const stop = addon.verify(which, bytes, at, length, values);
      assert(stop >= 0, 'verify: arguments out of bounds');
      takeState(values, state);
      return stop as VerifyStop;
    },
    survey(bytes: Bytes, at: number, length: number, survey: RangeSurvey): void {
      assertRange(bytes, at, length);
      surveyed[SURVEY.durable] = survey.durable;
      surveyed[SURVEY.epoch] = survey.epoch;
      surveyed[SURVEY.isInTransaction] = survey.isInTransaction ? 1 : 0;
      assert(addon.survey(bytes, at, length, surveyed) >= 0, 'survey: arguments out of bounds');
      takeSurvey(surveyed, survey);
    },
    findEvents(bytes: Bytes, at: number, length: number, { filter, found }: EventSearch): number {
      assertRange(bytes, at, length);
      const count = addon.findEvents(bytes, at, length, filter, found);
      assert(count >= 0, 'findEvents: the range holds records');
      return count;
    },
  };
}

/** The pass over appends, its answer checked. */
export function addonTakeAppends(addon: Addon): TakeAppends {
  return (message, registers, { ring, retries, nameSlots, nameWords, heads, replies }) => {
    const end = addon.takeAppends(message, registers, ring, retries, nameSlots, nameWords, heads, replies);
    assert(end >= 0, 'takeAppends: arguments out of bounds');
    return end as RunEnd;
  };
}

/** Fills a retry window. */
export function addonRememberAll(addon: Addon): RememberAll {
  return ({ memory, seed, added }, { ids, streams, revisions, positions }) => {
    const now = addon.rememberAll(memory, seed.low, seed.high, added, ids, streams, revisions, positions);
    assert(now >= 0, 'rememberAll: arguments out of bounds');
    return now;
  };
}

function putState(state: ChainState, values: Float64Array): void {
  assert(
    Number.isSafeInteger(state.position) && state.position >= 0,
    'a position is an integer, not negative',
  );
  values[0] = state.position;
  values[1] = state.chain >>> 0;
  values[2] = state.previousLength >>> 0;
  values[3] = state.epoch >>> 0;
}

function takeState(values: Float64Array, state: ChainState): void {
  state.position = values[0]!;
  state.chain = values[1]!;
  state.previousLength = values[2]!;
  state.epoch = values[3]!;
}

function takeSurvey(values: Float64Array, survey: RangeSurvey): void {
  survey.epoch = values[SURVEY.epoch]!;
  survey.isInTransaction = values[SURVEY.isInTransaction] === 1;
  survey.bytes = values[SURVEY.bytes]!;
  survey.records = values[SURVEY.records]!;
  survey.largestBytes = values[SURVEY.largestBytes]!;
  survey.last = values[SURVEY.last]!;
  survey.boundary = values[SURVEY.boundary]!;
  survey.isNotable = values[SURVEY.isNotable] === 1;
}
