/**
 * What is hidden of the streams whose events a page of the whole log has. Main thread. The index says which streams may have metadata, without
 * being asked (`StreamsWithMetadata`); those alone it is asked about, once for a read.
 */
import { firstVisible, isMetadataName } from '../base/stream-metadata.js';
import type { Position, Revision, TimestampUs } from '../base/units.js';
import type { StreamLookup, StreamsWithMetadata } from '../indexer/commands.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE } from '../log/record.js';
import type { LogTail } from './log-bytes.js';
import type { StreamRules } from './stream-rules.js';

export interface HiddenEventsParts {
  readonly lookup: StreamLookup;
  readonly rules: StreamRules;
  readonly tail: LogTail;
  readonly metadata: StreamsWithMetadata;
  /** Up to where the index knows the log, `metadata` included. */
  readonly indexed: () => Position;
  readonly committed: () => Position;
}

/** Of one stream: what is before either of these is hidden. */
export interface Visibility {
  readonly firstRevision: Revision;
  readonly oldestUs: TimestampUs;
}

/** Looked through in one turn: some 15,000 of the usual events, under a millisecond. */
const LOOK_BYTES_MAX = 4 * 1024 * 1024;

const LENGTH_WORD = RECORD.length / 4;
const TYPE_WORD = RECORD.type / 4;
const STREAM_BYTES_WORD = PREPARE.streamBytes / 4;

/** Streams that are asked about at the same time: for each a record may have to be read. */
const ASKED_AT_ONCE = 64;

export class HiddenEvents {
  readonly #parts: HiddenEventsParts;
  /** Up to here somebody has seen that there is no further metadata. */
  #seenTo: Position = 0;

  constructor(parts: HiddenEventsParts) {
    this.#parts = parts;
  }

  /** Whether nothing is hidden of anything, as far as the index knows the log. */
  get areNone(): boolean {
    return this.#parts.metadata.size === 0;
  }

  /** Up to where it is known which streams have metadata. */
  get knownTo(): Position {
    return Math.max(this.#seenTo, this.#parts.indexed());
  }

  /** There is no metadata in this stretch: who comes later need not look. */
  noteNone(from: Position, to: Position): void {
    if (from <= this.knownTo) this.#seenTo = Math.max(this.#seenTo, to);
  }

  /**
   * Resolves when it is known of all that is committed now which streams have metadata; undefined if it is. What the index has not followed yet is in the
   * ring: only if there is metadata in it the index is waited for, so that reads go on beside one that is behind.
   */
  upToDate(): Promise<unknown> | undefined {
    const committed = this.#parts.committed();
    const seen = this.#lookThrough(committed);
    return seen === 'all' ? undefined : this.#lookFurther(seen, committed);
  }

  async #lookFurther(seen: 'metadata' | 'a part' | 'all', committed: Position): Promise<unknown> {
    for (let now = seen; now !== 'all'; now = this.#lookThrough(committed)) {
      if (now === 'metadata') return this.#parts.lookup.lookup({ ...NOTHING, stream: NO_NAME });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  }

  /** Looks through the ring for metadata up to `committed`, as far as one turn goes. What is not in the ring any more may be metadata. */
  #lookThrough(committed: Position): 'metadata' | 'a part' | 'all' {
    const { memory, floor } = this.#parts.tail;
    const { words, bytes } = memory;
    const from = this.knownTo;
    if (from >= committed) return 'all';
    if (from < floor) return 'metadata';
    const end = Math.min(committed, from + LOOK_BYTES_MAX);
    let position = from;
    while (position < end) {
      const at = memory.offsetOf(position);
      const word = at >> 2;
      const isEvent = (words[word + TYPE_WORD]! & 0xff) === RECORD_TYPE.prepare;
      const nameBytes = words[word + STREAM_BYTES_WORD]! & 0xffff;
      if (isEvent && isMetadataName(bytes, at + PREPARE.stream, nameBytes)) return 'metadata';
      position += occupiedBytes(words[word + LENGTH_WORD]!);
    }
    this.noteNone(from, position);
    return position >= committed ? 'all' : 'a part';
  }

  /** Whether the stream with this name may have hidden events. */
  mayHave(bytes: Uint8Array, at: number, length: number): boolean {
    return this.#parts.metadata.mayHave(bytes, at, length);
  }

  /** Enters into `known` what is hidden of the streams with these names. Rejects as a read does. */
  async learn(names: ReadonlyMap<string, Uint8Array>, known: Map<string, Visibility>): Promise<void> {
    const queue = names.entries();
    const drain = async () => {
      for (const [key, name] of queue) known.set(key, await this.#of(name));
    };
    await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, names.size) }, drain));
  }

  async #of(stream: Uint8Array): Promise<Visibility> {
    const { lookup, rules: all } = this.#parts;
    const { head, metadata } = await lookup.lookup({ ...NOTHING, stream });
    const rules = await all.of(metadata);
    return { firstRevision: firstVisible(rules, head), oldestUs: all.oldestUs(rules) };
  }
}

const NO_NAME = new Uint8Array(0);
/** Of a stream: only where it ends. */
const NOTHING = {
  direction: 'backwards',
  from: Number.POSITIVE_INFINITY,
  eventsMax: 0,
  bytesMax: 0,
} as const;
