/**
 * The numbers of the client protocol: opcodes, flags, sizes and special values, as `docs/protocol.md` has them.
 * Pure, any thread, and browsers too. A number here never changes its meaning; a new one means a new protocol version.
 */

/** The only protocol version so far; Hello says a range, Welcome says which one it is. */
export const PROTOCOL_VERSION = 1;

/** First field of a Hello: `CIRN`. Whoever sends something else is not a Cairn client. */
export const HELLO_MAGIC = 0x4e524943;

/** Length, opcode, flags, zero, request id: every frame starts with these. */
export const FRAME_HEADER_BYTES = 12;

/** What a frame is. Below 0x80 from the client, from 0x80 on from the server. */
export const OPCODE = {
  hello: 0x01,
  append: 0x02,
  readStream: 0x03,
  readAll: 0x04,
  credit: 0x05,
  cancel: 0x06,
  streamInfo: 0x07,
  gossip: 0x08,
  welcome: 0x81,
  appended: 0x82,
  events: 0x83,
  streamInfoReply: 0x87,
  gossipReply: 0x88,
  error: 0xff,
} as const;

/** Flag of Appended: the events were in the log already, this Append wrote nothing. */
export const APPENDED_DUPLICATE = 1;
/** Flag of Appended: the answer to an Append to several streams, with a revision for each. */
export const APPENDED_PARTS = 2;
/** The flags of an Append: {@link ACK_POLICIES} in the lower bits, and whether it is refused rather than forwarded to the leader. */
export const APPEND_ACK_POLICY = 3;
export const APPEND_REQUIRES_LEADER = 4;
/** Flag of an Append: it wants a quorum, whatever the node's default is. */
export const APPEND_QUORUM = 8;
/** Flag of an Append: to several streams, as one transaction; a list of parts instead of one. */
export const APPEND_PARTS = 16;
/** Flag of an Append: a step of an open transaction, which is written when that is committed. */
export const APPEND_STEP = 32;
/** What a step of an open transaction does: adds to it, ends it with all of it written, or with nothing. */
export const STEP_ACTION = { write: 0, commit: 1, abandon: 2 } as const;
/** Flag of ReadStream and ReadAll: towards the start. */
export const READ_BACKWARDS = 1;
/** Bits of the flags of ReadStream, ReadAll and StreamInfo that hold one of {@link READ_CONSISTENCIES}, and where they begin. */
export const READ_CONSISTENCY_BITS = 6;
const READ_CONSISTENCY_SHIFT = 1;
/** Flag of StreamInfo, and of a StreamInfoReply: what of the stream is hidden is wanted, or told, as well. */
export const STREAM_INFO_STATE = 8;
/** What a StreamInfoReply says of a stream. A state's number is its place here. */
export type StreamState = 'live' | 'deleted' | 'tombstoned';
export const STREAM_STATES: readonly StreamState[] = ['live', 'deleted', 'tombstoned'];
/** Flag of ReadStream and ReadAll: a subscription. It does not end at the head, but goes on with what is committed later. */
export const READ_LIVE = 8;
/** Flag of ReadStream and ReadAll, forwards: the event at `from` itself is left out. */
export const READ_AFTER = 16;
/** Flag of ReadAll: a filter stands behind the fixed part. */
export const READ_FILTERED = 32;
/** Flag of Events: nothing more comes for this read. */
export const EVENTS_LAST = 1;
/** Flag of Events: the read ended because the client cancelled it. Comes with {@link EVENTS_LAST}. */
export const EVENTS_CANCELLED = 2;
/** Flag of Events in a subscription: with this frame it has all that was committed when the frame was made. */
export const EVENTS_CAUGHT_UP = 4;
/** Flag of Events in a subscription that had caught up: it fell behind, and reads older parts of the log again from this frame on. */
export const EVENTS_BEHIND = 8;
/** Flag of an event inside an Append: its data is JSON. */
export const EVENT_IS_JSON = 1;

/**
 * When an append is answered. `quorum`: committed, the default. `leader`: on the leader's disk, and lost if the leader is. `all`: committed, and
 * on the disk of every voter. `quorum-and-zone`: committed, and on the disk of a voter in another zone than the leader's.
 */
export type AckPolicy = 'quorum' | 'leader' | 'all' | 'quorum-and-zone';

/** An ack policy's number is its place here. */
export const ACK_POLICIES: readonly AckPolicy[] = ['quorum', 'leader', 'all', 'quorum-and-zone'];

/**
 * How fresh a read has to be. `local`: whatever the node knows to be committed, perhaps late. `leader`: only the leader answers, as far as
 * it believes to lead. `linearizable`: sees everything that was acknowledged before the read began (read index, confirmed by a quorum).
 */
export type ReadConsistency = 'local' | 'leader' | 'linearizable';

/** A consistency's number is its place here. */
export const READ_CONSISTENCIES: readonly ReadConsistency[] = ['local', 'leader', 'linearizable'];

/** The flags of a read that say `consistency`. */
export function consistencyFlags(consistency: ReadConsistency): number {
  return READ_CONSISTENCIES.indexOf(consistency) << READ_CONSISTENCY_SHIFT;
}

/** What the flags of a read say; undefined for a number that no version knows. */
export function consistencyOf(flags: number): ReadConsistency | undefined {
  return READ_CONSISTENCIES[(flags & READ_CONSISTENCY_BITS) >> READ_CONSISTENCY_SHIFT];
}

/** Values of an Append's expected revision that are not a revision. */
export const EXPECTED_REVISION = {
  /** The stream does not exist yet. */
  noStream: -1,
  /** No expectation. */
  any: -2,
  /** The stream exists, whatever its revision. */
  streamExists: -4,
} as const;

/** Bytes of an Append before the stream's name, its header included. */
export const APPEND_PREFIX_BYTES = 24;
/** Bytes of a part of an Append before the stream's name. An Append to one stream is its header and one part. */
export const PART_PREFIX_BYTES = 12;
/** Bytes of an Append to several streams before its first part, its header included. */
export const PARTS_PREFIX_BYTES = 16;
/** Bytes that a step has between an Append's header and its content: id of the transaction, number of the step, what it does. */
export const STEP_PREFIX_BYTES = 24;
/** Bytes of the id of a transaction. */
export const TRANSACTION_ID_BYTES = 16;
/** Most parts of an Append: as many streams as a decision is ever about. */
export const PARTS_MAX = 256;
/** Bytes of an event inside an Append before its type. */
export const EVENT_PREFIX_BYTES = 28;
/** Bytes of an Events frame before its first record, its header included. */
export const EVENTS_PREFIX_BYTES = 32;
/** Length of an Appended frame: header, revision, position. */
export const APPENDED_BYTES = 28;

/** Longest name of a stream or a type, in UTF-8: room for any sensible name, and a stream table stays small. */
export const NAME_BYTES_MAX = 1024;
/** Longest name of a client in its Hello: it only goes into log lines. */
export const CLIENT_NAME_BYTES_MAX = 256;
/** Most events of an Append: the count is a u16. */
export const APPEND_EVENTS_MAX = 0xffff;
/** Longest Events frame, unless one record alone is longer: the best size for a socket is 64 KiB to 1 MiB (measured). */
export const EVENTS_FRAME_BYTES_MAX = 1024 * 1024;
