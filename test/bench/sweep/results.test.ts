import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare, comparisonLines } from '../../../bench/sweep/comparison.js';
import { parseResults, ResultsFile, readResults } from '../../../bench/sweep/results-file.js';
import { noiseSentence, rowsOf, tableLines } from '../../../bench/sweep/sweep-row.js';
import { syncFitsOf } from '../../../bench/sweep/sync-fits.js';
import { MACHINE, repeated, sample } from './sample.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-suite-test-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('repetitions of a point', () => {
  const rows = rowsOf([
    ...repeated({ inFlight: 1 }, [9000, 11_000, 10_000]),
    ...repeated({ inFlight: 256 }, [500_000]),
  ]);

  test('become one row with the median of everything, and how far it spread', () => {
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      kind: 'row',
      what: 'in process, 1 in flight',
      inFlight: 1,
      eventsPerSecond: { median: 10_000, least: 9000, most: 11_000, count: 3 },
      p50Us: { median: 200 },
      batchBytes: { median: 35_200 },
      batchUs: { median: 110 },
      syncUs: { median: 60 },
    });
    expect(rows[0]!.sizes).toEqual([
      { fromBytes: 16_384, toBytes: 32_768, batches: 1200 },
      { fromBytes: 32_768, toBytes: 65_536, batches: 1800 },
    ]);
    expect(rows[0]!.percentiles.find(([percent]) => percent === 99)![1]).toBe(2000);
    // Of a hundred requests nobody knows the 99.9th percentile.
    expect(rows[0]!.percentiles.map(([percent]) => percent).slice(-3)).toEqual([95, 99, 100]);
  });

  test('are told how far they differ, and when that is too far to say anything', () => {
    expect(noiseSentence(rows)).toBe(
      'Repetitions of a point differ by 20 % in events a second (median over the points).',
    );
    expect(noiseSentence(rowsOf(repeated({}, [1000, 2000, 3000])))).toContain('100 %');
    expect(noiseSentence(rowsOf(repeated({}, [1000, 2000, 3000])))).toContain(
      'say little in either direction',
    );
    expect(noiseSentence(rowsOf(repeated({}, [1000])))).toBeUndefined();
  });

  test('are a line of the table, beside the probe and with their spread', () => {
    const [head, first] = tableLines(rows);
    expect(head).toMatch(/what .*events\/s .*spread .*probe 4k µs/);
    expect(first).toMatch(/^in process, 1 in flight +10,000 +20 %/);
  });
});

