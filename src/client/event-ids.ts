/**
 * Fresh event ids, cheaply: random bytes are drawn for 256 ids at a time, because one call for each costs more than all
 * the rest of encoding an event. Node and browsers.
 */

const ID_BYTES = 16;
const IDS_PER_DRAW = 256;

/** UUIDs of version 4 (RFC 9562, section 5.4), 16 bytes each. */
export class EventIds {
  readonly #bytes = new Uint8Array(ID_BYTES * IDS_PER_DRAW);
  /** Where the id that `next` speaks of stands. */
  readonly view = new DataView(this.#bytes.buffer);
  #nextAt = this.#bytes.length;

  /** Returns the offset of a fresh id in {@link view}; good until the next call. */
  next(): number {
    if (this.#nextAt === this.#bytes.length) this.#draw();
    const at = this.#nextAt;
    this.#nextAt += ID_BYTES;
    return at;
  }

  #draw(): void {
    const bytes = this.#bytes;
    crypto.getRandomValues(bytes);
    for (let at = 0; at < bytes.length; at += ID_BYTES) {
      bytes[at + 6] = (bytes[at + 6]! & 0x0f) | 0x40;
      bytes[at + 8] = (bytes[at + 8]! & 0x3f) | 0x80;
    }
    this.#nextAt = 0;
  }
}
