/**
 * What a client can be told, with defaults that suit a service next to its database, and the check that it makes sense.
 * Pure; runs in Node and in browsers.
 */

import { CairnError } from '../base/errors.js';
import { ACK_POLICIES, type AckPolicy, CLIENT_NAME_BYTES_MAX } from '../wire/frames.js';
import { NODE_PREFERENCES, type NodePreference } from './route.js';

/** How a client comes back after its connection was lost. */
export interface ReconnectOptions {
  /** Attempts in a row without an answer from the server before the client gives up. Default 25: up to 21 s. */
  readonly attempts?: number;
  /** The pause before the first attempt, doubled for each further one; half of it is random. Default 50. */
  readonly firstDelayMs?: number;
  /** The longest pause. Default 1,000: a node that restarts is found within a second of being back. */
  readonly maxDelayMs?: number;
}

export interface ClientOptions {
  /** Who this is, for the server's log; at most 256 bytes. */
  readonly name?: string;
  /** A request without an answer for so long fails with `timeout`; connecting too. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /**
   * Which node of a cluster to talk to; default `leader`. `leader`: appends take the shortest way. `follower`: spares the leader; appends are forwarded to
   * it. `nearest`: the node that answers fastest. `random`: spreads clients over the nodes. All serve all requests but reads of consistency `leader`.
   */
  readonly nodePreference?: NodePreference;
  /**
   * When appends are answered, unless they say otherwise. `quorum`: committed; the default, unless the nodes have another one (DefaultAckPolicy). `leader`: on the leader's disk; lost if the leader is lost
   * before others have it. `all`: on every voter's disk; waits as long as one is down. `quorum-and-zone`: also on a disk in another zone.
   */
  readonly ackPolicy?: AckPolicy;
  /** Whether to ask the node for the other members of its cluster, to go to one that suits better, or when this one fails. Default true. */
  readonly discover?: boolean;
  /** What to do when the connection is lost; `false` = give up at once. */
  readonly reconnect?: ReconnectOptions | false;
  /** Most appends sent and not yet answered; further ones wait here. At most, and by default, what the server allows. */
  readonly maxInFlight?: number;
  /** Most bytes of appends held here, sent or not; a further one fails with `too-many-requests`. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** How much each read may have under way or waiting to be consumed. Default 4 MiB. */
  readonly readWindowBytes?: number;
  /** The connection was lost; the client tries to come back. */
  readonly onDisconnect?: (error: CairnError) => void;
  /** The connection is back; what was unanswered has been sent again. */
  readonly onReconnect?: () => void;
}

/** {@link ClientOptions} with the defaults filled in. */
export interface ResolvedOptions {
  readonly name: string;
  readonly requestTimeoutMs: number;
  readonly nodePreference: NodePreference;
  readonly ackPolicy: AckPolicy | undefined;
  readonly discover: boolean;
  readonly reconnect: Required<ReconnectOptions>;
  readonly maxInFlight: number;
  readonly maxQueuedBytes: number;
  readonly readWindowBytes: number;
  readonly onDisconnect: ((error: CairnError) => void) | undefined;
  readonly onReconnect: (() => void) | undefined;
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** Timers count milliseconds in 31 bits. */
const TIMER_MS_MAX = 0x7fff_ffff;
const U32_MAX = 0xffff_ffff;

/** Fills in the defaults, or throws `invalid-request`. */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  const reconnect = options.reconnect === false ? { attempts: 0 } : (options.reconnect ?? {});
  const name = options.name ?? 'cairndb/client';
  if (new TextEncoder().encode(name).length > CLIENT_NAME_BYTES_MAX) {
    throw invalidOption('name', 'a text of at most 256 bytes');
  }
  return {
    name,
    requestTimeoutMs: wholeNumber('requestTimeoutMs', options.requestTimeoutMs ?? 10_000, 1, TIMER_MS_MAX),
    nodePreference: oneOf('nodePreference', options.nodePreference ?? 'leader', NODE_PREFERENCES),
    ackPolicy:
      options.ackPolicy === undefined ? undefined : oneOf('ackPolicy', options.ackPolicy, ACK_POLICIES),
    discover: options.discover ?? true,
    reconnect: {
      attempts: wholeNumber('reconnect.attempts', reconnect.attempts ?? 25, 0, U32_MAX),
      firstDelayMs: wholeNumber('reconnect.firstDelayMs', reconnect.firstDelayMs ?? 50, 0, TIMER_MS_MAX),
      maxDelayMs: wholeNumber('reconnect.maxDelayMs', reconnect.maxDelayMs ?? 1_000, 0, TIMER_MS_MAX),
    },
    maxInFlight: wholeNumber('maxInFlight', options.maxInFlight ?? U32_MAX, 1, U32_MAX),
    maxQueuedBytes: wholeNumber('maxQueuedBytes', options.maxQueuedBytes ?? 64 * MEBIBYTE, 1, 2 ** 40),
    // Below 64 KiB a read would wait for the network after every page.
    readWindowBytes: wholeNumber(
      'readWindowBytes',
      options.readWindowBytes ?? 4 * MEBIBYTE,
      64 * KIBIBYTE,
      2 ** 31,
    ),
    onDisconnect: options.onDisconnect,
    onReconnect: options.onReconnect,
  };
}

function wholeNumber(name: string, value: number, lowest: number, highest: number): number {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalidOption(name, `a whole number from ${lowest} to ${highest}`);
}

function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw invalidOption(name, `one of ${choices.join(', ')}`);
}

function invalidOption(name: string, expected: string): CairnError {
  return new CairnError('invalid-request', `the option ${name} must be ${expected}`, { option: name });
}

/**
 * The pause before attempt number `attempt` (from 1): exponential, the upper half of it random, so that the clients of
 * a node that comes back don't all come at once. `random` is in [0, 1).
 */
export function reconnectDelayMs(
  policy: Required<ReconnectOptions>,
  attempt: number,
  random: number,
): number {
  const ceiling = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempt - 1));
  return ceiling / 2 + (ceiling / 2) * random;
}
