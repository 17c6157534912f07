/**
 * Where everything lies in the log ring's SharedArrayBuffer.
 *
 *   0           control: cursors, doorbells, states, one to a cache line
 *   4096        chunk ends: what the writer needs to seal a chunk, one entry for each chunk that can be in the ring
 *   dataOffset  the ring (aligned for direct I/O): the byte of log position P is at dataOffset + P mod ringBytes
 *   + ringBytes the apron: a record that runs over the ring's end goes on here, and stands at the ring's start as well,
 *               so that every record is contiguous for who reads it in place
 *
 *     ┌─────────┬────────────┬──────────────────────────────────────────────────┬─────────┐
 *     │ control │ chunk ends │ … durable ▸ … published ▸ … framed ▸ (free) … ▸   │  apron  │
 *     └─────────┴────────────┴──────────────────────────────────────────────────┴─────────┘
 */
import { assert } from '../base/assert.js';
import { alignUp } from '../base/bytes.js';

/** Blocks that the disk writes, and what direct I/O is aligned to. */
export const BLOCK_BYTES = 4096;

const CACHE_LINE_WORDS = 32; // 128 bytes: adjacent-line prefetch makes neighbours of two 64-byte lines

/** Indexes of the control words (Int32). */
export const CONTROL = {
  /** Cursor: sealed records up to here may be read by other threads. Moved by main. */
  published: 0 * CACHE_LINE_WORDS,
  /** Cursor: on this node's disk, synced. Moved by the writer. */
  durable: 1 * CACHE_LINE_WORDS,
  /** Cursor: held durably by a quorum. Moved by main. */
  committed: 2 * CACHE_LINE_WORDS,
  /** Cursor: in the index. Moved by the indexer. */
  indexed: 3 * CACHE_LINE_WORDS,
  /** Cursor: chunks exist on disk up to here. Moved by the preparer. */
  prepared: 4 * CACHE_LINE_WORDS,
  /** Doorbells: [rings, parked] each. */
  mainBell: 5 * CACHE_LINE_WORDS,
  writerBell: 6 * CACHE_LINE_WORDS,
  indexerBell: 7 * CACHE_LINE_WORDS,
  preparerBell: 8 * CACHE_LINE_WORDS,
  /** 1 = all threads finish what is published and end. */
  stopping: 9 * CACHE_LINE_WORDS,
  /** 0, or the positive errno, or the preparer's BEYOND_RESERVE, that keeps the preparer from making the next chunk. */
  preparerErrno: 10 * CACHE_LINE_WORDS,
  /** Statistics of the writer, see {@link WriterStatistics}. */
  writerStatistics: 11 * CACHE_LINE_WORDS,
  /** 1 = main wants the log cut at `truncateTo`, and publishes nothing until that is done. Set and cleared by main. */
  truncating: 12 * CACHE_LINE_WORDS,
  /** Cursor: where the log is to be cut. */
  truncateTo: 13 * CACHE_LINE_WORDS,
  /** Counts the chunks that were mended while the node works: whoever met damage may try again. Moved by main. */
  repairs: 14 * CACHE_LINE_WORDS,
  /** How many batches of which size the writer has made durable, see {@link WriterStatistics}. Takes two lines. */
  batchSizes: 15 * CACHE_LINE_WORDS,
  /** 1 = whoever has published waits for `durable` and for nothing else: the writer may stay awake for what comes next. Set by main. */
  isAwaited: 17 * CACHE_LINE_WORDS,
} as const;

const CONTROL_BYTES = 4096;
/** chain, previousLength, epoch, record count of a chunk's last record (u32 each). */
const CHUNK_END_WORDS = 4;

/** What it takes to attach to a ring from another thread; can be sent with `workerData`. */
export interface RingDescriptor {
  readonly buffer: SharedArrayBuffer;
  readonly dataOffset: number;
  /** A power of two. */
  readonly ringBytes: number;
  /** At least the largest record. */
  readonly apronBytes: number;
  readonly chunkBytes: number;
  /** Entries of the chunk-end table; a power of two. */
  readonly chunkEnds: number;
  /** What was committed when the ring was made: nothing before it can be read from the ring. Cursors are anchored to it. */
  readonly start: number;
}

export interface RingShape {
  readonly ringBytes: number;
  readonly recordBytesMax: number;
  readonly chunkBytes: number;
  readonly start: number;
  /** Bytes to skip so that the rest of a buffer is aligned for direct I/O ({@link Disk.alignmentGap}). */
  readonly alignmentGap: (buffer: ArrayBufferLike) => number;
}

/** Allocates the shared memory of a ring that will hold the log from `start` on. */
export function createRing(shape: RingShape): RingDescriptor {
  const { ringBytes, chunkBytes, start } = shape;
  assert(Number.isInteger(Math.log2(ringBytes)), 'the ring size is a power of two');
  assert(chunkBytes % BLOCK_BYTES === 0, 'chunks are whole blocks');
  const chunkEnds = 2 ** Math.ceil(Math.log2(ringBytes / chunkBytes + 2));
  const apronBytes = alignUp(shape.recordBytesMax, BLOCK_BYTES);
  const tableBytes = alignUp(chunkEnds * CHUNK_END_WORDS * 4, BLOCK_BYTES);
  const headBytes = CONTROL_BYTES + tableBytes;
  // One block more than needed, because a SharedArrayBuffer's base is not block-aligned.
  const buffer = new SharedArrayBuffer(headBytes + BLOCK_BYTES + ringBytes + apronBytes);
  const gap = shape.alignmentGap(buffer);
  assert(gap % 8 === 0, 'records in the ring are 8-byte aligned');
  return { buffer, dataOffset: gap + headBytes, ringBytes, apronBytes, chunkBytes, chunkEnds, start };
}

/** The views over a ring's memory that every thread needs. */
export class RingMemory {
  readonly control: Int32Array;
  readonly chunkEnds: Uint32Array;
  /** The ring and its apron. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** The same memory in 32-bit words, for record fields; little-endian as the format is. */
  readonly words: Uint32Array<SharedArrayBuffer>;
  readonly descriptor: RingDescriptor;
  readonly #mask: number;

  constructor(descriptor: RingDescriptor) {
    const { buffer, dataOffset, ringBytes, apronBytes, chunkEnds } = descriptor;
    assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'the machine is little-endian');
    this.descriptor = descriptor;
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.chunkEnds = new Uint32Array(buffer, CONTROL_BYTES, chunkEnds * CHUNK_END_WORDS);
    this.bytes = new Uint8Array(buffer, dataOffset, ringBytes + apronBytes);
    this.words = new Uint32Array(buffer, dataOffset, (ringBytes + apronBytes) / 4);
    this.#mask = ringBytes - 1;
  }

  /** Where in `bytes` the log's byte at `position` lies. */
  offsetOf(position: number): number {
    return position % (this.#mask + 1);
  }

  /** Index in `chunkEnds` of a chunk's entry. */
  chunkEndAt(chunkNumber: number): number {
    return (chunkNumber & (this.descriptor.chunkEnds - 1)) * CHUNK_END_WORDS;
  }
}
