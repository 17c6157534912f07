/**
 * Reads events from a node to the end of what was asked for, granting credit as it goes, and hands out every one as it stands in
 * the log. Throws what the node answers instead.
 */
import { type DecodedRecord, decodeRecord, type RecordHeader } from '../../src/log/decoded-record.js';
import { decodeError } from '../../src/wire/answer-frames.js';
import { EVENTS_LAST, EVENTS_PREFIX_BYTES, OPCODE } from '../../src/wire/frames.js';
import { decodeEventsPrefix, encodeCredit } from '../../src/wire/read-frames.js';
import { recordStride } from '../../src/wire/record-view.js';
import { readAllFrame, readStreamFrame, written } from '../net/frames.js';
import type { RawClient, ReceivedFrame } from '../net/raw-client.js';

/** An event as read. */
export interface ReadEvent {
  readonly header: RecordHeader;
  readonly body: Extract<DecodedRecord['body'], { kind: 'prepare' }>;
  /** Its id, as bytes. */
  readonly id: DataView;
}

/** What to read; all of it from the beginning (backwards: the end), unless it says otherwise. */
export interface Reading {
  /** Undefined = the whole log. */
  readonly stream?: string;
  readonly from?: number;
  readonly isBackwards?: boolean;
  /** Most events. */
  readonly count?: number;
}

const ID_AT = 56;
const REQUEST_ID = 1;
/** Small, so that reads of a few megabytes run out of credit many times. */
const WINDOW_BYTES = 512 * 1024;

/** Calls `take` for each event, in the order of reading. The connection must have no other read open. */
export async function readEvents(
  client: RawClient,
  { stream, from, isBackwards = false, count = Number.POSITIVE_INFINITY }: Reading,
  take: (event: ReadEvent) => void,
): Promise<void> {
  const place = { from: from ?? (isBackwards ? Number.POSITIVE_INFINITY : 0), isBackwards };
  const request = { ...place, count, windowBytes: WINDOW_BYTES };
  client.send(
    stream === undefined
      ? readAllFrame(REQUEST_ID, request)
      : readStreamFrame(REQUEST_ID, { ...request, stream }),
  );
  for (;;) {
    const frame = await client.next();
    if (frame === undefined) throw new Error('the connection was closed during a read');
    if (frame.opcode === OPCODE.error) throw readFailed(frame);
    const events = takeFrame(frame, take);
    const prefix = decodeEventsPrefix(frame);
    if (prefix.kind === 'invalid') throw new Error(prefix.reason);
    if (events !== prefix.frame.eventCount) throw new Error('an Events frame with a wrong count');
    if ((prefix.frame.flags & EVENTS_LAST) !== 0) return;
    client.send(written((writer) => encodeCredit(writer, REQUEST_ID, frame.length)));
  }
}

/** The read was answered with an Error, of this code. */
export class ReadFailed extends Error {
  constructor(
    readonly code: string | undefined,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

function readFailed(frame: ReceivedFrame): Error {
  const decoded = decodeError(frame);
  return decoded.kind === 'ok'
    ? new ReadFailed(decoded.frame.code, decoded.frame.message)
    : new Error(decoded.reason);
}

function takeFrame(frame: ReceivedFrame, take: (event: ReadEvent) => void): number {
  const { bytes, view } = frame;
  const end = frame.at + frame.length;
  let events = 0;
  for (let at = frame.at + EVENTS_PREFIX_BYTES; at < end; at += recordStride(view, at)) {
    const { header, body } = decodeRecord(bytes, at);
    if (body.kind === 'malformed') throw new Error(`a malformed record: ${body.reason}`);
    if (body.kind !== 'prepare') continue;
    events++;
    take({ header, body, id: new DataView(bytes.buffer, bytes.byteOffset + at + ID_AT, 16) });
  }
  return events;
}
