/**
 * An event as the server sent it: a window onto the bytes that came, each field decoded when it is asked for. Node and
 * browsers. Reading a field costs what decoding it costs; events that are only counted or skipped cost next to nothing.
 */

import { formatUuid, readU64 } from '../base/bytes.js';
import { EVENT_RECORD, isEventRecord, PREPARE_IS_JSON, recordStride } from '../wire/record-view.js';
import type { NameDecoder } from './names.js';

/** What the events of one frame have in common. */
export interface EventMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly names: NameDecoder;
}

/** An event as plain data: what `JSON.stringify` makes of a {@link RecordedEvent}, and what the command line prints. */
export interface PlainEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly id: string;
  readonly type: string;
  /** ISO 8601. */
  readonly created: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

const TEXT_DECODER = new TextDecoder();

/**
 * An event in the log. It keeps the bytes it came with (up to 1 MiB, shared with its neighbours) in memory: to keep
 * few events of many for long, copy what you need of them.
 */
export class RecordedEvent {
  readonly #memory: EventMemory;
  readonly #at: number;

  /** @internal */
  constructor(memory: EventMemory, at: number) {
    this.#memory = memory;
    this.#at = at;
  }

  /** The stream it is in. */
  get stream(): string {
    return this.#memory.names.decode(
      this.#memory.bytes,
      this.#at + EVENT_RECORD.stream,
      this.#streamLength(),
    );
  }

  /** Its number in the stream, from 0. */
  get revision(): number {
    return readU64(this.#memory.view, this.#at + EVENT_RECORD.revision);
  }

  /** Its place in the log, in bytes; grows from event to event. */
  get position(): number {
    return readU64(this.#memory.view, this.#at + EVENT_RECORD.position);
  }

  /** A UUID: the one given at append. */
  get id(): string {
    return formatUuid(this.#memory.bytes, this.#at + EVENT_RECORD.id);
  }

  get type(): string {
    return this.#memory.names.decode(this.#memory.bytes, this.#typeAt(), this.#typeLength());
  }

  /** When the server wrote it, by its clock. */
  get created(): Date {
    return new Date(this.createdUs / 1000);
  }

  /** {@link created} in microseconds since the Unix epoch. */
  get createdUs(): number {
    return readU64(this.#memory.view, this.#at + EVENT_RECORD.timestamp);
  }

  /** Whether it was appended as JSON. */
  get isJson(): boolean {
    return (this.#memory.view.getUint16(this.#at + EVENT_RECORD.flags, true) & PREPARE_IS_JSON) !== 0;
  }

  /** The bytes of the data: a view of what came, not to be changed. */
  get data(): Uint8Array {
    const dataAt = this.#typeAt() + this.#typeLength() + this.metadataLength;
    return bytesOf(this.#memory.bytes, dataAt, this.#end() - dataAt);
  }

  /** Bytes of {@link data}, without making a view. */
  get dataLength(): number {
    return this.#end() - this.#typeAt() - this.#typeLength() - this.metadataLength;
  }

  /** The bytes of the metadata, none if there is none: a view of what came, not to be changed. */
  get metadata(): Uint8Array {
    return bytesOf(this.#memory.bytes, this.#typeAt() + this.#typeLength(), this.metadataLength);
  }

  /** Bytes of {@link metadata}, without making a view. */
  get metadataLength(): number {
    return this.#memory.view.getUint32(this.#at + EVENT_RECORD.metadataLength, true);
  }

  /** The data as text. */
  text(): string {
    return TEXT_DECODER.decode(this.data);
  }

  /** The data parsed as JSON. Throws a `SyntaxError` if it isn't. The type is the caller's promise; nothing checks it. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  /** The metadata parsed as JSON; undefined if there is none. */
  metadataJson<T = unknown>(): T | undefined {
    if (this.metadataLength === 0) return undefined;
    return JSON.parse(TEXT_DECODER.decode(this.metadata)) as T;
  }

  /** Data that is JSON as its value, other data as `{base64}`; metadata as its value if it is JSON, null if there is none. */
  toJSON(): PlainEvent {
    const { stream, revision, position, id, type } = this;
    const created = this.created.toISOString();
    const data = this.isJson ? plainValue(this.data) : { base64: base64(this.data) };
    const metadata = this.metadataLength === 0 ? null : plainValue(this.metadata);
    return { stream, revision, position, id, type, created, data, metadata };
  }

  #streamLength(): number {
    return this.#memory.view.getUint16(this.#at + EVENT_RECORD.streamLength, true);
  }

  #typeLength(): number {
    return this.#memory.view.getUint16(this.#at + EVENT_RECORD.typeLength, true);
  }

  #typeAt(): number {
    return this.#at + EVENT_RECORD.stream + this.#streamLength();
  }

  #end(): number {
    return this.#at + this.#memory.view.getUint32(this.#at + EVENT_RECORD.length, true);
  }
}

/** The events among the records in `bytes[at, at+length)`, which `countEvents` has found to be `count`. */
export function eventsOf(memory: EventMemory, at: number, count: number): readonly RecordedEvent[] {
  const events = new Array<RecordedEvent>(count);
  let record = at;
  for (let i = 0; i < count; ) {
    if (isEventRecord(memory.view, record)) events[i++] = new RecordedEvent(memory, record);
    record += recordStride(memory.view, record);
  }
  return events;
}

/** A plain Uint8Array even where the bytes are a Buffer of Node, which prints, compares and slices differently. */
function bytesOf(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
}

/** Throws where the other puts a replacement character, which would pass for what was written. */
const STRICT_DECODER = new TextDecoder('utf-8', { fatal: true });

/** The value if the bytes are JSON (the server takes the writer's word for it), else base64. */
function plainValue(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(STRICT_DECODER.decode(bytes));
  } catch {
    return { base64: base64(bytes) };
  }
}

/** Characters a call may take as arguments: well below any engine's limit. */
const CHARACTERS_PER_CALL = 8192;

/** Base64 of `bytes`, in browsers too. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHARACTERS_PER_CALL) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHARACTERS_PER_CALL));
  }
  return btoa(text);
}
