/** Prometheus' text as a node's /metrics has it, and the histograms in it. Pure. */

/** Series with its labels, as written → value. */
export type Metrics = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Metrics {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

/** What a histogram counted between two scrapes: `counts[i]` values of up to `bounds[i]`, and above the bound before. */
export interface Buckets {
  /** Rising; the last may be infinity. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  /** Of all values. */
  readonly sum: number;
}

/** Of the series with these labels, exactly. Undefined if there is none, or nothing was counted. */
export function bucketsBetween(
  before: Metrics,
  after: Metrics,
  name: string,
  labels: Readonly<Record<string, string>>,
): Buckets | undefined {
  const cumulative = new Map<number, number>();
  let sum = 0;
  for (const [series, value] of after) {
    if (series.startsWith(`${name}_sum{`) && sameLabels(labelsOf(series), labels))
      sum = value - (before.get(series) ?? 0);
    if (!series.startsWith(`${name}_bucket{`)) continue;
    const { le, ...own } = labelsOf(series);
    if (le === undefined || !sameLabels(own, labels)) continue;
    cumulative.set(le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value - (before.get(series) ?? 0));
  }
  const bounds = [...cumulative.keys()].sort((a, b) => a - b);
  const upTo = bounds.map((bound) => cumulative.get(bound)!);
  const count = upTo.at(-1) ?? 0;
  if (!(count > 0)) return undefined;
  return { bounds, counts: upTo.map((value, index) => value - (upTo[index - 1] ?? 0)), count, sum };
}

/** By how much a counter grew; 0 if it is not there. */
export function growth(before: Metrics, after: Metrics, series: string): number {
  return (after.get(series) ?? 0) - (before.get(series) ?? 0);
}

/** The value that `percentile` per cent don't exceed, evenly spread within its bucket. In the unbounded one it is the last bound. */
export function bucketPercentile({ bounds, counts, count }: Buckets, percentile: number): number {
  const wanted = (percentile / 100) * count;
  let passed = 0;
  for (const [index, own] of counts.entries()) {
    const low = bounds[index - 1] ?? 0;
    const high = Number.isFinite(bounds[index]!) ? bounds[index]! : low;
    if (own > 0 && passed + own >= wanted) return low + (high - low) * ((wanted - passed) / own);
    passed += own;
  }
  return bounds.findLast(Number.isFinite) ?? 0;
}

function labelsOf(series: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...series.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
  );
}

function sameLabels(
  own: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(wanted);
  return Object.keys(own).length === names.length && names.every((name) => own[name] === wanted[name]);
}
