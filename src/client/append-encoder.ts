/**
 * From what a user wants appended to the bytes of an Append frame, checking it on the way. Node and browsers. Either a whole
 * frame is written, or none: user code (`toJSON`) runs before the frame begins.
 */

import { parseUuid } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import {
  ACK_POLICIES,
  type AckPolicy,
  APPEND_ACK_POLICY,
  APPEND_EVENTS_MAX,
  APPEND_PARTS,
  APPEND_PREFIX_BYTES,
  APPEND_QUORUM,
  APPEND_STEP,
  EVENT_IS_JSON,
  EXPECTED_REVISION,
  FRAME_HEADER_BYTES,
  OPCODE,
  PARTS_MAX,
} from '../wire/frames.js';
import type { ServerWelcome } from './connection.js';
import { EventIds } from './event-ids.js';
import { NameEncoder } from './names.js';

/** Where the flags of a frame stand. */
const FLAGS_AT = 5;
const LEADER_ONLY = ACK_POLICIES.indexOf('leader');

/** An event to append. */
export interface NewEvent {
  /** What happened: 1 to 1024 bytes of UTF-8, such as `OrderPlaced`. */
  readonly type: string;
  /** Bytes go in as they are, a string as UTF-8, and anything else as the JSON that `JSON.stringify` makes of it. */
  readonly data: unknown;
  /** As {@link data}; none by default. */
  readonly metadata?: unknown;
  /** A UUID by which a retry is recognised; a random one by default. */
  readonly id?: string;
  /** Whether the data is JSON; by default it is unless it is bytes or a string. For text that is JSON already. */
  readonly isJson?: boolean;
}

/** What must be true of the stream for an append to happen: its last revision, or one of these words. */
export type ExpectedRevision = number | 'any' | 'none' | 'exists';

/** What to append to one stream. */
export interface StreamAppend {
  readonly stream: string;
  readonly events: NewEvent | readonly NewEvent[];
  /** `'any'` by default. */
  readonly expected?: ExpectedRevision;
}

/** Which step of an open transaction it is. */
export interface TransactionStep {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly step: number;
  /** One of {@link STEP_ACTION}. */
  readonly action: number;
}

interface Manner {
  /** When to be answered. Undefined: as the node's default is. */
  readonly ackPolicy: AckPolicy | undefined;
  readonly transaction?: TransactionStep;
}

/** To one stream, or to several; or the end of an open transaction. */
export type AppendContent =
  | (StreamAppend & Manner)
  | ({ readonly parts: readonly StreamAppend[] } & Manner)
  | (Manner & { readonly transaction: TransactionStep });

/** A whole Append frame, or what to make one of. */
export type AppendRequest = AppendContent | Uint8Array;

/** A part that can be written without asking anybody's code anything. */
interface ReadyPart {
  readonly expected: number;
  readonly stream: Uint8Array;
  readonly events: ReadyEvent | readonly ReadyEvent[];
}

type Content = string | Uint8Array;

/** An event that can be written without asking anybody's code anything. */
interface ReadyEvent extends NewEvent {
  readonly data: Content;
  readonly metadata?: Content;
}

