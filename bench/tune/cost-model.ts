/**
 * What a batch costs, and what follows for clients. Pure. The model is a line: making b bytes durable takes a cost per sync and b times a cost
 * per byte. With it go two laws: a disk that always has work makes b / time(b) bytes a second durable, and in a closed loop the
 * requests in flight are the rate times the latency (Little 1961).
 */

import { assert } from '../../src/base/assert.js';
import { fitLine } from '../statistics/line-fit.js';

/** Time of a batch of b bytes: `perSyncUs + b * perByteUs`. */
export interface CostModel {
  readonly perSyncUs: number;
  readonly perByteUs: number;
  /** How far the measured points are from the line at most, as a share of the line. */
  readonly errorMax: number;
}

/** Median time to make `bytes` durable. */
export interface CostPoint {
  readonly bytes: number;
  readonly us: number;
}

/** A disk writes whole blocks: what is smaller costs as much. */
const BLOCK_BYTES = 4096;

export function batchUs({ perSyncUs, perByteUs }: CostModel, bytes: number): number {
  return perSyncUs + Math.max(BLOCK_BYTES, bytes) * perByteUs;
}

/**
 * The line through points at two sizes at least. No cost is negative: where the best line would have one, the best line without it is taken.
 */
export function fitCost(points: readonly CostPoint[]): CostModel {
  const fit = fitLine(points.map(({ bytes: x, us: y }) => ({ x, y, count: 1 })));
  assert(fit !== undefined, 'there are points at two sizes');
  let line = { perSyncUs: fit.fixed, perByteUs: fit.perUnit, errorMax: 0 };
  if (fit.perUnit < 0) line = { ...line, perSyncUs: weightedMean(points, () => 1), perByteUs: 0 };
  else if (fit.fixed < 0)
    line = { ...line, perSyncUs: 0, perByteUs: weightedMean(points, ({ bytes }) => bytes) };
  const errors = points.map(({ bytes, us }) => Math.abs(us / batchUs(line, bytes) - 1));
  return { ...line, errorMax: Math.max(...errors) };
}

/** The factor c by which `c * shape` comes closest to the points, by the same weights as the line's. */
function weightedMean(points: readonly CostPoint[], shape: (point: CostPoint) => number): number {
  const ratios = points.map((point) => shape(point) / point.us);
  const sum = ratios.reduce((total, ratio) => total + ratio, 0);
  return sum / ratios.reduce((total, ratio) => total + ratio * ratio, 0);
}

/** Bytes a microsecond (10^6 a second) of a disk that writes batches of `bytes`, one after the other. */
export function batchRate(model: CostModel, bytes: number): number {
  return bytes / batchUs(model, bytes);
}

/** The size of batch from which on the disk works at `share` (below 1) of the rate that endless batches would have. */
export function batchForShare({ perSyncUs, perByteUs }: CostModel, share: number): number {
  return perByteUs === 0 ? Number.POSITIVE_INFINITY : (share / (1 - share)) * (perSyncUs / perByteUs);
}

/** A closed loop of appends on one engine. */
export interface LoopLoad {
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly batchBytesMax: number;
  /** What the main thread works for one append, the load's generator with it. */
  readonly mainUsPerEvent: number;
  /** From the answer of a batch to the first write of the next one, on an engine that rests: threads that are woken. */
  readonly wakeUs: number;
}

export interface LoopPrediction {
  readonly eventsPerSecond: number;
  /** Mean. */
  readonly latencyUs: number;
  readonly batchBytes: number;
  readonly limit: 'disk' | 'main thread' | 'requests in flight';
}

/** The engine hands over what a turn of the event loop has framed, or this much at once: see `src/ring/producer.ts`. */
const PUBLISH_BYTES = 64 * 1024;

/**
 * What a closed loop reaches. Few requests move in step: all are written as one batch, all are answered, all come again, and the disk rests
 * meanwhile. Many are in two parties, one in the batch that is being synced and one that gathers for the next; then the disk always
 * has work, unless the main thread can't keep up with it.
 */
export function predictLoop(cost: CostModel, load: LoopLoad): LoopPrediction {
  const { inFlight, recordBytes, batchBytesMax, mainUsPerEvent, wakeUs } = load;
  if (inFlight * recordBytes <= PUBLISH_BYTES) {
    const events = Math.min(inFlight, Math.max(1, Math.floor(batchBytesMax / recordBytes)));
    const batches = Math.ceil(inFlight / events);
    const latencyUs = wakeUs + batches * batchUs(cost, events * recordBytes) + inFlight * mainUsPerEvent;
    const eventsPerSecond = (inFlight / latencyUs) * 1e6;
    return { eventsPerSecond, latencyUs, batchBytes: events * recordBytes, limit: 'requests in flight' };
  }
  const batchBytes = Math.min((inFlight / 2) * recordBytes, batchBytesMax);
  const ofDisk = batchRate(cost, batchBytes) / recordBytes;
  const ofMain = 1 / mainUsPerEvent;
  const perUs = Math.min(ofDisk, ofMain);
  const limit = ofDisk <= ofMain ? 'disk' : 'main thread';
  return { eventsPerSecond: perUs * 1e6, latencyUs: inFlight / perUs, batchBytes, limit };
}
