/**
 * Closed loop: a fixed number of requests is always open; each answer lets the next request go. Measures what a store can
 * do at that concurrency, and the latency that its clients then see.
 */
import { LatencyHistogram } from './latency-histogram.js';
import {
  BurstClock,
  GRACE_MS,
  type Load,
  type LoadPlan,
  type LoadResult,
  nowUs,
  type Submit,
  unanswered,
} from './load.js';

/** See {@link Load}. Slots that became free are refilled together, once a burst of answers is over. */
export class ClosedLoop implements Load {
  private readonly latency = new LatencyHistogram();
  private readonly clock = new BurstClock();
  private readonly startedUs: Float64Array;
  private freeSlots: Int32Array;
  private spareSlots: Int32Array;
  private free = 0;
  private inBurst = false;
  private phase: 'warming' | 'measuring' | 'draining' = 'warming';
  private measureFromUs = 0;
  private measuredUs = 0;
  private requests = 0;
  private errors = 0;
  private finished: (() => void) | undefined;

  constructor(
    private readonly plan: LoadPlan,
    private readonly submit: Submit,
  ) {
    this.startedUs = new Float64Array(plan.inFlight);
    this.freeSlots = new Int32Array(plan.inFlight);
    this.spareSlots = new Int32Array(plan.inFlight);
  }

  async run(): Promise<LoadResult> {
    await new Promise<void>((resolve, reject) => {
      const limitMs = (this.plan.warmupUs + this.plan.measureUs) / 1000 + GRACE_MS;
      const watchdog = setTimeout(() => reject(unanswered(this.plan.inFlight - this.free)), limitMs);
      this.finished = () => {
        clearTimeout(watchdog);
        resolve();
      };
      this.measureFromUs = nowUs() + this.plan.warmupUs;
      for (let slot = this.plan.inFlight - 1; slot >= 0; slot--) this.freeSlots[this.free++] = slot;
      this.refill();
    });
    const { requests, errors, latency } = this;
    return { requests, errors, seconds: this.measuredUs / 1e6, latency };
  }

  completed(slot: number, succeeded: boolean): void {
    if (!this.inBurst) this.beginBurst(succeeded);
    if (!succeeded) {
      this.errors++;
    } else if (this.phase === 'measuring') {
      this.requests++;
      this.latency.record(this.clock.now() - this.startedUs[slot]!);
    }
    this.freeSlots[this.free++] = slot;
  }

  /** The first answer of several that come in one go. */
  private beginBurst(succeeded: boolean): void {
    this.inBurst = true;
    this.clock.expire();
    this.advance(this.clock.now());
    // After a failure let everything else have its turn first: the answer may have been "full".
    if (succeeded) queueMicrotask(this.refill);
    else setImmediate(this.refill);
  }

  private readonly refill = (): void => {
    this.inBurst = false;
    this.clock.expire();
    if (this.phase === 'draining') {
      if (this.free === this.plan.inFlight) this.finished?.();
      return;
    }
    // Only what is free now: an answer that comes during submit waits for the next refill.
    const count = this.free;
    const slots = this.freeSlots;
    this.freeSlots = this.spareSlots;
    this.spareSlots = slots;
    this.free = 0;
    for (let i = 0; i < count; i++) this.send(slots[i]!);
  };

  private send(slot: number): void {
    this.startedUs[slot] = this.clock.now();
    this.submit(slot);
  }

  private advance(now: number): void {
    if (this.phase === 'warming' && now >= this.measureFromUs) {
      this.phase = 'measuring';
      this.measureFromUs = now;
    } else if (this.phase === 'measuring' && now >= this.measureFromUs + this.plan.measureUs) {
      this.phase = 'draining';
      this.measuredUs = now - this.measureFromUs;
    }
  }
}
