import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../../bench/latency-histogram.js';
import { versionIn } from '../../../bench/peers/install.js';
import { parsePeerOptions } from '../../../bench/peers/options.js';
import { othersPercent, parseProcessorTimes } from '../../../bench/peers/others-share.js';
import { pointLines, pointsOf, timesOurs } from '../../../bench/peers/peer-points.js';
import {
  makePeerRow,
  type PeerResult,
  peerTableHeader,
  peerTableLine,
} from '../../../bench/peers/peer-row.js';
import { PEERS } from '../../../bench/peers/peers.js';
import { peerReport, peerSections } from '../../../bench/peers/report.js';
import { describePeerRun, parsePeerFile } from '../../../bench/peers/results-file.js';
import { chromium, openedInChromium } from '../../plot/chromium.js';
import { MACHINE } from '../sweep/sample.js';

const PROBE = { diskKind: 'native', syncMode: 'fdatasync', probe4kP50Us: 80, probe1mMBps: 2000.4 } as const;

function row(peer: string, turn: number, inFlight: number, eventsPerSecond: number) {
  const latency = new LatencyHistogram();
  for (let i = 1; i <= 100; i++) latency.record(i <= 98 ? 400 : 2000);
  const known = PEERS.find(({ name }) => name === peer) ?? {
    title: 'Cairn',
    durability: 'synced',
    isEqual: true,
  };
  const { title, durability, isEqual } = known;
  return makePeerRow(
    {
      ...{ peer, title, version: '1.2', durability, isEqual, turn },
      ...{ nodes: 3, connections: 1, inFlight, eventBytes: 256, othersPercent: 3 },
    },
    PROBE,
    { requests: 2 * eventsPerSecond, errors: 0, seconds: 2, latency },
  );
}

const RESULTS: readonly PeerResult[] = [
  { kind: 'skipped', peer: 'zookeeper', title: 'ZooKeeper', why: 'java not here' },
  row('cairn', 1, 1, 1000),
  row('cairn', 1, 256, 100_000),
  row('redis', 2, 1, 500),
  row('redis', 2, 256, 50_000),
  row('cairn', 3, 256, 120_000),
  row('etcd', 4, 256, 10_000),
  row('cairn', 5, 256, 140_000),
];

describe('a row of the comparison', () => {
  test('has rates, percentiles, and the median as a number of probes', () => {
    expect(row('redis', 2, 1, 500)).toMatchObject({
      kind: 'peer',
      peer: 'redis',
      eventsPerSecond: 500,
      p50Us: 400,
      p99Us: 2000,
      probe4kP50Us: 80,
      probe1mMBps: 2000,
      p50OverProbe: 5,
      seconds: 2,
    });
  });

  test('is a line of the table, and a skipped peer says why', () => {
    expect(peerTableHeader()).toContain('events/s');
    expect(peerTableLine(row('redis', 2, 1, 50_500))).toMatch(/^Redis.* 50,500 .* 400 /);
    expect(peerTableLine(RESULTS[0]!)).toMatch(/^ZooKeeper +skipped: java not here$/);
  });
});

describe('the peers', () => {
  test('each says what an answer of it means, and has a name of its own', () => {
    expect(new Set(PEERS.map(({ name }) => name)).size).toBe(PEERS.length);
    expect(new Set(PEERS.map(({ title }) => title)).size).toBe(PEERS.length);
    for (const { durability } of PEERS) expect(durability).toMatch(/[Ss]ync/);
  });

  test('what may lose acknowledged events is not called equal', () => {
    const unequal = PEERS.filter(({ isEqual }) => !isEqual).map(({ name }) => name);
    expect(unequal).toEqual(['nats', 'redis', 'postgresql']);
  });
});

describe('the points of a comparison', () => {
  const points = pointsOf(RESULTS);

  test('put the turns of a store together, load by load', () => {
    expect(points.map(({ peer, inFlight }) => `${peer} ${inFlight}`)).toEqual([
      'cairn 1',
      'cairn 256',
      'redis 1',
      'redis 256',
      'etcd 256',
    ]);
    expect(points[1]!.eventsPerSecond).toEqual({ median: 120_000, least: 100_000, most: 140_000, count: 3 });
  });

  test('compare rates at the same load, ours with nobody', () => {
    expect(points.map((point) => timesOurs(points, point))).toEqual([undefined, undefined, 2, 2.4, 12]);
  });
});

describe('the lines that end a table', () => {
  test('have medians, and how many times ours is theirs', () => {
    const lines = pointLines(pointsOf(RESULTS));
    expect(lines).toHaveLength(6);
    expect(lines[2]).toMatch(/^Cairn +256 +120,000 +400 +2000 +5 +3$/);
    expect(lines[5]).toMatch(/^etcd +256 +10,000 +12 +400 +2000 +5 +1$/);
  });
});

