import { describe, expect, test } from 'vitest';
import type { FlagValues } from '../../bench/flags.js';
import { parseAppendOptions, parseOutput, parseReadOptions } from '../../bench/options.js';
import { CairnError } from '../../src/base/errors.js';

describe('bench append', () => {
  test('without flags it is a closed loop of 256 single events in process', () => {
    expect(parseAppendOptions({})).toEqual({
      mode: 'engine',
      nodes: 1,
      inFlight: 256,
      eventBytes: 256,
      eventsPerRequest: 1,
      streams: 16,
      connections: 1,
      seconds: 5,
      warmupSeconds: 2,
      ratePerSecond: 0,
      urls: [],
      directory: '.',
      syncMode: 'fdatasync',
    });
  });

  test('every flag is taken as given', () => {
    const flags = {
      mode: 'ws',
      nodes: '1',
      inFlight: '4096',
      eventBytes: '1000',
      eventsPerRequest: '64',
      streams: '3',
      connections: '2',
      seconds: '0.2',
      warmup: '0',
      rate: '50000',
      dir: '/somewhere',
      syncMode: 'dsync',
    };
    expect(parseAppendOptions(flags)).toMatchObject({
      mode: 'ws',
      inFlight: 4096,
      eventBytes: 1000,
      eventsPerRequest: 64,
      streams: 3,
      connections: 2,
      seconds: 0.2,
      warmupSeconds: 0,
      ratePerSecond: 50_000,
      directory: '/somewhere',
      syncMode: 'dsync',
    });
  });

  test('an address means ws', () => {
    expect(parseAppendOptions({ url: 'ws://127.0.0.1:2113' })).toMatchObject({ mode: 'ws', nodes: 1 });
  });

  test('several addresses are those of a cluster of so many nodes', () => {
    const options = parseAppendOptions({ url: '127.0.0.1:2113, 127.0.0.1:2114,127.0.0.1:2115' });
    expect(options).toMatchObject({ mode: 'ws', nodes: 3 });
    expect(options.urls).toEqual(['127.0.0.1:2113', '127.0.0.1:2114', '127.0.0.1:2115']);
  });

  test('several nodes mean ws', () => {
    expect(parseAppendOptions({ nodes: '3' })).toMatchObject({ mode: 'ws', nodes: 3 });
  });

  test.each<[FlagValues, string]>([
    [{ nodes: '3', mode: 'engine' }, '--nodes'],
    [{ nodes: '10' }, '--nodes'],
    [{ nodes: '2', url: 'ws://127.0.0.1:2113' }, '--nodes'],
    [{ url: 'ws://127.0.0.1:2113,' }, '--url'],
    [{ nodes: '0' }, '--nodes'],
    [{ inFlight: '0' }, '--in-flight'],
    [{ inFlight: '1.5' }, '--in-flight'],
    [{ inFlight: '-1' }, '--in-flight'],
    [{ inFlight: '' }, '--in-flight'],
    [{ inFlight: '1e3' }, '--in-flight'],
    [{ eventBytes: 'many' }, '--event-bytes'],
    [{ eventsPerRequest: '65536' }, '--events-per-request'],
    [{ eventsPerRequest: '65535' }, '4 MiB'],
    [{ eventBytes: '1000000', inFlight: '4096' }, '1 GiB'],
    [{ seconds: '0' }, '--seconds'],
    [{ seconds: 'Infinity' }, '--seconds'],
    [{ rate: '0' }, '--rate'],
    [{ mode: 'grpc' }, '--mode'],
    [{ syncMode: 'none', mode: 'ws' }, '--sync-mode'],
    [{ syncMode: 'never' }, '--sync-mode'],
    [{ mode: 'engine', url: 'ws://127.0.0.1:2113' }, '--url'],
    [{ mode: 'engine', connections: '2' }, '--connections'],
  ])('%j is refused, and the message names %s', (flags, part) => {
    expectRefusal(() => parseAppendOptions(flags), part);
  });
});

describe('bench read', () => {
  test('without flags one reader goes through the whole log over ws', () => {
    const options = parseReadOptions({});
    expect(options).toMatchObject({ mode: 'ws', source: 'all', inFlight: 1, events: 1_000_000 });
  });

  test('flags that commander leaves undefined keep the defaults of reading', () => {
    expect(parseReadOptions({ inFlight: undefined, rate: undefined })).toMatchObject({ inFlight: 1 });
  });

  test('reading a stream means that there is just one', () => {
    expect(parseReadOptions({ source: 'stream', streams: '9' }).streams).toBe(1);
  });

  test.each<[FlagValues, string]>([
    [{ rate: '1000' }, '--rate'],
    [{ mode: 'engine' }, '--mode ws'],
    [{ source: 'index' }, '--source'],
    [{ events: '0' }, '--events'],
  ])('%j is refused, and the message names %s', (flags, part) => {
    expectRefusal(() => parseReadOptions(flags), part);
  });
});

test('the output is a table unless asked otherwise', () => {
  expect(parseOutput({})).toBe('table');
  expect(parseOutput({ output: 'json' })).toBe('json');
  expectRefusal(() => parseOutput({ output: 'xml' }), '--output');
});

function expectRefusal(parse: () => unknown, part: string): void {
  let error: unknown;
  try {
    parse();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CairnError);
  expect((error as CairnError).code).toBe('invalid-configuration');
  expect((error as CairnError).message).toContain(part);
}
