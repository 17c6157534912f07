/**
 * The lanes of the streams that rows went to lately. Pure; main thread. What always holds: memory is bounded, however many
 * streams there are; a lane with rows waiting is never forgotten. A forgotten one is learnt again from the stream's end.
 */
import type { SourceMarks } from './source-marks.js';
import { StreamLane } from './stream-lane.js';

/** A lane takes some 300 bytes and the stream's name: 2 × 50,000 of them some 40 MB. */
const LANES_MAX = 50_000;

/** Two generations: a full young one becomes the old one, and what was not used again since is forgotten. */
export class LaneTable {
  #young = new Map<string, StreamLane>();
  #old = new Map<string, StreamLane>();
  #hasForgotten = false;

  constructor(
    private readonly marks: SourceMarks,
    private readonly lanesMax: number = LANES_MAX,
  ) {}

  /** The lane of a stream; made if there is none. */
  of(stream: string): StreamLane {
    return this.#young.get(stream) ?? this.#renew(stream);
  }

  *[Symbol.iterator](): IterableIterator<StreamLane> {
    yield* this.#young.values();
    yield* this.#old.values();
  }

  /** Makes a stream's lane a young one. */
  #renew(stream: string): StreamLane {
    const old = this.#old.get(stream);
    const lane = old ?? new StreamLane(stream, this.marks.idMiddle(stream), !this.#hasForgotten);
    this.#old.delete(stream);
    if (this.#young.size >= this.lanesMax) this.#age();
    this.#young.set(stream, lane);
    return lane;
  }

  #age(): void {
    const dropped = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    for (const [stream, lane] of dropped) {
      if (lane.isBusy) this.#young.set(stream, lane);
      else this.#hasForgotten = true;
    }
  }
}