export class AppendEncoder {
  readonly #streams = new NameEncoder();
  readonly #types = new NameEncoder();
  readonly #ids = new EventIds();
  /** What is being written, for the writer. */
  readonly #content: { type: Uint8Array; metadata: Content; data: Content } = {
    type: new Uint8Array(0),
    metadata: '',
    data: '',
  };
  readonly #givenBytes = new Uint8Array(16);
  readonly #givenId = new DataView(this.#givenBytes.buffer);

  /** Writes one frame; returns its length. Throws `invalid-request` or `request-too-large`, and then has written nothing. */
  encode(writer: FrameWriter, requestId: number, request: AppendContent, limits: ServerWelcome): number {
    const content = this.#contentOf(request);
    const flags = request.ackPolicy === undefined ? 0 : ackPolicyFlags(request.ackPolicy);
    const { transaction } = request;
    const kind = (isSeveral(content) ? APPEND_PARTS : 0) | (transaction === undefined ? 0 : APPEND_STEP);
    const frameAt = writer.length;
    writer.begin(OPCODE.append, flags | kind, requestId);
    try {
      if (transaction !== undefined) writeStep(writer, transaction);
      if (isSeveral(content)) {
        writer.u32(content.length);
        for (const part of content) this.#part(writer, part, limits.eventBytesMax);
      } else if (content !== undefined) {
        this.#part(writer, content, limits.eventBytesMax);
      }
      const frameBytes = writer.length - frameAt;
      if (frameBytes > limits.appendBytesMax) throw tooLarge('append', frameBytes, limits.appendBytesMax);
      writer.end();
      return frameBytes;
    } catch (error) {
      writer.abandon();
      throw error;
    }
  }

  /** Writes a copy of a whole Append frame, with this request id. Throws as {@link encode}. */
  copy(writer: FrameWriter, requestId: number, frame: Uint8Array, limits: ServerWelcome): number {
    if (frame.length < APPEND_PREFIX_BYTES || frame[4] !== OPCODE.append)
      throw invalid('this is no Append frame');
    if (frame.length > limits.appendBytesMax) throw tooLarge('append', frame.length, limits.appendBytesMax);
    writer.begin(OPCODE.append, frame[FLAGS_AT]!, requestId);
    writer.copy(frame, FRAME_HEADER_BYTES, frame.length - FRAME_HEADER_BYTES);
    writer.end();
    return frame.length;
  }

  #contentOf(request: AppendContent): ReadyPart | readonly ReadyPart[] | undefined {
    if ('parts' in request) return this.#partsOf(request.parts);
    return 'stream' in request ? this.#ready(request) : undefined;
  }

  #ready({ stream, events, expected }: StreamAppend): ReadyPart {
    return {
      expected: expectedRevision(expected ?? 'any'),
      stream: this.#streams.encode(stream, 'stream name'),
      events: ready(events),
    };
  }

  #partsOf(parts: readonly StreamAppend[]): ReadyPart | readonly ReadyPart[] {
    if (!Array.isArray(parts) || parts.length === 0 || parts.length > PARTS_MAX)
      throw invalid(`a transaction is about 1 to ${PARTS_MAX} streams`);
    if (new Set(parts.map(({ stream }) => stream)).size < parts.length)
      throw invalid('two parts of a transaction are of the same stream: put their events into one');
    const all = parts.map((part) => this.#ready(part));
    return all.length === 1 ? all[0]! : all;
  }

  #part(writer: FrameWriter, { expected, stream, events }: ReadyPart, eventBytesMax: number): void {
    writer.i64(expected);
    writer.u16(stream.length);
    writer.u16(isList(events) ? events.length : 1);
    writer.bytes(stream);
    if (isList(events)) for (const event of events) this.#event(writer, event, eventBytesMax);
    else this.#event(writer, events, eventBytesMax);
  }

  #event(writer: FrameWriter, event: ReadyEvent, eventBytesMax: number): void {
    const content = this.#content;
    content.type = this.#types.encode(event.type, 'event type');
    content.metadata = event.metadata ?? '';
    content.data = event.data;
    // A text has at least as many bytes as characters. Keeps what can't be sent from being copied.
    const bytesMin = content.type.length + content.metadata.length + content.data.length;
    if (bytesMin > eventBytesMax) throw tooLarge('event', bytesMin, eventBytesMax);
    const flags = event.isJson === true ? EVENT_IS_JSON : 0;
    const bytes =
      event.id === undefined
        ? writer.event(this.#ids.view, this.#ids.next(), flags, content)
        : writer.event(this.#given(event.id), 0, flags, content);
    content.data = '';
    if (bytes > eventBytesMax) throw tooLarge('event', bytes, eventBytesMax);
  }

  #given(id: string): DataView {
    if (typeof id !== 'string' || !parseUuid(id, this.#givenBytes, 0))
      throw invalid(`the event id '${id}' is not a UUID`);
    return this.#givenId;
  }
}

function writeStep(writer: FrameWriter, { id, step, action }: TransactionStep): void {
  writer.bytes(id);
  writer.u32(step);
  writer.u32(action);
}

/** `Array.isArray` does not know readonly arrays. */
function isList(events: NewEvent | readonly NewEvent[]): events is readonly NewEvent[] {
  return Array.isArray(events);
}

function isSeveral(content: ReadyPart | readonly ReadyPart[] | undefined): content is readonly ReadyPart[] {
  return Array.isArray(content);
}

/** The events in a form that can be written; they themselves if they are. Runs code of the user's (`toJSON`): before a frame begins. */
function ready(events: NewEvent | readonly NewEvent[]): ReadyEvent | readonly ReadyEvent[] {
  if (!isList(events)) return readyEvent(events);
  if (events.length === 0 || events.length > APPEND_EVENTS_MAX) {
    throw invalid(`an append takes 1 to ${APPEND_EVENTS_MAX} events, not ${events.length}`);
  }
  return events.every(isReady) ? events : events.map(readyEvent);
}

function isReady(event: NewEvent): event is ReadyEvent {
  if (typeof event !== 'object' || event === null)
    throw invalid('an event must be an object with type and data');
  return isContent(event.data) && (event.metadata === undefined || isContent(event.metadata));
}

function readyEvent(event: NewEvent): ReadyEvent {
  if (isReady(event)) return event;
  const data = contentOf(event.data, 'data');
  const isJson = event.isJson ?? !isContent(event.data);
  const common = { type: event.type, data, isJson, ...(event.id === undefined ? {} : { id: event.id }) };
  return event.metadata === undefined
    ? common
    : { ...common, metadata: contentOf(event.metadata, 'metadata') };
}

function isContent(value: unknown): value is Content {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function contentOf(value: unknown, what: string): Content {
  if (isContent(value)) return value;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    throw invalid(`the ${what} of an event is binary, but no Uint8Array: wrap it in one`);
  }
  const json = stringify(value, what);
  if (json === undefined)
    throw invalid(`the ${what} of an event is ${typeof value}, which is not a JSON value`);
  return json;
}

function stringify(value: unknown, what: string): string | undefined {
  try {
    // Undefined for undefined, functions and symbols, whatever its type says.
    return JSON.stringify(value) as string | undefined;
  } catch (error) {
    throw new CairnError(
      'invalid-request',
      `the ${what} of an event is not a JSON value: ${String(error)}`,
      {},
      error,
    );
  }
}

function expectedRevision(expected: ExpectedRevision): number {
  if (expected === 'any') return EXPECTED_REVISION.any;
  if (expected === 'none') return EXPECTED_REVISION.noStream;
  if (expected === 'exists') return EXPECTED_REVISION.streamExists;
  if (Number.isSafeInteger(expected) && expected >= 0) return expected;
  throw invalid(
    `the expected revision must be 0 or more, 'any', 'none' or 'exists', not ${String(expected)}`,
  );
}

/** Whether the answer to this append means that the events can't be lost with the leader. */
export function isForQuorum(request: AppendRequest): boolean {
  if (request instanceof Uint8Array) return (request[FLAGS_AT]! & APPEND_ACK_POLICY) !== LEADER_ONLY;
  return request.ackPolicy !== 'leader';
}

/** Throws `invalid-request` for what is no ack policy. */
function ackPolicyFlags(policy: AckPolicy): number {
  const flags = ACK_POLICIES.indexOf(policy);
  if (flags >= 0) return flags === 0 ? APPEND_QUORUM : flags;
  throw invalid(`the ack policy must be one of ${ACK_POLICIES.join(', ')}, not ${String(policy)}`);
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-request', message);
}

function tooLarge(what: string, bytes: number, limit: number): CairnError {
  const message = `the ${what} has ${bytes} bytes or more; the server takes at most ${limit}`;
  return new CairnError('request-too-large', message, { bytes, limit });
}
