import { expect, test } from 'vitest';
import type { LookupRow } from '../../bench/lookup.js';
import { lookupReport } from '../../bench/lookup-report.js';
import { chromium, openedInChromium } from '../plot/chromium.js';

const row = (events: number): LookupRow => ({
  bench: 'lookup',
  ...{ events, streams: 200_000, eventBytes: 256, eventsPerSecond: 500_000, segments: 2 },
  ...{
    indexBytesPerEvent: 7.4,
    eventIdBytesPerEvent: 1,
    restartMs: 1500,
    nodeRestartMs: 1900,
    nodeBytes: 300e6,
  },
  ...{
    hotPerSecond: 60_000,
    hotP50Us: 700,
    hotP99Us: 14_000,
    coldPerSecond: 30_000,
    coldP50Us: 1200,
    coldP99Us: 17_000,
  },
});
const html = lookupReport([row(1e6), row(5e6), row(20e6)]);
const PLOTS = [
  'Append rate',
  'Latency of a lookup',
  'Lookups',
  'Restart',
  'Memory of a node',
  'Size of the index',
];

test('the report of lookups has each figure as a plot, and all rows', () => {
  for (const title of PLOTS) expect(html).toContain(`<title>${title}</title>`);
  expect(html).toContain('>1.9 s<');
  expect(html).not.toMatch(/NaN|Infinity|undefined/);
});

const title = 'and is what a browser shows without a network';
test.skipIf(chromium === undefined)(
  chromium === undefined ? `${title} (skipped: no chromium)` : title,
  () => {
    const { dom, complaints } = openedInChromium(html);
    expect(complaints).toBe('');
    for (const plot of PLOTS) expect(dom).toContain(`<title>${plot}</title>`);
  },
);
