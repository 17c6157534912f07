/**
 * What went over the links, one entry a message: who said what to whom, when it entered the link and when it left it. Pure. The kinds are those of
 * docs/peer-protocol.md between nodes, and `append` and `appended` between a client and a node.
 */
import { readU64 } from '../../../src/base/bytes.js';
import { decodeMessage } from '../../../src/cluster/message-codec.js';
import { kindOf } from '../../../src/cluster/message-kinds.js';
import { OPCODE } from '../../../src/wire/frames.js';
import { type Piece, payloadOf } from './frame-splitter.js';

export interface Passage {
  readonly kind: string;
  /** Names of nodes; a client has its zone's, in brackets. */
  readonly from: string;
  readonly to: string;
  readonly enteredMs: number;
  readonly leftMs: number;
  readonly bytes: number;
  /** Of a range: where it ends in the log. Of an ack: up to where the log is durable. Of an answer to an append: the event's position. Else 0. */
  readonly mark: number;
}

/** What a message is, and its {@link Passage.mark}. */
export interface Meaning {
  readonly kind: string;
  readonly mark: number;
}

const OPCODE_AT = 4;
const APPENDED_POSITION_AT = 20;
const HTTP: Meaning = { kind: 'http', mark: 0 };
const CONTROL: Meaning = { kind: 'control', mark: 0 };
const OTHER: Meaning = { kind: 'client', mark: 0 };
/** RFC 6455, section 5.2: from here on an opcode is close, ping or pong. */
const CONTROL_OPCODE = 8;

/** `isPeer`: of a connection between nodes. */
export function meaningOf(piece: Piece, isPeer: boolean): Meaning {
  if (piece.kind !== 'frame') return HTTP;
  if ((piece.bytes[0]! & 0x0f) >= CONTROL_OPCODE) return CONTROL;
  const payload = payloadOf(piece);
  return isPeer ? peerMeaning(payload) : clientMeaning(payload);
}

function peerMeaning(payload: Buffer): Meaning {
  const kind = kindOf(payload[1]!) ?? 'unknown';
  if (kind !== 'range' && kind !== 'ack') return { kind, mark: 0 };
  const message = decodeMessage(payload);
  if (message.kind === 'range') return { kind, mark: message.position + message.bytes.length };
  return { kind, mark: message.kind === 'ack' ? message.durable : 0 };
}

function clientMeaning(payload: Buffer): Meaning {
  const opcode = payload[OPCODE_AT];
  if (opcode === OPCODE.append) return { kind: 'append', mark: 0 };
  if (opcode !== OPCODE.appended) return OTHER;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { kind: 'appended', mark: readU64(view, APPENDED_POSITION_AT) };
}
