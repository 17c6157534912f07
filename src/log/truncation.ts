/**
 * Cuts a suffix off a log while a node works on it: what a former leader wrote and no quorum had. Runs on a thread that may block, with
 * nobody writing meanwhile. What is cut becomes zeros, durably, so that the log looks as if it had never been longer, and the
 * chunks stay prewritten.
 *
 * Order: from the last chunk to the one with the cut; of each first the footer, synced, then the data, synced. A crash anywhere in it, with
 * any subset of the sectors in flight zeroed, leaves a log that recovery ends at X, the first record that lost something, and
 * takes for torn (docs/formats.md, "Truncation", goes through the rules). It rests on three things:
 * - The zeros of a chunk begin at the cut or with the chunk, at a record: each record that is not valid any more has a sector that
 *   is zero from X on, as if a write of it had been torn (rules 4 and 5).
 * - A chunk loses its footer only when all behind it is zeros, and its data only when the footer is gone (rules 2 and 7).
 * - No Commit record in the cut part names a position behind the cut, so none behind X names one behind X (rule 1). This is
 *   checked: a log where it doesn't hold is not cut, for then something is about to be lost that was committed.
 */
import { assert } from '../base/assert.js';
import { alignDown, alignUp, readU64 } from '../base/bytes.js';
import type { Bytes, ChainState, Disk, FileHandle, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { CHUNK_FOOTER_BYTES, chainAfter, chunkOf, fileOffsetOf, footerOffsetOf } from './chunk.js';
import { logCorrupt } from './damage.js';
import { readChunkBlocks } from './folder.js';
import { COMMIT, chainBehind, LOG_START, occupiedBytes, RECORD, RECORD_TYPE } from './record.js';
import { LogScanner } from './scan.js';

export interface TruncationInput {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** The chunks of the log, at least those with records; chunk `n` is at index `n`. */
  readonly chunks: readonly { readonly path: string }[];
  readonly chunkSize: number;
  /** The end of the log. All before is durable, all behind is zeros. */
  readonly end: Position;
  /** The start of the first record that goes, or `end`. */
  readonly to: Position;
}

export type Truncation =
  | {
      readonly kind: 'truncated';
      /** The end of the log: what the next record continues. */
      readonly end: Readonly<ChainState>;
      /** How many records the chunk that the next record goes to has before the end. */
      readonly recordsInActiveChunk: number;
      /** Timestamp of the last record; 0 in an empty log. */
      readonly lastTimestampUs: number;
    }
  /** Nothing was changed: the Commit record at `position`, behind the cut, calls what is before `committed` committed. */
  | { readonly kind: 'refused'; readonly position: Position; readonly committed: Position };

/**
 * Cuts the log at `to`, durably. Throws `log-corrupt` if what is read doesn't verify (then nothing was changed), or `DiskError`:
 * then nothing may be written to the log before it is recovered.
 */
export function truncateLog(input: TruncationInput): Truncation {
  const { chunkSize, end, to } = input;
  assert(to >= 0 && to <= end, 'a log is cut where it is');
  const survey = new Survey(input);
  survey.run();
  const { refusal } = survey;
  if (refusal !== undefined) return refusal;
  const zeros = input.disk.alignedBuffer(Math.min(chunkSize, ZEROS_BYTES));
  const last = chunkOf(end - 1, chunkSize);
  for (let number = last; end > to && number >= chunkOf(to, chunkSize); number--) {
    clearChunk(input, number, zeros);
  }
  return survey.result();
}

/** Big enough for sequential writes at the disk's rate. */
const ZEROS_BYTES = 1_048_576;
/** Zeros are written past the page cache, as the log itself is, so in whole blocks. */
const BLOCK_BYTES = 4096;

/** Reads the log from the chunk that the last kept record is in: what the new end is, and whether it may be cut. */
class Survey {
  readonly #input: TruncationInput;
  readonly #state: ChainState;
  refusal: Extract<Truncation, { kind: 'refused' }> | undefined;
  #recordCount = 0;
  #lastTimestampUs = 0;

  constructor(input: TruncationInput) {
    this.#input = input;
    this.#state = startState(input, Math.max(0, chunkOf(input.to - 1, input.chunkSize)));
  }

  run(): void {
    const { end, to } = this.#input;
    const scanner = new LogScanner({ ...this.#input, from: this.#state, to: end });
    try {
      for (let run = scanner.next(); run !== undefined; run = scanner.next()) {
        this.#note(run.bytes, run.at, run.length);
      }
    } finally {
      scanner.close();
    }
    assert(this.#state.position === to, 'a log is cut at the start of a record');
  }

  result(): Truncation {
    const isChunkStart = this.#input.to % this.#input.chunkSize === 0;
    return {
      kind: 'truncated',
      end: this.#state,
      recordsInActiveChunk: isChunkStart ? 0 : this.#recordCount,
      lastTimestampUs: this.#lastTimestampUs,
    };
  }

  #note(bytes: Bytes, at: number, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let record = at; record < at + length; ) {
      const isKept = readU64(view, record + RECORD.position) < this.#input.to;
      if (isKept) this.#noteKept(view, record);
      else this.#noteCut(view, record);
      record += occupiedBytes(view.getUint32(record + RECORD.length, true));
    }
  }

  #noteKept(view: DataView, record: number): void {
    const length = view.getUint32(record + RECORD.length, true);
    this.#state.position = readU64(view, record + RECORD.position) + occupiedBytes(length);
    this.#state.chain = chainBehind(view, record);
    this.#state.previousLength = length;
    this.#state.epoch = view.getUint32(record + RECORD.epoch, true);
    this.#recordCount++;
    this.#lastTimestampUs = readU64(view, record + RECORD.timestamp);
  }

  #noteCut(view: DataView, record: number): void {
    if (view.getUint8(record + RECORD.type) !== RECORD_TYPE.commit) return;
    const committed = readU64(view, record + COMMIT.committed);
    if (committed <= this.#input.to) return;
    this.refusal ??= { kind: 'refused', position: readU64(view, record + RECORD.position), committed };
  }
}

function startState({ disk, chunks, chunkSize }: TruncationInput, chunkNumber: number): ChainState {
  if (chunkNumber === 0) return { ...LOG_START };
  const before = chunks[chunkNumber - 1];
  assert(before !== undefined, 'the log has all chunks before the cut');
  const { footer } = readChunkBlocks(disk, before.path);
  if (footer?.kind === 'footer') return chainAfter(footer.footer);
  const place = { file: before.path, offset: footerOffsetOf(chunkSize), position: chunkNumber * chunkSize };
  throw logCorrupt(place, 'a sealed chunk has no footer');
}

/** Zeros what is behind the cut in one chunk, durably: the footer before the data. */
function clearChunk(
  { disk, chunks, chunkSize, end, to }: TruncationInput,
  number: number,
  zeros: Bytes,
): void {
  const chunk = chunks[number];
  assert(chunk !== undefined, 'the log has all chunks that it has records in');
  const chunkEnd = (number + 1) * chunkSize;
  const from = Math.max(to, number * chunkSize);
  const file = disk.open(chunk.path, { access: 'write', direct: true });
  try {
    if (end >= chunkEnd) {
      disk.write(file, zeros, 0, CHUNK_FOOTER_BYTES, footerOffsetOf(chunkSize));
      disk.syncData(file);
    }
    const firstBlock = alignDown(from, BLOCK_BYTES);
    let offset = fileOffsetOf(firstBlock, chunkSize);
    if (from > firstBlock) {
      clearPart(disk, file, { offset, kept: from - firstBlock });
      offset += BLOCK_BYTES;
    }
    const endOffset = fileOffsetOf(Math.min(end, chunkEnd) - 1, chunkSize) + 1;
    for (; offset < endOffset; offset += zeros.length) {
      disk.write(file, zeros, 0, Math.min(zeros.length, alignUp(endOffset - offset, BLOCK_BYTES)), offset);
    }
    disk.syncData(file);
  } finally {
    disk.close(file);
  }
}

/** Zeros a block behind its first `kept` bytes. Those are written again as they were: no sector of theirs changes, torn or not. */
function clearPart(disk: Disk, file: FileHandle, place: { offset: number; kept: number }): void {
  const block = disk.alignedBuffer(BLOCK_BYTES);
  disk.read(file, block, 0, BLOCK_BYTES, place.offset);
  block.fill(0, place.kept);
  disk.write(file, block, 0, BLOCK_BYTES, place.offset);
}
