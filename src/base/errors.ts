/**
 * The closed list of errors that Cairn shows to the outside: what a code means never changes, and each number
 * (used on the wire) is given once. `docs/errors.md` explains every one to a user.
 */

/** Code → number on the wire. Append only; never renumber. */
export const ERROR_NUMBERS = {
  /** The expected revision does not match the stream's. Details: `stream`, `expected`, `current`. */
  'wrong-expected-revision': 1,
  /** Some, but not all, of a request's event ids were seen before, or in another stream. */
  'event-id-conflict': 2,
  /** The stream to read does not exist. */
  'stream-not-found': 3,
  /** A position to read from is not the start of a record. */
  'bad-position': 4,
  /** A request is larger than the limits that the server's hello names. */
  'request-too-large': 5,
  /** An argument or a field of a frame is not valid. */
  'invalid-request': 6,
  /** More requests, or reads, in flight than the server's hello allows. */
  'too-many-requests': 7,
  /** The disk has no space for a further chunk; writes resume by themselves when there is. */
  'disk-full': 8,
  /** The node is shutting down. Whether the request took effect is unknown to the client. */
  'shutting-down': 9,
  /** A frame breaks the protocol; the server closes the connection after sending this. */
  'protocol-error': 10,
  /** No protocol version in common. */
  'version-mismatch': 11,
  /** A record that was acknowledged can't be read back as it was written. Details: file, offset, position. */
  'log-corrupt': 12,
  /** The client does not read what it asked for; its connection is closed. */
  'slow-consumer': 13,
  /** The node isn't ready yet (it is recovering), or is not of a kind that can answer. */
  'not-ready': 14,
  /** Client side: the connection was lost and the outcome of the request is unknown. */
  'connection-lost': 15,
  /** Client side: the request got no answer in time; its outcome is unknown. */
  timeout: 16,
  /** Client side: no connection could be made. */
  'connection-refused': 17,
  /** A file, folder, option or command-line argument is not usable; the message says what to do. */
  'invalid-configuration': 18,
  /** Another node runs on this data folder. */
  'folder-locked': 19,
  /** The data folder holds something that is not a Cairn log, or a chunk that does not belong there. */
  'bad-data-folder': 20,
  /** A system call on the data folder failed. Details: `errno`, `syscall`, `path`. */
  'disk-failure': 21,
  /** A worker thread died. */
  'thread-died': 22,
  /** The listening address is taken or not allowed. */
  'listen-failed': 23,
  /** The input of an import can't be parsed. Details: `row` or byte offset. */
  'bad-input': 24,
  /** This node does not lead, and the request wants the leader. Details: `leader` (its name, if known), `url`. */
  'not-leader': 25,
  /** No leader is known at the moment, or it is not ready yet. */
  'no-leader': 26,
  /** The leader does not hear a quorum: read-only until it does. */
  'no-quorum': 27,
  /** The node belongs to no cluster yet. */
  'no-cluster': 28,
  /** The node is a copy of another one, was removed, or has lost acknowledged data: it serves nobody. */
  fenced: 29,
  /** The leader changed before the append was committed: whether it took effect is unknown. */
  'outcome-unknown': 30,
  /** This cluster can't meet the ack policy that the append asks for. */
  'ack-policy-unmet': 31,
  /** A change of the membership, or a resignation, is not possible now. Details: `reason`. */
  'change-refused': 32,
  /** More subscriptions than one connection, or the node, may have. Details: `limit`. */
  'too-many-subscriptions': 33,
  /** A filter's pattern can't be used. Details: `pattern`, and `at` (the character). */
  'invalid-filter': 34,
  /** The open transaction that a step is of has ended, timed out, or was never begun. */
  'transaction-over': 35,
  /** What is to be the metadata of a stream is not valid. Details: `key`, or `stream`. */
  'invalid-metadata': 36,
  /** The stream has a tombstone: nothing of it can be read, and nothing appended, ever again. Details: `stream`. */
  'stream-deleted': 37,
} as const;

export type ErrorCode = keyof typeof ERROR_NUMBERS;

const CODES_BY_NUMBER = new Map<number, ErrorCode>(
  Object.entries(ERROR_NUMBERS).map(([code, number]) => [number, code as ErrorCode]),
);

/** The code that has this number on the wire, or undefined if this version does not know it. */
export function errorCodeOf(number: number): ErrorCode | undefined {
  return CODES_BY_NUMBER.get(number);
}

/** Facts about an error, for programs: only strings and numbers, never secrets, never event bodies. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** An error that a user or a program may have to act on: a stable code, a sentence that says what to do, facts. */
export class CairnError extends Error {
  override readonly name = 'CairnError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
