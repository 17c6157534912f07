/**
 * Looks up streams that `StreamHeads` does not have, in the index, while appends to others go on. An append to such a stream waits, and with it
 * what its client sent behind it; so that those don't wait for one look-up after the other, the streams of the requests behind it are looked up
 * at the same time. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import { isMetadataName, isOfStream, METADATA_PREFIX } from '../base/stream-metadata.js';
import { AppendCursor } from '../wire/append-frame.js';
import { FRAME_HEADER_BYTES, OPCODE } from '../wire/frames.js';
import type { Lookups } from './lookups.js';
import type { StreamHead, StreamHeads } from './stream-heads.js';

/** What is committed of the stream with this name. Rejects with a `CairnError` if the node is about to end. */
export type HeadSource = (name: Bytes) => Promise<StreamHead>;

/** Look-ups under way with which no further are begun ahead of time. */
const LOOKUPS_MAX = 1024;
/** Requests that are looked at behind the one that must wait. */
const REQUESTS_AHEAD = 256;
const PREFIX_BYTES = METADATA_PREFIX.length;

export class ColdHeads {
  readonly #heads: StreamHeads;
  readonly #source: HeadSource;
  readonly #lookups: Lookups;
  readonly #ahead = new AppendCursor();

  constructor(heads: StreamHeads, source: HeadSource, lookups: Lookups) {
    this.#heads = heads;
    this.#source = source;
    this.#lookups = lookups;
  }

  /** Looks up the streams of `append` that are not known, at least one, and those of the appends behind it in its message. */
  seek(append: AppendCursor): 'sought' {
    const { size } = this.#lookups;
    const first = this.#seekAll(append);
    // If all of it is being looked up already, so is what is behind it.
    if (this.#lookups.size > size) this.#seekAhead(append);
    return this.#lookups.waitFor(first!);
  }

  #seekAhead({ bytes, view, frameAt, frameLength }: AppendCursor): void {
    let at = frameAt + frameLength;
    for (let request = 0; request < REQUESTS_AHEAD && this.#lookups.size < LOOKUPS_MAX; request++) {
      if (at + FRAME_HEADER_BYTES > bytes.length || bytes[at + 4] !== OPCODE.append) return;
      const length = view.getUint32(at, true);
      // Whatever is wrong with it is for those who come to it.
      if (this.#ahead.open(bytes, view, at, length) !== undefined) return;
      if (!this.#ahead.isStep) this.#seekAll(this.#ahead);
      at += length;
    }
  }

  /** Returns the first stream that is not known. */
  #seekAll(append: AppendCursor): string | undefined {
    let first: string | undefined;
    append.rewindParts();
    do {
      const { bytes, streamAt: at, streamLength: length } = append;
      const sought = this.#seekUnknown(bytes, at, length);
      // What is said about a stream rests on what it has.
      const hasSubject = isMetadataName(bytes, at, length) && isOfStream(bytes, at, length);
      const subject = hasSubject
        ? this.#seekUnknown(bytes, at + PREFIX_BYTES, length - PREFIX_BYTES)
        : undefined;
      first ??= sought ?? subject;
      if (this.#lookups.size >= LOOKUPS_MAX) break;
    } while (append.nextPart());
    return first;
  }

  /** Returns what to wait for, undefined if the stream is known. */
  #seekUnknown(bytes: Bytes, at: number, length: number): string | undefined {
    if (this.#heads.find(bytes, at, length) >= 0) return undefined;
    const name = bytes.slice(at, at + length);
    const key = String.fromCharCode(...name);
    if (!this.#lookups.has(key)) this.#seekOne(name, key);
    return key;
  }

  #seekOne(name: Bytes, key: string): void {
    this.#lookups.begin(key);
    this.#source(name).then(
      (head) => {
        this.#heads.enter(name, head);
        this.#lookups.end(key);
      },
      (error: unknown) => {
        // Nothing is answered any more: the node is about to end, and will say so to all who wait.
        if (!(error instanceof CairnError)) throw error;
      },
    );
  }
}
