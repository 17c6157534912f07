/**
 * Appends to metadata streams: checks what they say about their streams, by itself and against those streams, and closes streams by tombstones. Works on one
 * append at a time, between `open` and `close`. Main thread only, synchronous.
 */
import type { Bytes } from '../base/ports.js';
import {
  EXPECTED_KEY,
  isMetadataName,
  isOfStream,
  METADATA_BYTES_MAX,
  METADATA_TYPE,
  metadataFault,
  parseObject,
  SCAVENGES_STREAM,
  subjectOf,
  TOMBSTONE_TYPE,
} from '../base/stream-metadata.js';
import type { Position } from '../base/units.js';
import type { AppendCursor } from '../wire/append-frame.js';
import { EXPECTED_REVISION } from '../wire/frames.js';
import type { Rejection } from './pending-replies.js';
import { isExpected, streamDeleted, wrongRevision } from './revision-refusals.js';
import type { StreamHeads } from './stream-heads.js';

/** What a part of the append says about a stream. */
interface Statement {
  readonly metadataStream: Bytes;
  readonly subject: Bytes;
  /** What is expected of the subject; as of an Append. */
  expected: number;
  /** It must not be above the subject's next revision: what is not there yet can't be hidden. */
  truncateBefore: number;
  isTombstone: boolean;
}

/** What a `$expectedRevision` may be besides a revision. */
const EXPECTED_WORDS: Readonly<Record<string, number>> = {
  any: EXPECTED_REVISION.any,
  none: EXPECTED_REVISION.noStream,
  exists: EXPECTED_REVISION.streamExists,
};

export class MetadataAppends {
  readonly #heads: StreamHeads;
  readonly #statements: Statement[] = [];

  constructor(heads: StreamHeads) {
    this.#heads = heads;
  }

  /** Looks at what an append, at least one of whose streams is named like a metadata stream, says. Returns what is wrong with it by itself. */
  open(append: AppendCursor): Rejection | undefined {
    this.#statements.length = 0;
    const plain = new Set<string>();
    append.rewindParts();
    do {
      const { bytes, streamAt, streamLength } = append;
      const isMetadata = isMetadataName(bytes, streamAt, streamLength);
      const rejection = isMetadata ? this.#take(append) : undefined;
      if (rejection !== undefined) return rejection;
      if (!isMetadata) plain.add(keyOf(bytes.subarray(streamAt, streamAt + streamLength)));
    } while (append.nextPart());
    const buried = this.#statements.find(
      ({ subject, isTombstone }) => isTombstone && plain.has(keyOf(subject)),
    );
    return buried && invalid(buried, 'a tombstone can not be written together with events of its stream');
  }

  /** Whether all streams that it is about are known. */
  areKnown(): boolean {
    return this.#statements.every(({ subject }) => this.#heads.find(subject, 0, subject.length) >= 0);
  }

  /** Why its streams are not as it expects. */
  refuse(): Rejection | undefined {
    for (const statement of this.#statements) {
      const { subject, expected, truncateBefore } = statement;
      const stream = this.#heads.find(subject, 0, subject.length);
      if (this.#heads.isClosed(stream)) return streamDeleted(subject);
      const current = this.#heads.revision(stream);
      if (!isExpected(expected, current)) return wrongRevision(subject, expected, current);
      if (truncateBefore <= current + 1) continue;
      const reason = `$tb is ${truncateBefore}, above the stream's next revision, ${current + 1}: what is not there yet can't be hidden`;
      return { ...invalid(statement, reason, { key: '$tb' }), restsOnLog: true };
    }
    return undefined;
  }

  /** The append is written, its last event at `position`: its tombstones are the end of their streams. */
  close(position: Position): void {
    for (const { metadataStream, subject, isTombstone } of this.#statements) {
      if (!isTombstone) continue;
      for (const name of [metadataStream, subject])
        this.#heads.close(this.#heads.intern(name, 0, name.length), position);
    }
  }

  #take(append: AppendCursor): Rejection | undefined {
    const { bytes, streamAt, streamLength } = append;
    const metadataStream = bytes.slice(streamAt, streamAt + streamLength);
    const statement: Statement = {
      metadataStream,
      subject: subjectOf(metadataStream, 0, streamLength),
      expected: EXPECTED_REVISION.any,
      truncateBefore: 0,
      isTombstone: false,
    };
    if (!isOfStream(metadataStream, 0, streamLength))
      return invalid(statement, 'a metadata stream has no metadata of its own');
    if (keyOf(statement.subject) === SCAVENGES_STREAM)
      return invalid(statement, 'nobody could scavenge any more if scavenge points were hidden or deleted');
    while (append.nextEvent()) {
      if (statement.isTombstone) return invalid(statement, 'nothing comes after a tombstone');
      const rejection = takeEvent(append, statement);
      if (rejection !== undefined) return rejection;
    }
    this.#statements.push(statement);
    return undefined;
  }
}

/** Reads the event that the cursor stands on into `statement`; returns what is wrong with it. */
function takeEvent(append: AppendCursor, statement: Statement): Rejection | undefined {
  const { bytes, typeAt, typeLength, metadataAt, metadataLength, dataAt, dataLength } = append;
  const type = new TextDecoder().decode(bytes.slice(typeAt, typeAt + typeLength));
  if (type !== METADATA_TYPE && type !== TOMBSTONE_TYPE) {
    const reason = `it takes events of type ${METADATA_TYPE} and ${TOMBSTONE_TYPE} only`;
    return invalid(statement, reason);
  }
  if (dataLength > METADATA_BYTES_MAX || metadataLength > METADATA_BYTES_MAX)
    return invalid(statement, `an event of it has at most ${METADATA_BYTES_MAX} bytes`);
  const about = parseObject(bytes.subarray(metadataAt, metadataAt + metadataLength));
  const expected = about === undefined ? EXPECTED_REVISION.any : expectedOf(about[EXPECTED_KEY]);
  if (expected === undefined) {
    const reason = `${EXPECTED_KEY} must be a revision, "any", "none" or "exists"`;
    return invalid(statement, reason, { key: EXPECTED_KEY });
  }
  if (expected !== EXPECTED_REVISION.any) statement.expected = expected;
  if (type === TOMBSTONE_TYPE) {
    statement.isTombstone = true;
    return undefined;
  }
  const metadata = append.isJson ? parseObject(bytes.subarray(dataAt, dataAt + dataLength)) : undefined;
  if (metadata === undefined)
    return invalid(statement, 'its data must be a JSON object, and say that it is JSON');
  const fault = metadataFault(metadata);
  if (fault !== undefined) return invalid(statement, `${fault.key} ${fault.reason}`, { key: fault.key });
  statement.truncateBefore = Math.max(statement.truncateBefore, Number(metadata['$tb'] ?? 0));
  return undefined;
}

function expectedOf(value: unknown): number | undefined {
  if (value === undefined) return EXPECTED_REVISION.any;
  if (typeof value === 'string')
    return Object.hasOwn(EXPECTED_WORDS, value) ? EXPECTED_WORDS[value] : undefined;
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function keyOf(name: Bytes): string {
  return String.fromCharCode(...name);
}

function invalid(
  { metadataStream }: Pick<Statement, 'metadataStream'>,
  reason: string,
  details: { readonly key?: string } = {},
): Rejection {
  const stream = new TextDecoder().decode(metadataStream);
  const message = `the metadata stream '${stream}' does not take this: ${reason}`;
  return { code: 'invalid-metadata', message, details: { stream, ...details } };
}
