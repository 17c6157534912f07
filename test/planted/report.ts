/** The table of planted bugs: for people at a terminal, and for docs/testing.md. Pure. */
import type { Plant } from './plant.js';

export interface Finding {
  readonly plant: Plant;
  /** Seeds until the simulator saw it, of each repetition that did; empty if tests see it. */
  readonly seeds: readonly number[];
  /** Which promise was broken, or which test failed, most frequent first. */
  readonly seenAs: readonly string[];
  readonly isCaught: boolean;
  /** Why nothing could be run. */
  readonly failure?: string;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : Math.round((sorted[middle - 1]! + sorted[middle]!) / 2);
}

/** A line for a terminal. */
export function findingLine(
  { plant, seeds, seenAs, isCaught, failure }: Finding,
  repetitions: number,
): string {
  if (failure !== undefined) return `${plant.name}: ${failure}`;
  const name = plant.name.padEnd(36);
  if (plant.tests.length > 0) return `${name} ${isCaught ? `test: ${seenAs[0]}` : 'NOT CAUGHT by its tests'}`;
  const times = seeds.length < repetitions ? ` (${seeds.length} of ${repetitions})` : '';
  const many = seeds.length === 0 ? '' : `${median(seeds)} seeds${times}: ${seenAs.join(', ')}`;
  return `${name} ${isCaught ? '' : 'NOT CAUGHT '}${many}`;
}

export function markdownTable(findings: readonly Finding[], repetitions: number): string {
  const rows = findings.map(({ plant, seeds, seenAs, isCaught }) => {
    const what = plant.incident === '' ? plant.title : `${plant.title} (${plant.incident})`;
    const most = seeds.length < repetitions ? `, ${repetitions - seeds.length} of ${repetitions} not` : '';
    const many =
      seeds.length === 0 ? '' : `${median(seeds)} (${Math.min(...seeds)} to ${Math.max(...seeds)}${most})`;
    return `| ${plant.name.slice(0, 2)} | ${what} | ${many} | ${isCaught ? seenAs.join('; ') : '**not caught**'} |`;
  });
  return ['| | bug | seeds, median | seen as |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** Each once, the most frequent first. */
export function byFrequency(words: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([word]) => word);
}
