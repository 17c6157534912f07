/**
 * Hello and Welcome: who is there, which protocol version, which limits. Pure, any thread. The first frame of each
 * direction; docs/protocol.md has the tables.
 */

import { assert } from '../base/assert.js';
import { type Decoded, invalid, ok, readLastString16 } from './fields.js';
import type { OpenFrame } from './frame-reader.js';
import type { FrameWriter } from './frame-writer.js';
import { CLIENT_NAME_BYTES_MAX, HELLO_MAGIC, OPCODE } from './frames.js';

export interface Hello {
  readonly lowestVersion: number;
  readonly highestVersion: number;
  /** For logs; at most 256 bytes of UTF-8. */
  readonly clientName: string;
}

/** What the server is and allows. Sizes in bytes. */
export interface Welcome {
  readonly version: number;
  readonly messageBytesMax: number;
  readonly appendBytesMax: number;
  readonly eventBytesMax: number;
  readonly inFlightAppendsMax: number;
  readonly openReadsMax: number;
  /** 16 bytes: which log this is. */
  readonly logId: Uint8Array;
  readonly serverVersion: string;
}

const HELLO_NAME_AT = 20;
const LOG_ID_AT = 36;
const SERVER_VERSION_AT = 52;

export function encodeHello(writer: FrameWriter, hello: Hello): void {
  writer.begin(OPCODE.hello, 0, 0);
  writer.u32(HELLO_MAGIC);
  writer.u16(hello.lowestVersion);
  writer.u16(hello.highestVersion);
  writer.string16(hello.clientName);
  writer.end();
}

export function decodeHello({ bytes, view, at, length, flags, requestId }: OpenFrame): Decoded<Hello> {
  if (length < HELLO_NAME_AT + 2) return invalid('the Hello is cut short');
  if (flags !== 0 || requestId !== 0) return invalid('flags or request id of the Hello are not 0');
  if (view.getUint32(at + 12, true) !== HELLO_MAGIC) return invalid('the Hello does not say CIRN');
  const lowestVersion = view.getUint16(at + 16, true);
  const highestVersion = view.getUint16(at + 18, true);
  if (lowestVersion > highestVersion) return invalid('the version range of the Hello is empty');
  if (length > HELLO_NAME_AT + 2 + CLIENT_NAME_BYTES_MAX) return invalid('the client name is too long');
  const clientName = readLastString16(bytes, view, at + HELLO_NAME_AT, at + length);
  if (clientName === undefined) return invalid('the client name is not valid');
  return ok({ lowestVersion, highestVersion, clientName });
}

export function encodeWelcome(writer: FrameWriter, welcome: Welcome): void {
  assert(welcome.logId.length === 16, 'a log id has 16 bytes');
  writer.begin(OPCODE.welcome, 0, 0);
  writer.u16(welcome.version);
  writer.u16(0);
  writer.u32(welcome.messageBytesMax);
  writer.u32(welcome.appendBytesMax);
  writer.u32(welcome.eventBytesMax);
  writer.u32(welcome.inFlightAppendsMax);
  writer.u32(welcome.openReadsMax);
  writer.bytes(welcome.logId);
  writer.string16(welcome.serverVersion);
  writer.end();
}

export function decodeWelcome({ bytes, view, at, length, flags, requestId }: OpenFrame): Decoded<Welcome> {
  if (length < SERVER_VERSION_AT + 2) return invalid('the Welcome is cut short');
  if (flags !== 0 || requestId !== 0) return invalid('flags or request id of the Welcome are not 0');
  const serverVersion = readLastString16(bytes, view, at + SERVER_VERSION_AT, at + length);
  if (serverVersion === undefined) return invalid('the server version is not valid');
  return ok({
    version: view.getUint16(at + 12, true),
    messageBytesMax: view.getUint32(at + 16, true),
    appendBytesMax: view.getUint32(at + 20, true),
    eventBytesMax: view.getUint32(at + 24, true),
    inFlightAppendsMax: view.getUint32(at + 28, true),
    openReadsMax: view.getUint32(at + 32, true),
    logId: bytes.slice(at + LOG_ID_AT, at + LOG_ID_AT + 16),
    serverVersion,
  });
}
