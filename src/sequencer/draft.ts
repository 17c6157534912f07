/**
 * A transaction that is open over several requests, as its steps have made it so far: what it would write, by stream, and how it ended. Pure; main
 * thread. The steps are Append frames; put together they are one, which the sequencer takes as any other.
 */

import { bytesEqual, readU64, writeI64, writeU64 } from '../base/bytes.js';
import type { ErrorCode, ErrorDetails } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision, TimestampUs } from '../base/units.js';
import { DRAFT_NAME } from '../log/record.js';
import type { AppendCursor } from '../wire/append-frame.js';
import {
  APPEND_ACK_POLICY,
  APPEND_EVENTS_MAX,
  APPEND_PARTS,
  APPEND_QUORUM,
  EXPECTED_REVISION,
  FRAME_HEADER_BYTES,
  OPCODE,
  PART_PREFIX_BYTES,
  PARTS_MAX,
  PARTS_PREFIX_BYTES,
  TRANSACTION_ID_BYTES,
} from '../wire/frames.js';
import { recordBytes } from './record-framer.js';

/** How a transaction ended: what its commit answered, or that nothing of it was written. */
export type DraftEnd =
  | { readonly kind: 'committed'; readonly revisions: readonly Revision[]; readonly position: Position }
  | { readonly kind: 'abandoned' };

/** All that it would append to one stream. */
interface StreamDraft {
  readonly name: Bytes;
  readonly expected: number;
  events: number;
  /** The events of each step, as they stand in its frame. */
  readonly pieces: Bytes[];
  bytes: number;
}

/** Why a step can't be taken. */
export interface Misfit {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
  /** As in a `Rejection`. */
  readonly restsOnLog?: boolean;
}

export class Draft {
  /** What its records are named by; see {@link DRAFT_NAME}. */
  readonly name: Bytes;
  /** When its last step was written. */
  lastUs: TimestampUs = 0;
  end: DraftEnd | undefined;
  /** By step: where its record stands, and what it wrote, as a checksum; undefined if its record was removed. */
  readonly #positions: (Position | undefined)[] = [];
  readonly #checksums: (number | undefined)[] = [];
  readonly #streams: StreamDraft[] = [];
  #events = 0;
  #recordBytes = 0;
  #bytes = 0;

  constructor(name: Bytes) {
    this.name = name;
  }

  /** How many steps it has; the number of the next one. */
  get steps(): number {
    return this.#positions.length;
  }

  /** Undefined if the step's record was removed. */
  positionOf(step: number): Position | undefined {
    return this.#positions[step];
  }

  /** Of what the step wrote. */
  checksumOf(step: number): number | undefined {
    return this.#checksums[step];
  }

  /** Whether a scavenge has removed its first steps, as it does once a transaction is over. */
  get isRemoved(): boolean {
    return this.steps > 0 && this.#positions[0] === undefined;
  }

  /** Where its last record stands. */
  get lastPosition(): Position {
    return this.#positions.at(-1) ?? 0;
  }

  /** Events that it would write. */
  get events(): number {
    return this.#events;
  }

  /** What their records take at most. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** Memory that it takes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why the events of `append` can't be added; undefined if they can. */
  misfit(append: AppendCursor): Misfit | undefined {
    let streams = this.#streams.length;
    append.rewindParts();
    do {
      const known = this.#find(append);
      if (known === undefined) streams++;
      else if (append.expectedRevision !== EXPECTED_REVISION.any) return EXPECTED_TWICE;
      if ((known?.events ?? 0) + append.eventCount > APPEND_EVENTS_MAX)
        return tooLarge(`more than ${APPEND_EVENTS_MAX} events of one stream`);
    } while (append.nextPart());
    return streams > PARTS_MAX ? tooLarge(`more than ${PARTS_MAX} streams`) : undefined;
  }

  /** Adds a step that writes, with this checksum; its record stands at `position`. */
  write(append: AppendCursor, position: Position, checksum: number): void {
    this.#recordBytes += recordBytes(append);
    append.rewindParts();
    do {
      const { bytes, streamAt, streamLength, eventCount } = append;
      const from = streamAt + streamLength;
      let end = from;
      while (append.nextEvent()) end = append.dataAt + append.dataLength;
      const stream = this.#find(append) ?? this.#add(append);
      stream.events += eventCount;
      stream.bytes += end - from;
      stream.pieces.push(bytes.slice(from, end));
      this.#events += eventCount;
      this.#bytes += end - from;
    } while (append.nextPart());
    this.#positions.push(position);
    this.#checksums.push(checksum);
  }

