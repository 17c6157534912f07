/**
 * What the command's exit status means. Stable: scripts and service managers act on it. docs/errors.md explains each
 * to a user, and a test holds the two together.
 */
import type { ErrorCode } from '../base/errors.js';

export const EXIT_CODES = {
  ok: 0,
  /** A bug of ours, or a thread that died. */
  unexpected: 1,
  /** Arguments, options, files that are not usable. */
  usage: 2,
  folderInUse: 3,
  /** The data folder is damaged, or is no data folder. */
  badData: 4,
  /** The disk failed, or is full. */
  disk: 5,
  cannotListen: 6,
  /** No connection, or it was lost before the answer. */
  noAnswer: 7,
  /** The node answered, and the answer is no. */
  refused: 8,
  /** `inspect verify` found damage. */
  damageFound: 9,
  /** `check perf`: a floor is missed, or nobody can say. */
  floorMissed: 10,
  /** Ended by a second signal: 128 + its number, as shells count. */
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

const EXIT_CODE_OF: Readonly<Record<ErrorCode, ExitCode>> = {
  'wrong-expected-revision': EXIT_CODES.refused,
  'event-id-conflict': EXIT_CODES.refused,
  'stream-not-found': EXIT_CODES.refused,
  'bad-position': EXIT_CODES.refused,
  'request-too-large': EXIT_CODES.refused,
  'invalid-request': EXIT_CODES.refused,
  'too-many-requests': EXIT_CODES.refused,
  'disk-full': EXIT_CODES.disk,
  'shutting-down': EXIT_CODES.noAnswer,
  'protocol-error': EXIT_CODES.refused,
  'version-mismatch': EXIT_CODES.refused,
  'log-corrupt': EXIT_CODES.badData,
  'slow-consumer': EXIT_CODES.noAnswer,
  'not-ready': EXIT_CODES.noAnswer,
  'connection-lost': EXIT_CODES.noAnswer,
  timeout: EXIT_CODES.noAnswer,
  'connection-refused': EXIT_CODES.noAnswer,
  'invalid-configuration': EXIT_CODES.usage,
  'folder-locked': EXIT_CODES.folderInUse,
  'bad-data-folder': EXIT_CODES.badData,
  'disk-failure': EXIT_CODES.disk,
  'thread-died': EXIT_CODES.unexpected,
  'listen-failed': EXIT_CODES.cannotListen,
  'bad-input': EXIT_CODES.usage,
  'not-leader': EXIT_CODES.noAnswer,
  'no-leader': EXIT_CODES.noAnswer,
  'no-quorum': EXIT_CODES.noAnswer,
  'no-cluster': EXIT_CODES.noAnswer,
  fenced: EXIT_CODES.noAnswer,
  'outcome-unknown': EXIT_CODES.noAnswer,
  'ack-policy-unmet': EXIT_CODES.refused,
  'change-refused': EXIT_CODES.refused,
  'too-many-subscriptions': EXIT_CODES.refused,
  'invalid-filter': EXIT_CODES.refused,
  'transaction-over': EXIT_CODES.refused,
  'invalid-metadata': EXIT_CODES.refused,
  'stream-deleted': EXIT_CODES.refused,
};

/** The exit status of a command that ends with an error of this code. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_CODE_OF[code];
}
