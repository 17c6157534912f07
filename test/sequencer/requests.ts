/** Builds append requests for tests of what is behind the wire. */
import { randomUUID } from 'node:crypto';
import { parseUuid } from '../../src/base/bytes.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { APPEND_PARTS, APPEND_STEP, OPCODE, STEP_ACTION } from '../../src/wire/frames.js';

export interface TestEvent {
  readonly id?: string;
  readonly type?: string;
  readonly data?: string | Uint8Array;
  readonly metadata?: string;
  /** True by default. */
  readonly isJson?: boolean;
}

/** What a request appends to one stream. `expected` defaults to any (-2). */
export interface TestPart {
  readonly stream: string;
  readonly events: readonly TestEvent[];
  readonly expected?: number;
}

/** The bytes of an Append frame. `expected` defaults to any (-2). */
export function appendFrame(
  stream: string,
  events: readonly TestEvent[],
  expected = -2,
  requestId = 1,
): Uint8Array {
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, 0, requestId);
  writePart(writer, { stream, events, expected });
  writer.end();
  return writer.take();
}

/** The bytes of an Append frame to several streams. */
export function partsFrame(parts: readonly TestPart[], requestId = 1): Uint8Array {
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, APPEND_PARTS, requestId);
  writer.u32(parts.length);
  for (const part of parts) writePart(writer, part);
  writer.end();
  return writer.take();
}

/** A step of the open transaction with the id `transaction`. */
export interface TestStep {
  readonly transaction: number;
  readonly step: number;
  readonly action: keyof typeof STEP_ACTION;
}

export function stepFrame(
  { transaction, step, action }: TestStep,
  parts: readonly TestPart[] = [],
  requestId = 1,
): Uint8Array {
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, APPEND_STEP | (parts.length > 1 ? APPEND_PARTS : 0), requestId);
  writer.bytes(Buffer.from(transaction.toString(16).padStart(32, '0'), 'hex'));
  writer.u32(step);
  writer.u32(STEP_ACTION[action]);
  if (parts.length > 1) writer.u32(parts.length);
  for (const part of parts) writePart(writer, part);
  writer.end();
  return writer.take();
}

function writePart(writer: FrameWriter, { stream, events, expected = -2 }: TestPart): void {
  const name = Buffer.from(stream);
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
    writer.u16(event.isJson === false ? 0 : 1);
    writer.u32(metadata.length);
    writer.u32(data.length);
    for (const field of [type, metadata, data]) writer.bytes(field);
  }
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
