/**
 * Runs every point of a plan several times: all of them once, then all of them again in the opposite order, so that a machine that gets slower
 * meanwhile does not speak against the last points. Main thread. Ends early when it is told to, with what it has.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CairnError } from '../../src/base/errors.js';
import { knownError } from '../../src/cli/failure.js';
import { type Configuration, keyOf, labelOf, type RunSettings } from './configuration.js';
import type { Measurement } from './measurement.js';
import { durationText, TimeLeft } from './time-left.js';

export interface SweepPlan {
  readonly points: readonly Configuration[];
  readonly repetitions: number;
  readonly settings: RunSettings;
}

/** Measures a point once, in a folder of its own. */
export type MeasureOnce = (point: Configuration, repetition: number, folder: string) => Promise<Measurement>;

export interface SweepListener {
  /** As soon as it is there. */
  measured(measurement: Measurement): void;
  /** A point that can't be measured; it isn't tried again. */
  failed(point: Configuration, error: CairnError): void;
  /** One line about how far it is. */
  progress(line: string): void;
}

/** What a run needs besides the measured time: the probe, and starting and ending an engine, a node, three of them. */
const PROBE_SECONDS = 0.45;
const START_SECONDS = { engine: 0.3, node: 1, cluster: 3.5 } as const;

/** All measurements that were made; throws the first failure if there is none. */
export async function runSweeps(
  plan: SweepPlan,
  folder: string,
  measure: MeasureOnce,
  surroundings: SweepListener & { readonly interruption: AbortSignal },
): Promise<Measurement[]> {
  const { interruption } = surroundings;
  const steps = stepsOf(plan);
  const time = new TimeLeft(steps.map(({ point }) => expectedSeconds(point, plan.settings)));
  const measurements: Measurement[] = [];
  const hopeless = new Map<string, CairnError>();
  surroundings.progress(
    `${plan.points.length} points, ${plan.repetitions} times each: about ${durationText(time.left)}`,
  );
  for (const [index, { point, repetition }] of steps.entries()) {
    if (interruption.aborted) break;
    const begunMs = performance.now();
    if (!hopeless.has(keyOf(point))) {
      const result = await attempt(() => inFolder(folder, index, (own) => measure(point, repetition, own)));
      if (interruption.aborted && (!('kind' in result) || result.errors > 0)) break;
      if ('kind' in result) {
        measurements.push(result);
        surroundings.measured(result);
      } else {
        hopeless.set(keyOf(point), result);
        surroundings.failed(point, result);
      }
    }
    time.finished((performance.now() - begunMs) / 1000);
    surroundings.progress(
      `${index + 1}/${steps.length} ${told(point, measurements)}; ${durationText(time.left)} left`,
    );
  }
  const [failure] = hopeless.values();
  if (measurements.length === 0 && failure !== undefined) throw failure;
  return measurements;
}

interface Step {
  readonly point: Configuration;
  readonly repetition: number;
}

function stepsOf({ points, repetitions }: SweepPlan): Step[] {
  return Array.from({ length: repetitions }, (_, index) => index + 1).flatMap((repetition) => {
    const order = repetition % 2 === 1 ? points : [...points].reverse();
    return order.map((point) => ({ point, repetition }));
  });
}

function expectedSeconds(
  { mode, nodes }: Configuration,
  { seconds, warmupSeconds, urls }: RunSettings,
): number {
  const own =
    urls.length > 0
      ? 0
      : mode === 'engine'
        ? START_SECONDS.engine
        : nodes === 1
          ? START_SECONDS.node
          : START_SECONDS.cluster;
  return PROBE_SECONDS + own + seconds + warmupSeconds;
}

async function attempt(measure: () => Promise<Measurement>): Promise<Measurement | CairnError> {
  try {
    return await measure();
  } catch (error) {
    const known = knownError(error);
    if (known === undefined) throw error;
    return known;
  }
}

async function inFolder(
  parent: string,
  index: number,
  body: (folder: string) => Promise<Measurement>,
): Promise<Measurement> {
  const folder = join(parent, `run-${index}`);
  mkdirSync(folder);
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function told(point: Configuration, measurements: readonly Measurement[]): string {
  const last = measurements.at(-1);
  if (last === undefined || keyOf(last) !== keyOf(point)) return `${labelOf(point)}: not measured`;
  return `${labelOf(point)}: ${last.eventsPerSecond.toLocaleString('en')} events/s, p50 ${last.p50Us} µs`;
}
