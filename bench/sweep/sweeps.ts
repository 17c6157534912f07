/**
 * What `cairn bench suite` measures: for each sweep the points that differ in one thing. Pure data. The full set takes some ten minutes with
 * three repetitions, the quick one about a minute.
 */
import { BASE, type Configuration, keyOf } from './configuration.js';

export const SWEEP_NAMES = [
  'in-process',
  'over-ws',
  'three-nodes',
  'event-size',
  'request-size',
  'batch-cap',
  'sync-mode',
  'chunk-size',
  'prewrite',
  'open-loop',
] as const;

export type SweepName = (typeof SWEEP_NAMES)[number];

/** How much of each sweep. */
export type Extent = 'quick' | 'full';

const KIB = 1024;
const MIB = 1024 * KIB;
const WS = { ...BASE, mode: 'ws' } as const;
/** Batches of megabytes: only then does a cap mean anything. */
const LARGE = { ...BASE, inFlight: 1024, eventBytes: 4 * KIB } as const;
/** Slots for an open loop: more than any rate here needs while the node keeps up. */
const OPEN_SLOTS = 4096;

const IN_FLIGHT = { quick: [1, 16, 256, 4096], full: [1, 4, 16, 64, 256, 1024, 4096] };
const IN_FLIGHT_WS = { quick: [1, 256], full: [1, 4, 16, 64, 256, 1024, 4096] };
const IN_FLIGHT_THREE = { quick: [256], full: [1, 16, 256, 4096] };
const EVENT_BYTES = {
  quick: [256, 4 * KIB, 64 * KIB],
  full: [16, 64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB],
};
const PER_REQUEST = { quick: [64], full: [1, 4, 16, 64, 256] };
const BATCH_CAPS = { quick: [64 * KIB, MIB], full: [16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB] };
const CHUNK_SIZES = { quick: [16 * MIB, 256 * MIB], full: [16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB] };
/** The largest is asked for where the log does not outgrow the first chunk while it is measured. */
const PREWRITTEN_IN_FLIGHT = { quick: [1], full: [1, 16, 64] };
const SYNC_IN_FLIGHT = { quick: [1], full: [1, 16, 256] };
const RATES = { quick: [20_000], full: [5_000, 10_000, 20_000, 50_000, 100_000, 200_000] };
/** So many requests keep about as much data in flight, whatever an event's size; beyond 4 KiB fewer do. */
const LARGE_IN_FLIGHT = 64;

const POINTS: Readonly<Record<SweepName, (extent: Extent) => Configuration[]>> = {
  'in-process': (extent) => IN_FLIGHT[extent].map((inFlight) => ({ ...BASE, inFlight })),
  'over-ws': (extent) => IN_FLIGHT_WS[extent].map((inFlight) => ({ ...WS, inFlight })),
  'three-nodes': (extent) => IN_FLIGHT_THREE[extent].map((inFlight) => ({ ...WS, nodes: 3, inFlight })),
  'event-size': (extent) =>
    EVENT_BYTES[extent].map((eventBytes) => ({ ...BASE, eventBytes, inFlight: eventsFor(eventBytes) })),
  'request-size': (extent) =>
    PER_REQUEST[extent].map((eventsPerRequest) => ({ ...WS, eventsPerRequest, inFlight: 128 })),
  'batch-cap': (extent) => BATCH_CAPS[extent].map((batchBytesMax) => ({ ...LARGE, batchBytesMax })),
  'sync-mode': (extent) =>
    (['fdatasync', 'dsync', 'none'] as const).flatMap((syncMode) =>
      SYNC_IN_FLIGHT[extent].map((inFlight) => ({ ...BASE, syncMode, inFlight })),
    ),
  'chunk-size': (extent) => CHUNK_SIZES[extent].map((chunkSize) => ({ ...BASE, chunkSize })),
  prewrite: (extent) =>
    PREWRITTEN_IN_FLIGHT[extent].flatMap((inFlight) =>
      (['fresh', 'prewritten'] as const).map((chunks) => ({ ...BASE, inFlight, chunks })),
    ),
  'open-loop': (extent) => RATES[extent].map((rate) => ({ ...WS, rate, inFlight: OPEN_SLOTS })),
};

/** These change nothing about the node, so they can be asked of one that runs already. */
const FOR_RUNNING_NODES: ReadonlySet<SweepName> = new Set([
  'over-ws',
  'event-size',
  'request-size',
  'open-loop',
]);

/** The points of one sweep. */
export function pointsOf(name: SweepName, extent: Extent): Configuration[] {
  return POINTS[name](extent);
}

/** The points of some sweeps, each once. `runningNodes`: how many there are at `--url`; 0 = nodes of its own. */
export function planOf(names: readonly SweepName[], extent: Extent, runningNodes: number): Configuration[] {
  const asked = runningNodes === 0 ? names : names.filter((name) => FOR_RUNNING_NODES.has(name));
  const points = asked.flatMap((name) => pointsOf(name, extent));
  const placed: Configuration[] =
    runningNodes === 0 ? points : points.map((point) => ({ ...point, mode: 'ws', nodes: runningNodes }));
  return [...new Map(placed.map((point) => [keyOf(point), point])).values()];
}

function eventsFor(eventBytes: number): number {
  return eventBytes > 4 * KIB ? LARGE_IN_FLIGHT : BASE.inFlight;
}