describe('the page', () => {
  const html = peerReport({ machine: MACHINE, results: RESULTS });

  test('shows the plots, what an answer means, and who is missing', () => {
    expect(html).toContain('<title>Acknowledged events a second, 256 in flight</title>');
    expect(html).toContain('<title>Median time to the answer, 1 in flight</title>');
    expect(html).toContain('<title>Events a second against appends in flight</title>');
    expect(html).toContain('Redis, AOF always, WAIT 1 *');
    expect(html).toContain('skipped: java not here');
    expect(html).toContain('>12 ×<');
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('says when others were too busy for the rows to mean much', () => {
    const busy = RESULTS.map((result) => ({ ...result, othersPercent: 80 }));
    expect(html).toContain('others took 3 %');
    expect(html).not.toContain('That is too much');
    expect(peerReport({ machine: MACHINE, results: busy })).toContain('That is too much');
  });

  test('of a run that came to nothing, or to one load, has no holes', () => {
    for (const results of [[], [RESULTS[0]!], [RESULTS[3]!]]) {
      expect(peerReport({ machine: MACHINE, results })).not.toMatch(/NaN|Infinity|undefined/);
    }
    expect(peerSections([RESULTS[3]!])[0]!.plots).toHaveLength(2);
  });

  test.skipIf(chromium === undefined)(
    'opens in a browser with all its plots (skipped where Chromium is not installed)',
    () => {
      const { dom, complaints } = openedInChromium(html);
      expect(complaints).toBe('');
      expect(dom.match(/<figure><svg /g)).toHaveLength(3);
    },
  );
});

describe('a file of results', () => {
  const lines = [MACHINE, ...RESULTS].map((line) => JSON.stringify(line));

  test('is read as it was written, up to where it was cut off', () => {
    const { peers: _, plan } = measured({});
    const machine = { ...MACHINE, sweeps: describePeerRun(plan).sweeps };
    const text = [machine, ...RESULTS].map((line) => `${JSON.stringify(line)}\n`).join('');
    expect(parsePeerFile(`${text}{"kind":"pe`, 'a.jsonl')).toEqual({ machine, results: RESULTS });
  });

  test.each([
    ['of the suite', `${lines.join('\n')}\n`],
    ['empty', ''],
    ['without the machine', `${lines[1]}\n`],
  ])('%s is refused by name', (_, text) => {
    expect(() => parsePeerFile(text, 'a.jsonl')).toThrow('a.jsonl is no result file of cairn bench peers');
  });
});

function measured(flags: Record<string, string>, switches = {}) {
  const { task } = parsePeerOptions(flags, switches);
  if (task.kind !== 'measure') throw new Error('it measures');
  return task;
}

describe('the flags', () => {
  test('without any, all peers are measured at three loads, and nothing is installed', () => {
    const task = measured({});
    expect(task.peers).toBe(PEERS);
    expect(task.plan).toEqual({ inFlights: [1, 64, 256], eventBytes: 256, seconds: 3, warmupSeconds: 2 });
    expect(task).toMatchObject({ install: false, directory: '.', out: undefined });
  });

  test('are taken as they are given', () => {
    const flags = { only: 'redis, etcd', inFlight: '8', seconds: '1', dir: '/data', out: 'a', report: 'b' };
    const { task, report } = parsePeerOptions(flags, { quick: true, install: true });
    expect(task).toMatchObject({
      plan: { inFlights: [8], seconds: 1, warmupSeconds: 0.3 },
      ...{ install: true, directory: '/data', out: 'a' },
    });
    expect(task.kind === 'measure' && task.peers.map(({ name }) => name)).toEqual(['redis', 'etcd']);
    expect(report).toBe('b');
  });

  test.each([
    [{ only: 'oracle' }, '--only takes some of etcd'],
    [{ inFlight: '1,many' }, '--in-flight takes a whole number'],
    [{ inFlight: '4096' }, '--in-flight takes numbers up to 1024'],
    [{ output: 'xml' }, '--output'],
  ])('%j is refused and the message says what is taken', (flags, message) => {
    expect(() => parsePeerOptions(flags as Record<string, string>, {})).toThrow(message);
  });
});

describe('what surrounds a row', () => {
  test.each([
    ['5:7.0.15-1~deb12u10', '7.0.15'],
    ['postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)', '15.18'],
    ['', ''],
  ])('the version in %j is %j', (text, version) => {
    expect(versionIn(text)).toBe(version);
  });

  test('others’ share is what was neither idle nor ours', () => {
    const before = parseProcessorTimes('cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1 1 1 1\n');
    const after = parseProcessorTimes('cpu  140 0 60 830 60 5 5 0 9 9\n');
    expect(before).toEqual({ all: 1000, idle: 850 });
    expect(othersPercent(before, after, 100)).toBe(50);
    expect(othersPercent(before, after, 10_000)).toBe(0);
    expect(othersPercent(before, before, 0)).toBe(0);
  });
});
