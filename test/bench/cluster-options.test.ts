import { describe, expect, test } from 'vitest';
import {
  catchUpFlags,
  parseCatchUpOptions,
  parseFailoverOptions,
  parseSlowFollowerOptions,
} from '../../bench/cluster-options.js';

describe('without flags', () => {
  test('failover kills the leader of three nodes ten times, under a light load', () => {
    expect(parseFailoverOptions({})).toEqual({
      nodes: 3,
      rate: 200,
      eventBytes: 256,
      syncMode: 'fdatasync',
      directory: '.',
      how: 'kill',
      runs: 10,
    });
  });

  test('slow-follower holds up each sync by 300 ms', () => {
    const options = parseSlowFollowerOptions({});
    expect(options).toMatchObject({ nodes: 3, rate: 1000, delayMs: 300, seconds: 5, warmupSeconds: 2 });
  });

  test('catchup goes over a gibibyte of large events, and over one of small events', () => {
    const all = catchUpFlags({}).map(parseCatchUpOptions);
    expect(all.map(({ bytes, fillEventBytes }) => [bytes, fillEventBytes])).toEqual([
      [2 ** 30, 65_536],
      [2 ** 30, 256],
    ]);
    // The load on the others is the same for both.
    for (const { eventBytes } of all) expect(eventBytes).toBe(256);
  });
});

test('catchup with a size of events goes over those alone', () => {
  const all = catchUpFlags({ eventBytes: '1000', bytes: '5MiB' }).map(parseCatchUpOptions);
  expect(all).toHaveLength(1);
  expect(all[0]).toMatchObject({ bytes: 5 * 2 ** 20, fillEventBytes: 1000 });
});

test.each([
  [() => parseFailoverOptions({ nodes: '2' }), '--nodes'],
  [() => parseFailoverOptions({ runs: '0' }), '--runs'],
  [() => parseFailoverOptions({ how: 'politely' }), '--how'],
  [() => parseSlowFollowerOptions({ delayMs: '-1' }), '--delay-ms'],
  [() => parseCatchUpOptions({ bytes: '1TB' }), '--bytes'],
  [() => parseCatchUpOptions({ bytes: '1000', eventBytes: '1001' }), '--bytes'],
])('what makes no sense is refused, and the message names the flag (%#)', (parse, flag) => {
  expect(parse).toThrow(flag);
});
