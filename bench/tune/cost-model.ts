/**
 * What a batch costs, and what follows for clients. Pure. The model is a line: making b bytes durable takes a cost per sync and b times a cost
 * per byte. With it go two laws: a disk that always has work makes b / time(b) bytes a second durable, and in a closed loop the
 * requests in flight are the rate times the latency (Little 1961).
 */

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
 * The line through points at two sizes at least, by least squares of the relative errors: 5 µs are much for a block and nothing for 4 MiB. No
 * cost is negative: where the best line would have one, the best without it is taken.
 */
export function fitCost(points: readonly CostPoint[]): CostModel {
  let weights = 0;
  let sumBytes = 0;
  let sumUs = 0;
  let sumSquares = 0;
  let sumProducts = 0;
  for (const { bytes, us } of points) {
    const weight = 1 / us ** 2;
    weights += weight;
    sumBytes += weight * bytes;
    sumUs += weight * us;
    sumSquares += weight * bytes ** 2;
    sumProducts += weight * bytes * us;
  }
  const spread = weights * sumSquares - sumBytes ** 2;
  let perByteUs = (weights * sumProducts - sumBytes * sumUs) / spread;
  let perSyncUs = (sumUs - perByteUs * sumBytes) / weights;
  if (perByteUs < 0) [perByteUs, perSyncUs] = [0, sumUs / weights];
  else if (perSyncUs < 0) [perByteUs, perSyncUs] = [sumProducts / sumSquares, 0];
  const line = { perSyncUs, perByteUs };
  const errors = points.map(({ bytes, us }) => {
    const expected = batchUs({ ...line, errorMax: 0 }, bytes);
    return Math.abs(us - expected) / expected;
  });
  return { ...line, errorMax: Math.max(0, ...errors) };
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
