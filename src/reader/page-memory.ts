/**
 * The memory of large pages, used again and again. Main thread. A page of 1 MiB that is made, sent and forgotten costs more for its
 * memory (mapping it, and V8 collecting its whole heap each 64 of them) than for its bytes. What is not given back is garbage.
 */
/** A piece of memory, as bytes and as record fields. */
export interface PageBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array;
  readonly view: DataView<ArrayBuffer>;
}

/** The size of all that is kept: that of a full Events frame, which is what most pages become. */
const KEPT_BYTES = 1024 * 1024;
/** Less than this is quickly made, and not worth the memory of a full page. */
const LARGE_BYTES = KEPT_BYTES / 8;
/** As many pages as a few busy connections have on their way. */
const KEPT_MAX = 32;

export class PageMemory {
  readonly #kept: PageBytes[] = [];

  /** Memory of at least `bytes`, holding anything. */
  take(bytes: number): PageBytes {
    if (bytes < LARGE_BYTES || bytes > KEPT_BYTES) return pageBytes(bytes);
    return this.#kept.pop() ?? pageBytes(KEPT_BYTES);
  }

  /** Nobody looks at this memory, which {@link take} returned, any more. */
  give(memory: PageBytes): void {
    if (memory.bytes.length === KEPT_BYTES && this.#kept.length < KEPT_MAX) this.#kept.push(memory);
  }
}

function pageBytes(length: number): PageBytes {
  // Not zeroed: everything is overwritten, or cut off, before anyone sees it.
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), view: new DataView(buffer) };
}
