/** Goes through the streams of several segments at once, in their order: each stream comes once, with all who have it. Pure but for what it reads. */
import type { SegmentScan } from './segment-scan.js';
import { compareNames } from './stream-hash.js';

export class MergedStreams {
  readonly #scans: readonly SegmentScan[];
  readonly #areAtEnd: boolean[];
  #having: number[] = [];

  /** Throws `IndexDamage`, as every step may. */
  constructor(scans: readonly SegmentScan[]) {
    this.#scans = scans;
    this.#areAtEnd = scans.map((scan) => !scan.next());
  }

  /** The numbers of the scans, in their order, that are at the next stream; none if there is none. Valid until the next call. */
  next(): readonly number[] {
    const [scans, areAtEnd] = [this.#scans, this.#areAtEnd];
    for (const number of this.#having) areAtEnd[number] = !scans[number]!.next();
    const having: number[] = [];
    for (let number = 0; number < scans.length; number++) {
      if (areAtEnd[number]) continue;
      const least = having[0];
      const difference = least === undefined ? -1 : compareNames(scans[number]!.name, scans[least]!.name);
      if (difference < 0) having.length = 0;
      if (difference <= 0) having.push(number);
    }
    this.#having = having;
    return having;
  }
}