describe('a result file', () => {
  test('gives back the machine and every measurement', () => {
    const path = join(folder, 'a.jsonl');
    const file = new ResultsFile(path, MACHINE);
    const measurements = repeated({ inFlight: 1 }, [1000, 1100]);
    for (const measurement of measurements) file.add(measurement);
    for (const row of rowsOf(measurements)) file.add(row);
    file.add({ kind: 'end', isInterrupted: false });
    expect(readResults(path)).toEqual({ machine: MACHINE, measurements });
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(5);
  });

  test('that was cut off in a line is good up to there', () => {
    const text = `${JSON.stringify(MACHINE)}\n${JSON.stringify(sample({}))}\n{"kind":"meas`;
    expect(parseResults(text, 'x').measurements).toHaveLength(1);
  });

  test.each([
    ['', 'no result file'],
    ['hello\n', 'line 1'],
    ['{"kind":"row"}\n', 'no result file'],
    [`${JSON.stringify({ ...MACHINE, format: 99 })}\n`, 'format 99'],
    [`${JSON.stringify(MACHINE)}\n{"kind":"measurement"}\n`, 'line 2: a measurement without mode'],
    [`${JSON.stringify(MACHINE)}\n[\n`, 'line 2'],
  ])('%j is refused, and the message says where', (text, part) => {
    expect(() => parseResults(text, 'x.jsonl')).toThrow(
      expect.objectContaining({
        code: 'invalid-configuration',
        message: expect.stringContaining(part) as string,
      }) as Error,
    );
  });

  test('that is not there, or can not be written, is an error with a code', () => {
    expect(() => readResults(join(folder, 'nothing.jsonl'))).toThrow(/can't read .*ENOENT/);
    expect(() => new ResultsFile(join(folder, 'no/such/folder.jsonl'), MACHINE)).toThrow(
      /can't write .*ENOENT/,
    );
  });
});

describe('two result files side by side', () => {
  const before = [
    ...repeated({ inFlight: 1 }, [1000, 1010, 990]),
    ...repeated({ inFlight: 16 }, [1000, 2000, 1500]),
    ...repeated({ inFlight: 64 }, [1000, 1000, 1000]),
    ...repeated({ inFlight: 256 }, [1000]),
  ];
  const after = [
    ...repeated({ inFlight: 1 }, [1300, 1310, 1290]),
    ...repeated({ inFlight: 16 }, [2100, 1200, 1800]),
    ...repeated({ inFlight: 64 }, [800, 790, 810]),
    ...repeated({ inFlight: 256 }, [3000]),
    ...repeated({ inFlight: 4096 }, [1]),
  ];
  const comparison = compare(before, after);
  const outcome = (inFlight: number) =>
    comparison.rows.find(
      ({ what, title }) => what === `in process, ${inFlight} in flight` && title === 'events/s',
    )!.outcome;

  test('what is beyond the noise is better or worse, the rest is the same, single runs say nothing', () => {
    expect([outcome(1), outcome(16), outcome(64), outcome(256)]).toEqual([
      'better',
      'same',
      'worse',
      'unknown',
    ]);
  });

  test('a latency is better if it is lower', () => {
    const slow = [1, 2, 3].map((repetition) => sample({ inFlight: 1 }, { repetition, p50Us: 400 }));
    const fast = [1, 2, 3].map((repetition) => sample({ inFlight: 1 }, { repetition, p50Us: 100 }));
    const [row] = compare(slow, fast).rows.filter(({ metric }) => metric === 'p50Us');
    expect(row).toMatchObject({ outcome: 'better', before: 400, after: 100, change: -0.75 });
  });

  test('of an open loop only latencies are compared', () => {
    const open = repeated({ mode: 'ws', rate: 1000 }, [1000, 1000, 1000]);
    expect(compare(open, open).rows.map(({ metric }) => metric)).not.toContain('eventsPerSecond');
  });

  test('points that only one file has are named, and a disk that differs is told', () => {
    expect(comparison.onlyAfter).toEqual(['in process, 4096 in flight']);
    expect(comparison.probe.verdict).toBe('within');
    const slow = [1, 2, 3].map((repetition) => sample({}, { repetition, probe4kP50Us: 160 }));
    expect(comparisonLines(compare(repeated({}, [1, 1, 1]), slow))[1]).toContain(
      '+100 %, beyond its own spread',
    );
  });

  test('the text states the rule, and begins with what is beyond the noise', () => {
    const lines = comparisonLines(comparison);
    expect(lines[0]).toContain('by more than the wider of the two ranges');
    const results = lines.slice(5).map((line) => line.split(' ')[0]);
    expect(results.slice(0, 3)).toEqual(['better', 'worse', 'same']);
    expect(lines.at(-1)).toBe('only in B: in process, 4096 in flight');
  });
});

describe('the fitted cost of a sync', () => {
  test('is found for each way of writing', () => {
    const fits = syncFitsOf([
      ...repeated({}, [1, 1, 1]),
      sample({ syncMode: 'dsync' }),
      sample({ syncMode: 'none' }),
      sample({ mode: 'ws' }),
    ]);
    expect(fits.map(({ what }) => what)).toEqual(['fdatasync', 'dsync', 'no sync: not durable']);
    expect(fits.map(({ fit }) => Math.round(fit!.fixed))).toEqual([100, 90, 40]);
    expect(fits[0]!.fit!.perUnit).toBeCloseTo(0.001, 6);
  });

  test('is not guessed from sizes that hardly differ', () => {
    const narrow = {
      ...sample({}),
      times: [4096, 8192].map((diskBytes) => ({ diskBytes, batches: 99, p50Us: 90, syncP50Us: 40 })),
    };
    expect(syncFitsOf([narrow])[0]!.fit).toBeUndefined();
  });
});
