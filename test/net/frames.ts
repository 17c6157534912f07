/** Frames for tests, as bytes that can be sent, bent and broken. Pure. */
import { randomBytes } from 'node:crypto';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { EVENT_IS_JSON, EXPECTED_REVISION, OPCODE, PROTOCOL_VERSION } from '../../src/wire/frames.js';
import { encodeHello, type Hello } from '../../src/wire/hello-frames.js';
import {
  encodeReadAll,
  encodeReadStream,
  type ReadAllRequest,
  type ReadStreamRequest,
} from '../../src/wire/read-frames.js';

export interface EventToAppend {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly type: string;
  readonly metadata?: Uint8Array;
  readonly data: Uint8Array;
  readonly isJson?: boolean;
}

export interface AppendToSend {
  readonly requestId: number;
  readonly stream: string;
  /** A revision or one of EXPECTED_REVISION; any, if it is left out. */
  readonly expected?: number;
  readonly events: readonly EventToAppend[];
}

const NOTHING = new Uint8Array(0);
const UTF8 = new TextEncoder();

/** The bytes that `write` puts into a writer. */
export function written(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter();
  write(writer);
  return writer.take();
}

/** One behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

export function helloFrame(changes: Partial<Hello> = {}): Uint8Array {
  const hello = { lowestVersion: PROTOCOL_VERSION, highestVersion: PROTOCOL_VERSION, clientName: 'test' };
  return written((writer) => encodeHello(writer, { ...hello, ...changes }));
}

/** Writes an Append. */
export function writeAppend(
  writer: FrameWriter,
  { requestId, stream, expected, events }: AppendToSend,
): void {
  const name = UTF8.encode(stream);
  writer.begin(OPCODE.append, 0, requestId);
  writer.i64(expected ?? EXPECTED_REVISION.any);
  writer.u16(name.length);
  writer.u16(events.length);
  writer.bytes(name);
  for (const { id, type, metadata = NOTHING, data, isJson = false } of events) {
    const typeBytes = UTF8.encode(type);
    writer.bytes(id);
    writer.u16(typeBytes.length);
    writer.u16(isJson ? EVENT_IS_JSON : 0);
    writer.u32(metadata.length);
    writer.u32(data.length);
    writer.bytes(typeBytes);
    writer.bytes(metadata);
    writer.bytes(data);
  }
  writer.end();
}

export function appendFrame(append: AppendToSend): Uint8Array {
  return written((writer) => writeAppend(writer, append));
}

/** An event of `bytes` random bytes, with an id of its own. */
export function randomEvent(bytes: number): EventToAppend {
  return { id: randomBytes(16), type: 'random', data: randomBytes(bytes) };
}

/** What reads have unless told otherwise: all of it, forwards, within 1 MiB. */
const WHOLE = {
  from: 0,
  count: Number.POSITIVE_INFINITY,
  isBackwards: false,
  windowBytes: 1 << 20,
  consistency: 'local',
  atLeast: 0,
} as const;

export function readAllFrame(requestId: number, changes: Partial<ReadAllRequest> = {}): Uint8Array {
  return written((writer) => encodeReadAll(writer, requestId, { ...WHOLE, ...changes }));
}

export function readStreamFrame(
  requestId: number,
  request: Partial<ReadStreamRequest> & { readonly stream: string },
): Uint8Array {
  return written((writer) => encodeReadStream(writer, requestId, { ...WHOLE, ...request }));
}
