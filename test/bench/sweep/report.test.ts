import { describe, expect, test } from 'vitest';
import { reportOf } from '../../../bench/sweep/report.js';
import { planOf, SWEEP_NAMES } from '../../../bench/sweep/sweeps.js';
import { chromium, openedInChromium } from '../../plot/chromium.js';
import { MACHINE, repeated, sample } from './sample.js';

const everything = planOf(SWEEP_NAMES, 'full', 0).flatMap((point) =>
  repeated(point, [90_000, 100_000, 110_000]),
);
const html = reportOf({ machine: MACHINE, measurements: everything });

const PLOTS = [
  'Throughput against requests in flight',
  'Latency against requests in flight',
  'Percentiles',
  'Sizes of batches, in process',
  'Sizes of batches, one node over ws',
  'Sizes of batches, three nodes',
  'Where a write’s time goes: over ws, 1 in flight',
  'Where a write’s time goes: 3 nodes, 256 in flight',
  'Time to make a batch durable, against its size',
  'Bytes on disk for each byte of records',
  'Records written, by event size',
  'Throughput by events in a request',
  'Throughput by batch cap',
  'Latency by sync mode',
  'Throughput by chunk size',
  'Latency, fresh and prewritten',
  'Open loop: latency from the intended start',
  'The bare disk, before each measurement',
];

describe('the report of a suite', () => {
  test.each(PLOTS)('shows: %s', (title) => {
    expect(html).toContain(`<title>${title}</title>`);
  });

  test('gives the fitted cost of a sync and of a byte', () => {
    expect(html).toMatch(/<td>fdatasync<\/td><td class="number">100 µs<\/td><td class="number">1\.02 µs/);
  });

  test('says what is not durable, and has a row for each point', () => {
    expect(html).toContain('no sync: not durable');
    expect(html.match(/<tr>/g)!.length).toBeGreaterThan(planOf(SWEEP_NAMES, 'full', 0).length);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('shows sections of other benchmarks behind its own', () => {
    const further = reportOf({ machine: MACHINE, measurements: [] }, [
      { title: 'Other stores', text: ['slower'] },
    ]);
    expect(further).toContain('Other stores');
    expect(further).toContain('slower');
  });

  test('of a few measurements leaves out what they don’t show', () => {
    const small = reportOf({
      machine: MACHINE,
      measurements: [sample({ mode: 'ws', nodes: 2, inFlight: 16 })],
    });
    expect(small).toContain('<title>Throughput against requests in flight</title>');
    expect(small).not.toContain('Time to make a batch durable');
    expect(small).not.toContain('Latency by sync mode');
    expect(small).not.toMatch(/NaN|Infinity|undefined/);
    expect(reportOf({ machine: MACHINE, measurements: [] })).not.toMatch(/NaN|Infinity|undefined/);
  });

  test.skipIf(chromium === undefined)(
    'opens in a browser with all its plots (skipped where Chromium is not installed)',
    () => {
      const { dom, complaints } = openedInChromium(html);
      expect(complaints).toBe('');
      for (const title of PLOTS) expect(dom).toContain(`<title>${title}</title>`);
      expect(dom.match(/<figure><svg /g)).toHaveLength(html.match(/<figure><svg /g)!.length);
    },
  );
});
