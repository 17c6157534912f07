/**
 * The client library, `cairndb/client`: append events to streams, read streams and the whole log. Node and browsers.
 *
 *     const client = await connect('ws://127.0.0.1:2113');
 *     await client.append('orders-17', { type: 'OrderPlaced', data: { total: 12.5 } }, { expected: 'none' });
 *     for await (const event of client.readStream('orders-17')) console.log(event.revision, event.json());
 *     await client.close();
 *
 * All failures are `CairnError`s with a stable `code`; docs/errors.md explains each.
 */

import { CairnError } from '../base/errors.js';
import type { AckPolicy } from '../wire/frames.js';
import { clientUrl } from './address.js';
import type { ExpectedRevision, NewEvent, StreamAppend } from './append-encoder.js';
import type { AppendResult, TransactionResult } from './append-queue.js';
import type { ServerWelcome } from './connection.js';
import { EventRead } from './event-read.js';
import { Exchange } from './exchange.js';
import { Link } from './link.js';
import { OpenTransaction, type TransactionPlace } from './open-transaction.js';
import { type ClientOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { clientClosed } from './outcomes.js';
import type { StreamInfo } from './questions.js';
import {
  checkStreamName,
  consistencyOf,
  type FreshnessOptions,
  type ReadAllOptions,
  type ReadOptions,
  readRange,
  type SubscribeAllOptions,
  type SubscribeOptions,
  subscriptionRange,
} from './read-range.js';
import { Route } from './route.js';
import {
  type DeleteOptions,
  type DeleteResult,
  type MetadataResult,
  StreamKeeper,
  type StreamMetadata,
} from './stream-metadata.js';

// biome-ignore lint/performance/noBarrelFile: the package's entry; what its signatures name must come from here.
export { CairnError, type ErrorCode, type ErrorDetails } from '../base/errors.js';
export type { AckPolicy, ReadConsistency, StreamState } from '../wire/frames.js';
export type { ExpectedRevision, NewEvent, StreamAppend } from './append-encoder.js';
export type { AppendResult, TransactionResult } from './append-queue.js';
export type { ServerWelcome } from './connection.js';
export type { EventRead, ReadMessage } from './event-read.js';
export type { OpenTransaction, TransactionPlace } from './open-transaction.js';
export type { ClientOptions, ReconnectOptions } from './options.js';
export type { StreamInfo } from './questions.js';
export type {
  EventFilter,
  FreshnessOptions,
  ReadAllOptions,
  ReadOptions,
  SubscribeAllOptions,
  SubscribeOptions,
} from './read-range.js';
export type { PlainEvent, RecordedEvent } from './recorded-event.js';
export type { NodePreference } from './route.js';
export type { DeleteOptions, DeleteResult, MetadataResult, StreamMetadata } from './stream-metadata.js';

export interface AppendOptions {
  /**
   * What must be true of the stream: its last revision, `'none'` (it does not exist), `'exists'`, or `'any'`, the default. If it
   * isn't, nothing is written and the append fails with `wrong-expected-revision`.
   */
  readonly expected?: ExpectedRevision;
  /** When to be answered; by default what {@link ClientOptions.ackPolicy} says. */
  readonly ackPolicy?: AckPolicy;
}

/**
 * Connects to a node, or to one of several of the same cluster, of which it finds the others by itself. An address is `host:port` or a
 * `ws://`, `wss://`, `http://` or `https://` URL. Throws, if none of the nodes lets it in, `no-cluster`, `connection-refused`, `timeout`, `version-mismatch`, `protocol-error`, `invalid-request`.
 */
export async function connect(
  addresses: string | readonly string[],
  options: ClientOptions = {},
): Promise<Client> {
  const resolved = resolveOptions(options);
  const urls = (typeof addresses === 'string' ? [addresses] : addresses).map(clientUrl);
  if (urls.length === 0) throw new CairnError('invalid-request', 'give the address of a node to connect to');
  const exchange = new Exchange(resolved);
  const route = new Route(urls, resolved.nodePreference, Math.random);
  const link = new Link(route, resolved, exchange);
  await link.connect();
  return new Client(exchange, link, resolved);
}

/** A connection to a node, or a cluster, that mends itself. Made by {@link connect}. */
export class Client implements AsyncDisposable {
  readonly #exchange: Exchange;
  readonly #link: Link;
  readonly #options: ResolvedOptions;
  readonly #keeper: StreamKeeper;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(exchange: Exchange, link: Link, options: ResolvedOptions) {
    this.#exchange = exchange;
    this.#link = link;
    this.#options = options;
    this.#keeper = new StreamKeeper(exchange);
  }

  /** What the server said about itself: its version, the id of its log (the same on all nodes of a cluster), its limits. */
  get welcome(): ServerWelcome {
    return this.#link.welcome!;
  }

  /** Whether there is a connection right now. If not, requests wait for the next one, up to their timeout. */
  get isConnected(): boolean {
    return this.#link.isConnected;
  }

  /** The URL of the node that it is connected to, or was last. */
  get url(): string {
    return this.#link.url;
  }

  /** Appends that wait for their answers. */
  get pendingAppends(): number {
    return this.#exchange.pendingAppends;
  }

  /**
   * Appends one event, or several as one transaction (all or nothing, with consecutive revisions), and resolves when they are
   * durable, as the ack policy wants it. Does not wait for earlier appends; appends to a stream take effect in the order of the calls, also over a lost
   * connection or a lost node. Data given as bytes must not change before the answer.
   *
   * Fails with `wrong-expected-revision`, `event-id-conflict`, `disk-full`, `request-too-large`, `invalid-request`, `ack-policy-unmet`;
   * `too-many-requests` if the queue is full; `no-leader`, `no-quorum`, … if no node could take it in time: then nothing was written. `timeout` and
   * `connection-lost` mean that the outcome is unknown unless the message says otherwise. To try again after these, give the events
   * ids of your own: then they can't be written twice.
   */
  append(
    stream: string,
    events: NewEvent | readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<AppendResult> {
    const ackPolicy = options?.ackPolicy ?? this.#options.ackPolicy;
    return this.#exchange.append({ stream, events, expected: options?.expected ?? 'any', ackPolicy });
  }

  /**
   * Appends to several streams as one transaction: all or nothing, side by side in the log, visible at once to every reader. Each part has its
   * own expectation of its stream; if one isn't met, nothing is written, and the error's details name the stream. Otherwise as {@link append}.
   */
  async transact(
    parts: readonly StreamAppend[],
    options?: Pick<AppendOptions, 'ackPolicy'>,
  ): Promise<TransactionResult> {
    const ackPolicy = options?.ackPolicy ?? this.#options.ackPolicy;
    const { revision, revisions = [revision], ...result } = await this.#exchange.append({ parts, ackPolicy });
    return { ...result, revisions };
  }

  /**
   * Begins a transaction over several requests, or goes on with one at the place where it was left. Nothing is sent before its first step.
   * Throws `invalid-request`.
   */
  begin(options?: Pick<AppendOptions, 'ackPolicy'> & { readonly at?: TransactionPlace }): OpenTransaction {
    return new OpenTransaction(this.#exchange, options?.ackPolicy ?? this.#options.ackPolicy, options?.at);
  }

  /**
   * Appends by a ready-made Append frame (docs/protocol.md), whose bytes are copied but for the request id: for loads where
   * encoding would matter. The server checks it. Its flags say the ack policy.
   */
  appendFrame(frame: Uint8Array): Promise<AppendResult> {
    return this.#exchange.append(frame);
  }

  /** Reads the events of a stream. Throws `invalid-request`; iterating fails with `stream-not-found` if there is none. */
  readStream(stream: string, options: ReadOptions = {}): EventRead {
    checkStreamName(stream);
    return new EventRead(this.#exchange, readRange(stream, options));
  }

  /** Reads the events of all streams, or those that a filter lets through, in the order in which they were written. Throws `invalid-request`. */
  readAll(options: ReadAllOptions = {}): EventRead {
    return new EventRead(this.#exchange, readRange(undefined, options));
  }

  /**
   * Follows a stream, which need not exist yet: first what it has, then each event as soon as it is committed, in order, each once, over lost
   * connections and nodes. Ends only when the loop is left, after `count` events, or with an error. Throws `invalid-request`.
   */
  subscribe(stream: string, options: SubscribeOptions = {}): EventRead {
    checkStreamName(stream);
    return new EventRead(this.#exchange, subscriptionRange(stream, options));
  }

  /** {@link subscribe} to all streams, or to those events that a filter lets through. Fails with `invalid-filter`, `bad-position` besides. */
  subscribeAll(options: SubscribeAllOptions = {}): EventRead {
    return new EventRead(this.#exchange, subscriptionRange(undefined, options));
  }

  /** What is said about a stream: the last event of its metadata stream. Empty if there is none. */
  metadata(stream: string, options: FreshnessOptions = {}): Promise<MetadataResult> {
    return this.#keeper.metadata(stream, consistencyOf(options));
  }

  /**
   * Says how long events of a stream are kept, and anything else about it; takes the place of what was said before. `expected` is about the
   * metadata: its revision as {@link metadata} gives it, or `'none'`. Holds for every read that begins after this has resolved. Fails as
   * {@link append}, and with `invalid-metadata` and `stream-deleted`.
   */
  async setMetadata(
    stream: string,
    metadata: StreamMetadata,
    options?: AppendOptions,
  ): Promise<{ readonly revision: number }> {
    const { revision } = await this.#keeper.set(stream, metadata, {
      expected: 'any',
      ...this.#manner(options),
    });
    return { revision };
  }

  /**
   * Deletes all events that a stream has when it is called: they can't be read any more. The stream can be appended to again, its numbering goes on, and
   * what is new can be read. `expected` is about the stream. Deleting what is deleted is no failure. Fails with `stream-not-found` if it never had any,
   * `stream-deleted` if it has a tombstone, and as {@link append}.
   */
  deleteStream(stream: string, options?: DeleteOptions): Promise<DeleteResult> {
    return this.#keeper.delete(stream, this.#manner(options));
  }

  /**
   * Deletes a stream for good, also one that never had an event: nothing of it can be read any more, and nothing appended, to it or its metadata. `expected` is
   * about the stream. Fails with `stream-deleted` if it has a tombstone already, and as {@link append}.
   */
  tombstoneStream(stream: string, options?: DeleteOptions): Promise<DeleteResult> {
    return this.#keeper.tombstone(stream, this.#manner(options));
  }

  /** Where the stream begins and ends; undefined if it never had an event. */
  async streamInfo(stream: string, options: FreshnessOptions = {}): Promise<StreamInfo | undefined> {
    checkStreamName(stream);
    return this.#exchange.ask(stream, consistencyOf(options));
  }

  /**
   * Takes on nothing more, ends the reads, waits for what is unanswered (at most `requestTimeoutMs`; what is then still open
   * fails with `connection-lost`), and closes the connection. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@link close}, for `await using client = await connect(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The options, with the ack policy that is the client's own if they say none. */
  #manner(options: AppendOptions = {}): DeleteOptions {
    const ackPolicy = options.ackPolicy ?? this.#options.ackPolicy;
    return ackPolicy === undefined ? options : { ...options, ackPolicy };
  }

  async #close(): Promise<void> {
    this.#exchange.refuse(clientClosed());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.requestTimeoutMs);
      this.#exchange.whenIdle(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    await this.#link.close();
  }
}
