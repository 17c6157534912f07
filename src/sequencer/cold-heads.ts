/**
 * Looks up streams that `StreamHeads` does not have, in the index, while appends to others go on. An append to such a stream waits, and with it
 * what its client sent behind it; so that those don't wait for one look-up after the other, the streams of the requests behind it are looked up
 * at the same time. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { Revision } from '../base/units.js';
import { AppendCursor } from '../wire/append-frame.js';
import { FRAME_HEADER_BYTES, OPCODE } from '../wire/frames.js';
import type { Lookups } from './lookups.js';
import type { StreamHeads } from './stream-heads.js';

/** The last committed revision of the stream with this name, -1 if it does not exist. Rejects with a `CairnError` if the node is about to end. */
export type HeadSource = (name: Bytes) => Promise<Revision>;

/** Look-ups under way with which no further are begun ahead of time. */
const LOOKUPS_MAX = 1024;
/** Requests that are looked at behind the one that must wait. */
const REQUESTS_AHEAD = 256;

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
      const { bytes, streamAt, streamLength } = append;
      if (this.#heads.find(bytes, streamAt, streamLength) >= 0) continue;
      const name = bytes.slice(streamAt, streamAt + streamLength);
      const key = String.fromCharCode(...name);
      if (!this.#lookups.has(key)) this.#seekOne(name, key);
      first ??= key;
      if (this.#lookups.size >= LOOKUPS_MAX) break;
    } while (append.nextPart());
    return first;
  }

  #seekOne(name: Bytes, key: string): void {
    this.#lookups.begin(key);
    this.#source(name).then(
      (revision) => {
        this.#heads.enter(name, revision);
        this.#lookups.end(key);
      },
      (error: unknown) => {
        // Nothing is answered any more: the node is about to end, and will say so to all who wait.
        if (!(error instanceof CairnError)) throw error;
      },
    );
  }
}
