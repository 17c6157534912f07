/**
 * Verifies the records of one chunk while its bytes go by, in pieces of any size: checksums, chain, positions, epochs, and that they don't contradict
 * each other. Pure. Throws `log-corrupt`, with the place, at the first that is not as it was written.
 */
import { type Bytes, type ChainState, type RecordKernel, VERIFY_STOP } from '../base/ports.js';
import { describeStop } from '../log/chunk-scan.js';
import { logCorrupt, placeOf } from '../log/damage.js';
import type { RecordRun } from '../log/scan.js';
import { TailSummary } from '../log/tail-summary.js';

export interface RecordStreamParts {
  readonly kernel: RecordKernel;
  readonly chunkSize: number;
  /** How the chunk's file is called in an error. */
  readonly file: string;
  /** What the first record continues. */
  readonly before: Readonly<ChainState>;
  /** Is shown each run of verified records; the bytes are there until it returns. */
  readonly see?: ((run: RecordRun) => void) | undefined;
}

/** Pieces come in this size or smaller; longer records make the window grow. */
const WINDOW_BYTES = 2_097_152;

export class RecordStream {
  readonly #parts: RecordStreamParts;
  readonly #state: ChainState;
  readonly #summary: TailSummary;
  #bytes: Bytes = new Uint8Array(WINDOW_BYTES);
  /** What is not verified yet is `bytes[at, filled)`. */
  #at = 0;
  #filled = 0;

  constructor(parts: RecordStreamParts) {
    this.#parts = parts;
    this.#state = { ...parts.before };
    this.#summary = new TailSummary(parts.chunkSize);
  }

  /** Behind the last verified record. */
  get state(): Readonly<ChainState> {
    return this.#state;
  }

  get recordCount(): number {
    return this.#summary.recordCount;
  }

  /** Whether a scavenge has removed any of the records so far. */
  get hasRemoved(): boolean {
    return this.#summary.removedCount > 0;
  }

  /** Whether the last event so far is not the last of its transaction. */
  get isInTransaction(): boolean {
    return this.#summary.openTransaction !== undefined;
  }

  /** Takes the next bytes of the chunk's data. */
  push(piece: Bytes): void {
    this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#filled);
    this.#filled += piece.length;
    const { kernel, see } = this.#parts;
    const { position } = this.#state;
    const stop = kernel.verify(this.#bytes, this.#at, this.#filled - this.#at, this.#state);
    const length = this.#state.position - position;
    if (length > 0) {
      this.#summary.note(this.#bytes, this.#at, length);
      const { contradiction } = this.#summary;
      if (contradiction !== undefined) throw this.#damage(contradiction.reason, contradiction.position);
      see?.({ bytes: this.#bytes, at: this.#at, length, position });
      this.#at += length;
    }
    if (stop !== VERIFY_STOP.end && stop !== VERIFY_STOP.partial) throw this.#damage(describeStop(stop));
  }

  /** There are no more bytes: the last record must have ended. */
  end(): void {
    if (this.#at < this.#filled) throw this.#damage(describeStop(VERIFY_STOP.partial));
  }

  #makeRoom(length: number): void {
    if (this.#filled + length <= this.#bytes.length) return;
    const unread = this.#filled - this.#at;
    const isCrowded = unread + length > this.#bytes.length;
    const target: Bytes = isCrowded ? new Uint8Array(2 * (unread + length)) : this.#bytes;
    if (isCrowded) target.set(this.#bytes.subarray(this.#at, this.#filled), 0);
    else target.copyWithin(0, this.#at, this.#filled);
    this.#bytes = target;
    this.#at = 0;
    this.#filled = unread;
  }

  #damage(reason: string, position = this.#state.position): Error {
    const { file, chunkSize } = this.#parts;
    return logCorrupt(placeOf(file, position, chunkSize), reason);
  }
}
