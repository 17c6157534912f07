/**
 * Open loop: requests start at a given rate, whether or not earlier ones were answered, and latency counts from the
 * intended start. Measures what clients who don't know of each other would see at that rate.
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
import { Schedule } from './schedule.js';

/** Timers are a millisecond coarse and late; nearer than this the generator goes round the event loop instead of sleeping. */
const SLEEP_MARGIN_US = 2_000;

/**
 * See {@link Load}. If all slots are taken, requests wait for one, and their latency grows meanwhile. Counted are the
 * requests that ought to start within the measured time, each of them, however late they are.
 */
export class OpenLoop implements Load {
  private readonly latency = new LatencyHistogram();
  private readonly clock = new BurstClock();
  private readonly intendedUs: Float64Array;
  private readonly freeSlots: number[] = [];
  private schedule = new Schedule(0, 1, 0);
  private measureFromUs = Number.POSITIVE_INFINITY;
  private issued = 0;
  private answered = 0;
  private requests = 0;
  private errors = 0;
  private pumpIsDue = false;
  private finished: (() => void) | undefined;

  constructor(
    private readonly plan: LoadPlan,
    private readonly requestsPerSecond: number,
    private readonly submit: Submit,
  ) {
    this.intendedUs = new Float64Array(plan.inFlight);
    for (let slot = plan.inFlight - 1; slot >= 0; slot--) this.freeSlots.push(slot);
  }

  async run(): Promise<LoadResult> {
    const { warmupUs, measureUs } = this.plan;
    const startUs = nowUs();
    this.schedule = new Schedule(startUs, this.requestsPerSecond, warmupUs + measureUs);
    this.measureFromUs = startUs + warmupUs;
    await new Promise<void>((resolve, reject) => {
      const limitMs = (warmupUs + measureUs) / 1000 + GRACE_MS;
      const watchdog = setTimeout(() => reject(unanswered(this.schedule.requests - this.answered)), limitMs);
      this.finished = () => {
        clearTimeout(watchdog);
        resolve();
      };
      this.turn();
    });
    const seconds = Math.max(nowUs() - this.measureFromUs, measureUs) / 1e6;
    return { requests: this.requests, errors: this.errors, seconds, latency: this.latency };
  }

  completed(slot: number, succeeded: boolean): void {
    if (!this.pumpIsDue) {
      this.pumpIsDue = true;
      this.clock.expire();
      queueMicrotask(this.pump);
    }
    this.freeSlots.push(slot);
    this.answered++;
    const intended = this.intendedUs[slot]!;
    if (!succeeded) {
      this.errors++;
    } else if (intended >= this.measureFromUs) {
      this.requests++;
      this.latency.record(this.clock.now() - intended);
    }
  }

  /** Sends what is due and arranges the next look at the clock. */
  private readonly turn = (): void => {
    this.pump();
    if (this.issued === this.schedule.requests) return;
    const waitUs = this.schedule.intendedUs(this.issued) - nowUs();
    if (waitUs > SLEEP_MARGIN_US) setTimeout(this.turn, Math.floor((waitUs - SLEEP_MARGIN_US) / 1000));
    else setImmediate(this.turn);
  };

  private readonly pump = (): void => {
    this.pumpIsDue = false;
    const due = this.schedule.dueBy(nowUs());
    // Answers that come during submit free slots, but are counted from the next round on, so that this one ends.
    for (let slots = this.freeSlots.length; slots > 0 && this.issued < due; slots--) {
      const slot = this.freeSlots.pop()!;
      this.intendedUs[slot] = this.schedule.intendedUs(this.issued++);
      this.submit(slot);
    }
    if (this.answered === this.schedule.requests) this.finished?.();
  };
}
