/** Builds append requests for tests of what is behind the wire. */
import { randomUUID } from 'node:crypto';
import { parseUuid } from '../../src/base/bytes.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { OPCODE } from '../../src/wire/frames.js';

export interface TestEvent {
  readonly id?: string;
  readonly type?: string;
  readonly data?: string | Uint8Array;
  readonly metadata?: string;
}

/** The bytes of an Append frame. `expected` defaults to any (-2). */
export function appendFrame(
  stream: string,
  events: readonly TestEvent[],
  expected = -2,
  requestId = 1,
): Uint8Array {
  const writer = new FrameWriter();
  const name = Buffer.from(stream);
  writer.begin(OPCODE.append, 0, requestId);
  writer.i64(expected);
  writer.u16(name.length);
  writer.u16(events.length);
  writer.bytes(name);
  for (const event of events) {
    const id = new Uint8Array(16);
    parseUuid(event.id ?? randomUUID(), id, 0);
    const type = Buffer.from(event.type ?? 'tested');
    const metadata = Buffer.from(event.metadata ?? '');
    const data = Buffer.from(event.data ?? '');
    writer.bytes(id);
    writer.u16(type.length);
    writer.u16(1);
    writer.u32(metadata.length);
    writer.u32(data.length);
    for (const part of [type, metadata, data]) writer.bytes(part);
  }
  writer.end();
  return writer.take();
}

/** A cursor opened on such a frame. */
export function openAppend(frame: Uint8Array): AppendCursor {
  const cursor = new AppendCursor();
  const fault = cursor.open(
    frame,
    new DataView(frame.buffer, frame.byteOffset, frame.length),
    0,
    frame.length,
  );
  if (fault !== undefined) throw new Error(fault);
  return cursor;
}

/** An id that ends in `number`, for tests that need to repeat ids. */
export function idOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}
