/** How far a node is with scavenging, in figures. Pure; main thread. */
import type { ScavengeState, ScavengeStatus } from '../../net/node-port.js';
import type { ScavengePoint } from '../../scavenge/scavenge-events.js';

/** What a job did to a chunk. */
interface Rewritten {
  readonly removed: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface ProgressClock {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

export const NOTHING_SCAVENGED: ScavengeStatus = {
  ...{ state: 'idle', why: null, point: null, chunksDone: 0, chunksTotal: 0, bytesBefore: 0, bytesAfter: 0 },
  ...{ bytesPerSecond: null, secondsLeft: null, lastEndedAt: null },
  ...{ chunks: 0, rewrittenChunks: 0, removedRecords: 0, freedBytes: 0 },
};

export class ScavengeProgress {
  readonly #clock: ProgressClock;
  readonly #chunkSize: number;
  #status = NOTHING_SCAVENGED;
  /** Of this pass: when its first chunk was begun, and how many are done. */
  #beganMs: number | undefined;
  #doneInPass = 0;

  constructor(clock: ProgressClock, chunkSize: number) {
    this.#clock = clock;
    this.#chunkSize = chunkSize;
  }

  get status(): ScavengeStatus {
    const { state, chunksTotal, chunksDone } = this.#status;
    if (state !== 'running' || this.#beganMs === undefined || this.#doneInPass === 0) return this.#status;
    const seconds = Math.max(0.001, (this.#clock.monotonicMs() - this.#beganMs) / 1000);
    const chunksPerSecond = this.#doneInPass / seconds;
    return {
      ...this.#status,
      bytesPerSecond: Math.round(chunksPerSecond * this.#chunkSize),
      secondsLeft: Math.ceil((chunksTotal - chunksDone) / chunksPerSecond),
    };
  }

  becomes(state: ScavengeState, why: string | null = null): void {
    this.#status = { ...this.#status, state, why };
    if (state === 'running') this.#beganMs ??= this.#clock.monotonicMs();
  }

  /** There is a newer point. */
  heard({ position, timestampUs, throttlePercent }: ScavengePoint): void {
    const writtenAt = new Date(timestampUs / 1000).toISOString();
    this.#status = { ...this.#status, point: { position, writtenAt, throttlePercent } };
  }

  /** A pass is about these chunks, some of which are done; `bytes`: of all their files. */
  begin(chunksTotal: number, chunksDone: number, bytes: number): void {
    this.#beganMs = undefined;
    this.#doneInPass = 0;
    this.#status = {
      ...this.#status,
      chunksTotal,
      chunksDone,
      bytesBefore: bytes,
      bytesAfter: bytes,
    };
  }

  done(rewritten: Rewritten | undefined): void {
    const status = this.#status;
    const freed = rewritten === undefined ? 0 : rewritten.bytesBefore - rewritten.bytesAfter;
    this.#doneInPass++;
    this.#status = {
      ...status,
      chunksDone: status.chunksDone + 1,
      bytesAfter: status.bytesAfter - freed,
      chunks: status.chunks + 1,
      rewrittenChunks: status.rewrittenChunks + (rewritten === undefined ? 0 : 1),
      removedRecords: status.removedRecords + (rewritten?.removed ?? 0),
      freedBytes: status.freedBytes + freed,
    };
  }

  ended(): void {
    this.#status = { ...this.#status, lastEndedAt: this.#clock.wallMs() };
  }
}
