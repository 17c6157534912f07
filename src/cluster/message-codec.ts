/**
 * Messages between nodes as bytes: docs/peer-protocol.md. Pure. Decoding never throws, whatever the bytes; what can be encoded can be
 * decoded, and a message that breaks a limit dies at its sender. It is fast, because a simulated cluster's messages go through it:
 * one buffer and one reader for all, and texts that are known are not decoded again.
 */
import { unreachable } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import { MEMBER_NAME_BYTES_MAX } from './configuration.js';
import { readElection, writeElection } from './election-fields.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import { readFounding, writeFounding } from './founding-fields.js';
import { KIND_NUMBER, kindOf, PROTOCOL_VERSION } from './message-kinds.js';
import type { Envelope, Message, MessageKind, Payload } from './messages.js';
import { readReign, writeReign } from './reign-fields.js';

/** No message: a few words about what is wrong with the bytes. */
export interface InvalidMessage {
  readonly kind: 'invalid';
  readonly reason: string;
}

const writer = new FieldWriter();
const reader = new FieldReader();

/** The message as bytes, which are the caller's. */
export function encodeMessage(message: Message): Uint8Array {
  writer.reset();
  writer.u8(PROTOCOL_VERSION);
  writer.u8(KIND_NUMBER[message.kind]);
  writer.u16(0);
  writer.idOrNone(message.clusterId);
  writer.id(message.from);
  writer.idOrNone(message.to);
  writer.u64(message.start);
  writer.u64(message.nonce);
  writer.text(message.fromName, 1, MEMBER_NAME_BYTES_MAX);
  writePayload(message);
  return writer.take(message.kind === 'range' ? message.bytes : undefined);
}

/** The message that is all of `bytes`. A range's bytes are a view into them. */
export function decodeMessage(bytes: Bytes): Message | InvalidMessage {
  reader.open(bytes);
  const version = reader.u8();
  if (version !== PROTOCOL_VERSION) return invalid(`protocol version ${version}`);
  const number = reader.u8();
  const kind = kindOf(number);
  if (kind === undefined) return invalid(`no kind of message: ${number}`);
  const envelope = readEnvelope();
  // Not by spreading, which takes V8 about 5 µs where more fields follow (Node 20).
  const message = Object.assign(envelope, readPayload(kind, envelope.clusterId));
  const fault = reader.finish();
  return fault === undefined ? message : invalid(`${kind}: ${fault}`);
}

function readEnvelope(): Envelope {
  if (reader.u16() !== 0) reader.fail('unknown flags');
  const clusterId = reader.idOrNone();
  const from = reader.id();
  const to = reader.idOrNone();
  const start = reader.u64();
  const nonce = reader.u64();
  return { clusterId, from, fromName: reader.text(1, MEMBER_NAME_BYTES_MAX), start, nonce, to };
}

function writePayload(message: Message): void {
  switch (message.kind) {
    case 'hello':
    case 'found':
    case 'foundAgreed':
    case 'foundRefused':
    case 'founded':
    case 'foundAbandoned':
    case 'invite':
      writeFounding(writer, message);
      return;
    case 'preVote':
    case 'preVoteReply':
    case 'prepare':
    case 'prepareOk':
    case 'proposal':
    case 'accept':
    case 'stale':
      writeElection(writer, message);
      return;
    case 'heartbeat':
    case 'heartbeatReply':
    case 'steppedDown':
    case 'transfer':
    case 'subscribe':
    case 'subscribed':
    case 'range':
    case 'ack':
    case 'readIndex':
    case 'readIndexReply':
    case 'fenced':
      writeReign(writer, message);
      return;
    default:
      unreachable(message);
  }
}

function readPayload(kind: MessageKind, clusterId: string): Payload {
  switch (kind) {
    case 'hello':
    case 'found':
    case 'foundAgreed':
    case 'foundRefused':
    case 'founded':
    case 'foundAbandoned':
    case 'invite':
      return readFounding(reader, kind, clusterId);
    case 'preVote':
    case 'preVoteReply':
    case 'prepare':
    case 'prepareOk':
    case 'proposal':
    case 'accept':
    case 'stale':
      return readElection(reader, kind);
    default:
      return readReign(reader, kind);
  }
}

function invalid(reason: string): InvalidMessage {
  return { kind: 'invalid', reason };
}
