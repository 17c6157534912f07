/** The numbers of the kinds of messages, and the limits of their fields: docs/peer-protocol.md. Pure. */
import { RECORD_LENGTH_MAX } from '../log/record.js';
import type { MessageKind, Payload } from './messages.js';

/** Of all kinds together: one version for the protocol. */
export const PROTOCOL_VERSION = 1;

/** A number is never given to another kind. */
export const KIND_NUMBER: Readonly<Record<MessageKind, number>> = {
  hello: 1,
  found: 2,
  foundAgreed: 3,
  foundRefused: 4,
  founded: 5,
  foundAbandoned: 6,
  invite: 7,
  preVote: 16,
  preVoteReply: 17,
  prepare: 18,
  prepareOk: 19,
  proposal: 20,
  accept: 21,
  stale: 22,
  heartbeat: 32,
  heartbeatReply: 33,
  steppedDown: 34,
  transfer: 35,
  subscribe: 48,
  subscribed: 49,
  range: 50,
  ack: 51,
  readIndex: 64,
  readIndexReply: 65,
  fenced: 80,
};

const KINDS: (MessageKind | undefined)[] = new Array(256).fill(undefined);
for (const [kind, number] of Object.entries(KIND_NUMBER)) KINDS[number] = kind as MessageKind;

/** The kind with this number, or undefined if this version has none. */
export function kindOf(number: number): MessageKind | undefined {
  return KINDS[number];
}

/** What the messages of some kinds say. */
export type PayloadOf<K extends MessageKind> = Extract<Payload, { kind: K }>;

export type FoundingKind =
  | 'hello'
  | 'found'
  | 'foundAgreed'
  | 'foundRefused'
  | 'founded'
  | 'foundAbandoned'
  | 'invite';
export type ElectionKind =
  | 'preVote'
  | 'preVoteReply'
  | 'prepare'
  | 'prepareOk'
  | 'proposal'
  | 'accept'
  | 'stale';
/** What leaders and those who follow them say. */
export type ReignKind = Exclude<MessageKind, FoundingKind | ElectionKind>;

/** The largest record fits: a range holds whole ones. */
export const RANGE_BYTES_MAX = RECORD_LENGTH_MAX;
/** No message is longer: a range, and room for what stands before it. A link refuses longer frames unread. */
export const MESSAGE_BYTES_MAX = RANGE_BYTES_MAX + 1024;
