/**
 * Reads one chunk of the log from its file and enters its committed events: for the index thread at the start, and for jobs. If a transaction is
 * open at the chunk's end it reads on, until it knows whether that was committed. Any thread that may block.
 */
import { assert } from '../base/assert.js';
import type { ChainState } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { chainAfter, footerOffsetOf } from '../log/chunk.js';
import { logCorrupt } from '../log/damage.js';
import { footerOf, readChunkBlocks } from '../log/folder.js';
import { LOG_START } from '../log/record.js';
import { LogScanner, type ScanInput } from '../log/scan.js';
import type { RecordFollower } from './record-follower.js';

/** A log, as far as it can be read from its files. */
export type LogSource = Omit<ScanInput, 'from'>;

export class ChunkWalk {
  readonly #log: LogSource;
  readonly #follower: Pick<RecordFollower, 'follow' | 'isInTransaction'>;
  readonly #chunkEnd: Position;
  #scanner: LogScanner;
  #end: Readonly<ChainState> | undefined;

  /**
   * Of the chunk up to `log.to`, before which everything is committed. Throws `log-corrupt` if the chunk before does not say how this one goes
   * on, or `DiskError`.
   */
  constructor(log: LogSource, chunk: number, follower: Pick<RecordFollower, 'follow' | 'isInTransaction'>) {
    this.#log = log;
    this.#follower = follower;
    this.#chunkEnd = (chunk + 1) * log.chunkSize;
    this.#scanner = this.#scannerFrom(stateBefore(log, chunk));
  }

  /** Up to where it has read. */
  get position(): Position {
    return this.#scanner.state.position;
  }

  /** Behind the chunk's last record; where the log is read to, if that is in it. Only when all is read. */
  get end(): Readonly<ChainState> {
    assert(this.#end !== undefined, 'the chunk is read');
    return this.#end;
  }

  /** Enters the next run of records; returns its bytes, 0 if all is read. Throws `log-corrupt` or `DiskError`. */
  step(): number {
    if (this.#end !== undefined && !this.#follower.isInTransaction) return 0;
    const run = this.#scanner.next();
    if (run === undefined) return this.#endOfRange();
    const { bytes, at, length } = run;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    const end = this.#follower.follow(bytes, words, at, at + length);
    assert(end === at + length, 'the scanner hands out whole records');
    return length;
  }

  /** Goes on from new files. */
  reopen(): void {
    const { state } = this.#scanner;
    this.#scanner.close();
    this.#scanner = this.#scannerFrom(state);
  }

  close(): void {
    this.#scanner.close();
  }

  #endOfRange(): number {
    const { state } = this.#scanner;
    this.#end ??= { ...state };
    if (!this.#follower.isInTransaction) return 0;
    assert(state.position < this.#log.to, 'what is committed ends with a whole transaction');
    // Piece by piece: most transactions end right behind the chunk.
    this.#scanner.close();
    this.#scanner = new LogScanner({ ...this.#log, from: state });
    return this.step();
  }

  #scannerFrom(from: Readonly<ChainState>): LogScanner {
    const to = from.position < this.#chunkEnd ? Math.min(this.#chunkEnd, this.#log.to) : this.#log.to;
    return new LogScanner({ ...this.#log, from, to });
  }
}

/** What the first record of a chunk goes on from. */
function stateBefore({ disk, chunks, chunkSize }: LogSource, chunk: number): Readonly<ChainState> {
  if (chunk === 0) return LOG_START;
  const state = chainEndOf({ disk, chunkSize }, chunk - 1, chunks[chunk - 1]!.path);
  if (state !== undefined) return state;
  const offset = footerOffsetOf(chunkSize);
  const place = { file: chunks[chunk - 1]!.path, offset, position: chunk * chunkSize };
  throw logCorrupt(place, 'the footer is missing or damaged');
}

/** The end of a sealed chunk, as its footer says; undefined if it has none that can be used. Throws `DiskError`. */
export function chainEndOf(
  { disk, chunkSize }: Pick<LogSource, 'disk' | 'chunkSize'>,
  chunk: number,
  path: string,
): Readonly<ChainState> | undefined {
  const { header, footer } = readChunkBlocks(disk, path);
  if (header.kind !== 'header' || footer === undefined) return undefined;
  const checked = footerOf(header.header, footer);
  if (checked.kind !== 'footer' || checked.footer.endPosition !== (chunk + 1) * chunkSize) return undefined;
  return chainAfter(checked.footer);
}
