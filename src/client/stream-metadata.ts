/**
 * Metadata of streams, and what is done by it: deleting. Node and browsers. All of it is appends to a stream's metadata stream, and reads of that
 * (docs/protocol.md, "Metadata and deletes").
 */
import { CairnError } from '../base/errors.js';
import { EXPECTED_KEY, METADATA_PREFIX, METADATA_TYPE, TOMBSTONE_TYPE } from '../base/stream-metadata.js';
import type { AckPolicy, ReadConsistency } from '../wire/frames.js';
import type { ExpectedRevision, NewEvent } from './append-encoder.js';
import type { AppendAnswer } from './append-queue.js';
import { EventRead } from './event-read.js';
import type { Exchange } from './exchange.js';
import { checkStreamName, readRange } from './read-range.js';

/** What can be said about a stream. Keys that don't begin with `$` are free. */
export interface StreamMetadata {
  /** Only so many of the last events can be read. */
  readonly $maxCount?: number;
  /** Only events that are not older than so many seconds can be read. */
  readonly $maxAge?: number;
  /** "Truncate before": events before this revision can't be read. At most the revision of the stream's next event. */
  readonly $tb?: number;
  /** For how many seconds others may cache the stream. Cairn itself does nothing with it. */
  readonly $cacheControl?: number;
  /** Who may do what. Cairn itself does nothing with it. */
  readonly $acl?: Readonly<Record<string, unknown>>;
  readonly [custom: string]: unknown;
}

/** What is said about a stream now. */
export interface MetadataResult {
  readonly metadata: StreamMetadata;
  /** How often something was said, from 0: what `setMetadata` can expect. −1: never. */
  readonly revision: number;
  /** The stream has a tombstone. */
  readonly isTombstoned: boolean;
}

export interface DeleteOptions {
  /** What must be true of the stream; by default anything. */
  readonly expected?: ExpectedRevision;
  readonly ackPolicy?: AckPolicy;
}

export interface DeleteResult {
  /** Of the last event that is deleted; −1 if there is none. */
  readonly lastRevision: number;
  /** Where in the log it is said. */
  readonly position: number;
}

/** What was said, and where. */
interface Said extends MetadataResult {
  readonly position: number;
}

const NOTHING_SAID: Said = { metadata: {}, revision: -1, isTombstoned: false, position: 0 };
/** Others may say something about a stream while it is deleted: then that is looked at again. */
const ATTEMPTS_MAX = 50;

export class StreamKeeper {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  async metadata(stream: string, consistency: ReadConsistency): Promise<MetadataResult> {
    const { metadata, revision, isTombstoned } = await this.#said(stream, consistency);
    return { metadata, revision, isTombstoned };
  }

  set(
    stream: string,
    metadata: StreamMetadata,
    options: DeleteOptions & { readonly about?: ExpectedRevision },
  ): Promise<AppendAnswer> {
    const { expected = 'any', ackPolicy, about = 'any' } = options;
    const event = { type: METADATA_TYPE, data: metadata, isJson: true, ...expecting(about) };
    return this.#append(stream, event, expected, ackPolicy);
  }

  async delete(stream: string, { expected = 'any', ackPolicy }: DeleteOptions): Promise<DeleteResult> {
    for (let attempt = 1; ; attempt++) {
      const info = await this.#exchange.ask(stream, 'linearizable');
      if (info === undefined) {
        if (expected !== 'any' && expected !== 'none') throw wrongRevision(stream, expected, -1);
        throw new CairnError('stream-not-found', `there is no stream ${stream} to delete`, { stream });
      }
      if (info.state === 'tombstoned') throw streamDeleted(stream);
      const lastRevision = info.revision;
      if (expected === 'none' || (typeof expected === 'number' && expected !== lastRevision))
        throw wrongRevision(stream, expected, lastRevision);
      const said = await this.#said(stream, 'linearizable');
      if (said.metadata.$tb === lastRevision + 1) return { lastRevision, position: said.position };
      const metadata = { ...said.metadata, $tb: lastRevision + 1 };
      const before = said.revision < 0 ? ('none' as const) : said.revision;
      // What is appended meanwhile stays, unless the caller wants to know of it.
      const about = typeof expected === 'number' ? expected : ('any' as const);
      try {
        const options = { expected: before, about, ...policy(ackPolicy) };
        return { lastRevision, position: (await this.set(stream, metadata, options)).position };
      } catch (error) {
        if (!isOvertaken(error, stream) || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  async tombstone(stream: string, { expected = 'any', ackPolicy }: DeleteOptions): Promise<DeleteResult> {
    const event = { type: TOMBSTONE_TYPE, data: '', ...expecting(expected) };
    const { position } = await this.#append(stream, event, 'any', ackPolicy);
    const info = await this.#exchange.ask(stream, 'local');
    return { lastRevision: info?.revision ?? -1, position };
  }

  async #append(
    stream: string,
    events: NewEvent,
    expected: ExpectedRevision,
    ackPolicy: AckPolicy | undefined,
  ): Promise<AppendAnswer> {
    const name = metadataStream(stream);
    return this.#exchange.append({ stream: name, events, expected, ackPolicy });
  }

  async #said(stream: string, consistency: ReadConsistency): Promise<Said> {
    const last = { backwards: true, count: 1, consistency };
    const read = new EventRead(this.#exchange, readRange(metadataStream(stream), last));
    const [event] = await read.toArray().catch((error: unknown) => {
      if (error instanceof CairnError && error.code === 'stream-not-found') return [];
      throw error;
    });
    if (event === undefined) return NOTHING_SAID;
    const { revision, position, type } = event;
    const isTombstoned = type === TOMBSTONE_TYPE;
    const metadata = type === METADATA_TYPE ? event.json<StreamMetadata>() : {};
    return { metadata, revision, position, isTombstoned };
  }
}

function metadataStream(stream: string): string {
  checkStreamName(stream);
  const name = METADATA_PREFIX + stream;
  checkStreamName(name);
  return name;
}

/** Whether somebody else said something about the stream first. */
function isOvertaken(error: unknown, stream: string): boolean {
  const isWrong = error instanceof CairnError && error.code === 'wrong-expected-revision';
  return isWrong && error.details['stream'] === METADATA_PREFIX + stream;
}

/** As an event says what it expects of the stream that it is about. */
function expecting(expected: ExpectedRevision): { readonly metadata?: object } {
  return expected === 'any' ? {} : { metadata: { [EXPECTED_KEY]: expected } };
}

function policy(ackPolicy: AckPolicy | undefined): { readonly ackPolicy?: AckPolicy } {
  return ackPolicy === undefined ? {} : { ackPolicy };
}

function wrongRevision(stream: string, expected: ExpectedRevision, current: number): CairnError {
  const message = `stream ${stream} has ${current < 0 ? 'no events' : `revision ${current} as its last`}, which is not what was expected; look at it again`;
  return new CairnError('wrong-expected-revision', message, { stream, expected, current });
}

function streamDeleted(stream: string): CairnError {
  return new CairnError('stream-deleted', `stream ${stream} has a tombstone already`, { stream });
}
