/** `cairn zones compare`: flags, and what is printed. Main thread. */
import { Interruption } from '../../src/cli/cluster/interruption.js';
import type { FlagValues } from '../flags.js';
import { rounded } from '../rounded.js';
import { type CompareOptions, compare, type StyleResult } from './compare.js';
import { replicationStyles } from './replication-styles.js';
import { textTable } from './text-table.js';
import { outputOf, topologyOf, wholeNumberOf, zoneRunOf } from './zone-flags.js';

const DEFAULTS = { seconds: 3, writers: 16 } as const;
const BURNS = { default: 3, min: 0, max: 1000 } as const;

export async function runCompare(nameOrPath: string, flags: FlagValues): Promise<void> {
  const output = outputOf(flags);
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    const options = compareOptions(nameOrPath, flags, interruption.signal);
    const results: StyleResult[] = [];
    await compare(options, (result) => {
      results.push(result);
      if (output === 'json') console.log(JSON.stringify(result));
    });
    if (output === 'table') for (const line of comparisonLines(results, nameOrPath)) console.log(line);
  } finally {
    interruption.release();
  }
}

function compareOptions(nameOrPath: string, flags: FlagValues, signal: AbortSignal): CompareOptions {
  return {
    ...zoneRunOf(flags, DEFAULTS, signal),
    styles: replicationStyles(topologyOf(nameOrPath, flags)),
    burns: wholeNumberOf(flags, 'burns', BURNS),
  };
}

const HEAD = [
  'style',
  'writes',
  'p50 ms',
  'p99 ms',
  'messages a write',
  'acknowledged',
  'lost',
  'leaderless ms',
];

function comparisonLines(results: readonly StyleResult[], name: string): readonly string[] {
  const rows = results.map((result) => [
    result.style,
    result.writes,
    rounded(result.p50Ms, 2),
    rounded(result.p99Ms, 2),
    rounded(result.messagesPerWrite, 1),
    result.acknowledged,
    result.lost,
    result.leaderlessMs === undefined ? 'no quorum' : String(Math.round(result.leaderlessMs)),
  ]);
  return [
    `${name}: one write at a time; then, with many at a time, the leader's zone burns down`,
    ...textTable(HEAD, rows),
    ...results.map(({ style, means }) => `${style}: ${means}`),
    'acknowledged, lost: events, in all fires together. A loss of none in a few fires does not prove that there can be none; the style does.',
  ];
}
