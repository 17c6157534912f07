/**
 * Names of streams and types, to and from UTF-8, without doing the work again for a name that was just there. Both caches are
 * small and bounded: they pay off for the few names in use at a time, not for all that ever were. Node and browsers.
 */

import { bytesEqual } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import { NAME_BYTES_MAX } from '../wire/frames.js';

/** Enough for the streams that a busy process writes to at a time; about 100 KiB when full. */
const ENCODED_NAMES_MAX = 1024;

/** From text to bytes. */
export class NameEncoder {
  readonly #names = new Map<string, Uint8Array>();
  readonly #utf8 = new TextEncoder();
  /** The name that was asked for last: the next event's type is often the same. */
  #last = '';
  #lastBytes: Uint8Array | undefined;

  /** The bytes of `name`, not to be changed. Throws `invalid-request`; `what` is for its message. */
  encode(name: string, what: 'stream name' | 'event type'): Uint8Array {
    if (name === this.#last && this.#lastBytes !== undefined) return this.#lastBytes;
    const bytes = this.#names.get(name) ?? this.#encode(name, what);
    this.#last = name;
    this.#lastBytes = bytes;
    return bytes;
  }

  #encode(name: unknown, what: string): Uint8Array {
    if (typeof name !== 'string') throw invalidName(what, 'must be a text');
    // The replacement character would make different names one.
    if (/\p{Surrogate}/u.test(name)) throw invalidName(what, 'has half of a surrogate pair');
    const bytes = this.#utf8.encode(name);
    if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX) {
      throw invalidName(what, `must have 1 to ${NAME_BYTES_MAX} bytes of UTF-8, not ${bytes.length}`);
    }
    if (this.#names.size === ENCODED_NAMES_MAX) this.#names.clear();
    this.#names.set(name, bytes);
    return bytes;
  }
}

function invalidName(what: string, why: string): CairnError {
  return new CairnError('invalid-request', `the ${what} ${why}`);
}

/** A power of two; one slot a name, a newcomer takes the place of the one before. */
const DECODED_NAMES = 256;

/** From bytes to text. */
export class NameDecoder {
  readonly #texts = new Array<string>(DECODED_NAMES).fill('');
  readonly #bytes = new Array<Uint8Array>(DECODED_NAMES).fill(new Uint8Array(0));
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The text of `bytes[at, at+length)`. */
  decode(bytes: Uint8Array, at: number, length: number): string {
    const slot = slotOf(bytes, at, length);
    const known = this.#bytes[slot]!;
    if (known.length === length && bytesEqual(known, 0, bytes, at, length)) return this.#texts[slot]!;
    const copy = bytes.slice(at, at + length);
    const text = this.#utf8.decode(copy);
    this.#bytes[slot] = copy;
    this.#texts[slot] = text;
    return text;
  }
}

/** FNV-1a over the last bytes, where names of one kind differ, folded. */
function slotOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = length;
  for (let i = at + Math.max(0, length - 8); i < at + length; i++)
    hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (DECODED_NAMES - 1);
}