  /** Counts a step whose record was removed. */
  lose(): void {
    this.#positions.push(undefined);
    this.#checksums.push(undefined);
  }

  /** Adds the step that ends it. What it would have written is not needed any more. */
  finish(end: DraftEnd, position: Position): void {
    this.end = end;
    this.#positions.push(position);
    this.#streams.length = 0;
    this.#bytes = 0;
  }

  /**
   * An Append frame of all that was written, in the order of the streams' first steps, to be acknowledged as `commit` wants it.
   * The transaction has written something.
   */
  compose(commit: AppendCursor): Bytes {
    const streams = this.#streams;
    const isSeveral = streams.length > 1;
    let at = isSeveral ? PARTS_PREFIX_BYTES : FRAME_HEADER_BYTES;
    let length = at;
    for (const { name, bytes } of streams) length += PART_PREFIX_BYTES + name.length + bytes;
    const frame = new Uint8Array(length);
    const view = new DataView(frame.buffer);
    const policy = commit.view.getUint8(commit.frameAt + 5) & (APPEND_ACK_POLICY | APPEND_QUORUM);
    view.setUint32(0, length, true);
    view.setUint8(4, OPCODE.append);
    view.setUint8(5, policy | (isSeveral ? APPEND_PARTS : 0));
    view.setUint32(8, commit.requestId, true);
    if (isSeveral) view.setUint32(FRAME_HEADER_BYTES, streams.length, true);
    for (const { name, expected, events, pieces } of streams) {
      writeI64(view, at, expected);
      view.setUint16(at + 8, name.length, true);
      view.setUint16(at + 10, events, true);
      at += PART_PREFIX_BYTES;
      for (const piece of [name, ...pieces]) {
        frame.set(piece, at);
        at += piece.length;
      }
    }
    return frame;
  }

  #find({ bytes, streamAt, streamLength }: AppendCursor): StreamDraft | undefined {
    return this.#streams.find(
      ({ name }) => name.length === streamLength && bytesEqual(name, 0, bytes, streamAt, streamLength),
    );
  }

  #add({ bytes, streamAt, streamLength, expectedRevision }: AppendCursor): StreamDraft {
    const name = bytes.slice(streamAt, streamAt + streamLength);
    const stream = { name, expected: expectedRevision, events: 0, pieces: [], bytes: 0 };
    this.#streams.push(stream);
    this.#bytes += streamLength;
    return stream;
  }
}

/** The name of the transaction whose id is at `bytes[at]`. */
export function draftName(bytes: Bytes, at: number): Bytes {
  const name = new Uint8Array(DRAFT_NAME.bytes);
  name[0] = DRAFT_NAME.firstByte;
  name.set(bytes.subarray(at, at + TRANSACTION_ID_BYTES), 1);
  return name;
}

/** How the result of a commit stands behind the frame in its record: position (u64), number of streams (u32), revision of each (u64). */
export function encodeResult({ position, revisions }: Extract<DraftEnd, { kind: 'committed' }>): Bytes {
  const bytes = new Uint8Array(12 + 8 * revisions.length);
  const view = new DataView(bytes.buffer);
  writeU64(view, 0, position);
  view.setUint32(8, revisions.length, true);
  for (let i = 0; i < revisions.length; i++) writeU64(view, 12 + 8 * i, revisions[i]!);
  return bytes;
}

export function decodeResult(bytes: Bytes): DraftEnd {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const revisions = Array.from({ length: view.getUint32(8, true) }, (_, i) => readU64(view, 12 + 8 * i));
  return { kind: 'committed', revisions, position: readU64(view, 0) };
}

const EXPECTED_TWICE: Misfit = {
  code: 'invalid-request',
  message:
    'the transaction writes to this stream already: what is expected of it was said then; expect any revision',
};

function tooLarge(what: string): Misfit {
  return { code: 'request-too-large', message: `a transaction can't have ${what}; use several` };
}
