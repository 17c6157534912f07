/**
 * Ranges of the log out of chunk files, for followers that are far behind: the next one is read while the last one is on its way, so that the
 * disk, the network and the follower work at the same time. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { Position } from '../base/units.js';
import { occupiedBytes, RECORD } from '../log/record.js';
import { type PageBytes, PageMemory } from '../reader/page-memory.js';
import type { LogStore } from './log-store.js';

/** Whole records of the log. To be given back when nobody looks at them any more. */
export interface ColdRange {
  readonly position: Position;
  readonly bytes: Uint8Array;
  readonly memory: PageBytes;
}

/** Where they come from. */
export type ColdLog = Pick<LogStore, 'reader' | 'committed' | 'chunkSize'>;

/** Who is read ahead for: each takes a page of memory. More followers than that are far behind only where something else is wrong. */
const FOLLOWERS_MAX = 8;

export class ColdRanges {
  readonly #log: ColdLog;
  readonly #pages = new PageMemory();
  /** What comes next for a follower, being read or there already. The one that was served the longest ago comes first. */
  readonly #ahead = new Map<
    string,
    { readonly position: Position; readonly range: Promise<ColdRange | undefined> }
  >();

  constructor(log: ColdLog) {
    this.#log = log;
  }

  /**
   * Whole records from `position`, `wanted` bytes at most, or one that is larger. None if what begins there goes beyond what is wanted and is no
   * whole record. Throws `log-corrupt` or `disk-failure`.
   */
  async read(follower: string, position: Position, wanted: number): Promise<ColdRange> {
    const ahead = this.#ahead.get(follower);
    this.#ahead.delete(follower);
    const known = await ahead?.range;
    const isWanted =
      known?.position === position && known.bytes.length <= Math.max(wanted, recordBytes(known));
    if (known !== undefined && !isWanted) this.give(known);
    const range = isWanted ? known : await this.#read(position, wanted);
    this.#readAhead(follower, position + range.bytes.length, wanted);
    return range;
  }

  /** Nobody looks at its bytes any more. */
  give({ memory }: ColdRange): void {
    this.#pages.give(memory);
  }

  #readAhead(follower: string, position: Position, wanted: number): void {
    // What is committed is never cut off, so it is still there when it is asked for.
    const length = Math.min(wanted, this.#log.committed - position);
    if (length <= 0) return;
    const range = this.#read(position, length).catch((error: unknown) => {
      if (!(error instanceof CairnError)) throw error;
      // Whoever asks for it reads it again, and is told what is wrong.
      return undefined;
    });
    this.#ahead.set(follower, { position, range });
    if (this.#ahead.size > FOLLOWERS_MAX) this.#ahead.delete(this.#ahead.keys().next().value!);
  }

  async #read(position: Position, wanted: number): Promise<ColdRange> {
    const { chunkSize } = this.#log;
    const length = Math.min(wanted, chunkSize - (position % chunkSize));
    const range = await this.#fill(position, length);
    if (range.bytes.length > 0) return range;
    this.give(range);
    return await this.#fill(position, recordBytes(range));
  }

  /** As many whole records as there are in `length` bytes; perhaps none. */
  async #fill(position: Position, length: number): Promise<ColdRange> {
    const { reader } = this.#log;
    const memory = this.#pages.take(length);
    const bytes = memory.bytes.subarray(0, length);
    await reader.readOnce(position, bytes);
    return { position, bytes: bytes.subarray(0, reader.wholeRecords(position, bytes)), memory };
  }
}

/** Of the first record, whose header has been checked. */
function recordBytes({ memory }: ColdRange): number {
  return occupiedBytes(memory.view.getUint32(RECORD.length, true));
}
