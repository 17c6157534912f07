/**
 * Walks the records of one chunk from start to end, through damage: what can't be read is named and passed over, and the walk
 * goes on with the next record that can. For `cairn inspect`; any thread that may block.
 */
import {
  type Bytes,
  type ChainState,
  type RecordKernel,
  VERIFY_STOP,
  type VerifyStop,
} from '../../base/ports.js';
import type { ChunkReader } from '../../log/chunk-reader.js';
import { describeStop, verifyRun } from '../../log/chunk-scan.js';
import { decodeHeader, type RecordHeader } from '../../log/decoded-record.js';
import {
  chainBehind,
  occupiedBytes,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  REMOVED_LENGTH_MIN,
} from '../../log/record.js';
import { findHeader, stateBefore } from '../../log/resync.js';
import { firstNonZeroPosition } from '../../log/tail-classification.js';

export type WalkStep =
  /** Whole, valid records; the bytes are there until the next step. */
  | {
      readonly kind: 'run';
      readonly bytes: Bytes;
      readonly at: number;
      readonly length: number;
      readonly position: number;
    }
  /** What stands in `[position, to)` can't be read; or, if that is empty, the record does not continue the one before. */
  | {
      readonly kind: 'damage';
      readonly position: number;
      readonly to: number;
      readonly reason: string;
      /** The record's header, if only its body is damaged. */
      readonly header: RecordHeader | undefined;
    };

/**
 * Walks positions `[from, to)`, which the reader is open on. `state` is what the first record continues; undefined = whatever
 * it says. Ends at `to`, or where nothing but zeros follow; returns that position and the state there. Throws `DiskError`.
 */
export function* walkChunk(
  kernel: RecordKernel,
  reader: ChunkReader,
  range: { readonly from: number; readonly to: number },
  before: Readonly<ChainState> | undefined,
): Generator<WalkStep, ChainState> {
  const { from, to } = range;
  reader.seek(from, to);
  let state = before === undefined ? claimedState(reader) : { ...before };
  for (;;) {
    const stop = verifyRun(kernel, reader, state);
    const length = state.position - reader.position;
    if (length > 0) {
      yield { kind: 'run', bytes: reader.bytes, at: reader.at, length, position: reader.position };
      reader.skip(length);
      continue;
    }
    const { position } = reader;
    const found = firstNonZeroPosition(reader, position, to);
    if (found === undefined) return state;
    reader.seek(position, to);
    const next = passOver(kernel, reader, stop, to);
    yield { kind: 'damage', position, to: next.position, reason: describeStop(stop), header: next.header };
    if (next.position === to) return { ...state, position: to };
    state = next.state;
  }
}

interface Passed {
  readonly position: number;
  readonly state: ChainState;
  readonly header: RecordHeader | undefined;
}

/** Moves the reader behind what stopped it at its place. */
function passOver(kernel: RecordKernel, reader: ChunkReader, stop: VerifyStop, to: number): Passed {
  const { position } = reader;
  if (!reader.require(RECORD_HEADER_BYTES)) return passedTo(reader, to);
  const header = decodeHeader(reader.bytes, reader.at);
  if (stop === VERIFY_STOP.badBody) {
    const end = position + occupiedBytes(header.length);
    const { length: previousLength, epoch } = header;
    // A record with a body to be bad is that long.
    const chain = reader.require(REMOVED_LENGTH_MIN) ? chainBehind(viewOf(reader), reader.at) : header.crc;
    reader.seek(end, to);
    return { position: end, state: { position: end, chain, previousLength, epoch }, header };
  }
  // A record in its place that does not fit the one before: go on with it as it claims, to see whether it is whole.
  const isInPlace = header.position === position && position + occupiedBytes(header.length) <= to;
  if (isInPlace && (stop === VERIFY_STOP.badChain || stop === VERIFY_STOP.badPosition)) {
    return { position, state: stateBefore(reader.bytes, reader.at), header: undefined };
  }
  reader.skip(RECORD_ALIGNMENT);
  const left = findHeader(kernel, reader, to);
  if (left < RECORD_HEADER_BYTES) return passedTo(reader, to);
  return { position: reader.position, state: stateBefore(reader.bytes, reader.at), header: undefined };
}

function viewOf({ bytes }: ChunkReader): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function passedTo(reader: ChunkReader, to: number): Passed {
  reader.seek(to, to);
  return { position: to, state: { position: to, chain: 0, previousLength: 0, epoch: 0 }, header: undefined };
}

/** What the first record of a chunk says that it continues. */
function claimedState(reader: ChunkReader): ChainState {
  const { position } = reader;
  if (!reader.require(RECORD_HEADER_BYTES)) return { position, chain: 0, previousLength: 0, epoch: 0 };
  return { ...stateBefore(reader.bytes, reader.at), position };
}
