/**
 * Reads a range of the log from its chunk files, forward, in verified runs of whole records: for the index at start and for
 * tools. Any thread that may block. Everything it hands out has been checked: checksums, positions, epochs, chain.
 */
import { assert } from '../base/assert.js';
import type { Bytes, ChainState, Disk, RecordKernel } from '../base/ports.js';
import { chunkOf } from './chunk.js';
import { ChunkReader } from './chunk-reader.js';
import { describeStop, verifyRun } from './chunk-scan.js';
import { logCorrupt, placeOf } from './damage.js';

export interface ScanInput {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** The chunks of the log; chunk `n` is at index `n`. */
  readonly chunks: readonly { readonly path: string }[];
  readonly chunkSize: number;
  /** The state before the first record to read. */
  readonly from: Readonly<ChainState>;
  /** Position behind the last record to read: the end of a record. */
  readonly to: number;
  /** The chunk that recovery has read a moment ago, if any: its bytes are had from memory. */
  readonly justRead?: number | undefined;
}

/** Whole records: `bytes[at, at+length)` is what stands at `position`. */
export interface RecordRun {
  readonly bytes: Bytes;
  readonly at: number;
  readonly length: number;
  readonly position: number;
}

export class LogScanner {
  readonly #input: ScanInput;
  readonly #reader: ChunkReader;
  readonly #state: ChainState;
  /** The chunk that is open, or -1. */
  #chunk = -1;

  constructor(input: ScanInput) {
    this.#input = input;
    this.#reader = new ChunkReader(input, input.chunkSize);
    this.#state = { ...input.from };
  }

  /** The state behind the records handed out so far. */
  get state(): Readonly<ChainState> {
    return this.#state;
  }

  /**
   * The next run, up to some megabytes; undefined when `to` is reached. Its bytes are valid until the next call.
   * Throws `log-corrupt` (details: file, offset, position, reason) at the first record that is not as it was written, or
   * `DiskError`.
   */
  next(): RecordRun | undefined {
    const { kernel, to } = this.#input;
    const reader = this.#reader;
    const state = this.#state;
    if (this.#chunk >= 0) reader.skip(state.position - reader.position);
    if (state.position === to) return undefined;
    this.#openChunk();
    const stop = verifyRun(kernel, reader, state);
    const { bytes, at, position } = reader;
    const length = state.position - position;
    if (length > 0) return { bytes, at, length, position };
    const { path } = this.#chunkAt(this.#chunk);
    throw logCorrupt(placeOf(path, position, this.#input.chunkSize), describeStop(stop));
  }

  /** Closes the file. */
  close(): void {
    this.#reader.close();
    this.#chunk = -1;
  }

  #openChunk(): void {
    const { chunkSize, to } = this.#input;
    const { position } = this.#state;
    const number = chunkOf(position, chunkSize);
    if (number === this.#chunk) return;
    const start = number * chunkSize;
    this.#reader.source = number === this.#input.justRead ? 'remembered' : 'medium';
    this.#reader.open(this.#chunkAt(number).path, start, position, Math.min(to, start + chunkSize));
    this.#chunk = number;
  }

  #chunkAt(number: number): { readonly path: string } {
    const chunk = this.#input.chunks[number];
    assert(chunk !== undefined, 'the range to scan has its chunks');
    return chunk;
  }
}
