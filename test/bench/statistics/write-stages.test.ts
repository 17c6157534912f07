import { expect, test } from 'vitest';
import { parseMetrics } from '../../../bench/statistics/metrics-text.js';
import { stagesBetween } from '../../../bench/statistics/write-stages.js';

/** Histograms with buckets up to 10 µs, 20 µs and beyond; counts are those of each bucket. */
function scraped(histograms: Record<string, readonly [number, number, number]>): string {
  return Object.entries(histograms)
    .flatMap(([series, [ten, twenty, more]]) => {
      const [name, labels] = series.split(' ');
      return [
        `${name}_bucket{le="0.00001",${labels}} ${ten}`,
        `${name}_bucket{le="0.00002",${labels}} ${ten + twenty}`,
        `${name}_bucket{le="+Inf",${labels}} ${ten + twenty + more}`,
        `${name}_sum{${labels}} ${(8 * ten + 18 * twenty + 50 * more) / 1e6}`,
        `${name}_count{${labels}} ${ten + twenty + more}`,
      ];
    })
    .join('\n');
}

const OWN = 'cairn_write_stage_seconds';
const MEMBERS = 'cairn_replication_stage_seconds';

test('the stages of writes are means and medians of what was seen between two scrapes, the leader’s own first', () => {
  const before = scraped({ [`${OWN} stage="sync"`]: [100, 0, 0], [`${OWN} stage="total"`]: [5, 0, 0] });
  const after = scraped({
    [`${MEMBERS} stage="follower",member="b:2"`]: [0, 2, 0],
    [`${MEMBERS} stage="ship",member="a:1"`]: [2, 0, 0],
    [`${OWN} stage="sync"`]: [100, 10, 0],
    [`${OWN} stage="sequence"`]: [8, 0, 0],
    [`${OWN} stage="total"`]: [5, 0, 0],
  });
  expect(stagesBetween(parseMetrics(before), parseMetrics(after))).toEqual([
    { stage: 'sequence', writes: 8, meanUs: 8, p50Us: 5 },
    { stage: 'sync', writes: 10, meanUs: 18, p50Us: 15 },
    { stage: 'ship', member: 'a:1', writes: 2, meanUs: 8, p50Us: 5 },
    { stage: 'follower', member: 'b:2', writes: 2, meanUs: 18, p50Us: 15 },
  ]);
});

test('of a node that does not follow writes there are none', () => {
  expect(stagesBetween(new Map(), parseMetrics('cairn_ready 1'))).toEqual([]);
});
