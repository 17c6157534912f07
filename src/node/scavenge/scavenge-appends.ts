/** Appends an event to `$scavenges` as a client would: decided here or on the leader. Main thread. */
import { randomUUID } from 'node:crypto';
import { parseUuid, writeI64 } from '../../base/bytes.js';
import { CairnError } from '../../base/errors.js';
import { SCAVENGES_STREAM } from '../../base/stream-metadata.js';
import type { Position } from '../../base/units.js';
import type { AppendPort } from '../../net/engine-port.js';
import type { AppendSink, Rejection } from '../../sequencer/pending-replies.js';
import { AppendCursor } from '../../wire/append-frame.js';
import {
  APPEND_PREFIX_BYTES,
  EVENT_IS_JSON,
  EVENT_PREFIX_BYTES,
  EXPECTED_REVISION,
  FRAME_HEADER_BYTES,
  OPCODE,
} from '../../wire/frames.js';

/** As any change that an operator asks for: a quorum's disks may be slow. */
const DEADLINE_MS = 10_000;

/** Resolves, when it is committed, to where it stands. Rejects with a `CairnError`. */
export function appendToScavenges(
  appends: AppendPort,
  type: string,
  data: string,
): Promise<{ readonly position: Position }> {
  const cursor = new AppendCursor();
  const frame = frameOf(type, data);
  const fault = cursor.open(frame, new DataView(frame.buffer), 0, frame.length);
  if (fault !== undefined) throw new CairnError('invalid-request', fault);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), DEADLINE_MS);
    const settled = (settle: () => void): void => {
      clearTimeout(timer);
      settle();
    };
    const rejected = ({ code, message, details }: Rejection) =>
      settled(() => reject(new CairnError(code, message, details)));
    const sink: AppendSink = {
      appended: (_token, _revision, position) => settled(() => resolve({ position })),
      appendedParts: (_token, _revisions, position) => settled(() => resolve({ position })),
      rejected: (_token, rejection) => rejected(rejection),
    };
    const attempt = (): void => {
      cursor.rewindParts();
      const outcome = appends.append(cursor, sink, 0);
      if (outcome === 'retry') appends.whenRoom(attempt);
      else if (outcome === 'sought') appends.whenFound(attempt);
      else if (typeof outcome === 'object') rejected(outcome);
    };
    attempt();
  });
}

function frameOf(type: string, data: string): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const [stream, typeBytes, dataBytes] = [SCAVENGES_STREAM, type, data].map((text) => encoder.encode(text));
  const eventAt = APPEND_PREFIX_BYTES + stream!.length;
  const typeAt = eventAt + EVENT_PREFIX_BYTES;
  const frame = new Uint8Array(typeAt + typeBytes!.length + dataBytes!.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, frame.length, true);
  view.setUint8(4, OPCODE.append);
  writeI64(view, FRAME_HEADER_BYTES, EXPECTED_REVISION.any);
  view.setUint16(FRAME_HEADER_BYTES + 8, stream!.length, true);
  view.setUint16(FRAME_HEADER_BYTES + 10, 1, true);
  frame.set(stream!, APPEND_PREFIX_BYTES);
  parseUuid(randomUUID(), frame, eventAt);
  view.setUint16(eventAt + 16, typeBytes!.length, true);
  view.setUint16(eventAt + 18, data === '' ? 0 : EVENT_IS_JSON, true);
  view.setUint32(eventAt + 24, dataBytes!.length, true);
  frame.set(typeBytes!, typeAt);
  frame.set(dataBytes!, typeAt + typeBytes!.length);
  return frame;
}

function late(): CairnError {
  return new CairnError(
    'timeout',
    'nobody has committed it in time; it may be in the log all the same: look at the status',
  );
}
