/**
 * Pages: what the files of the index are made of, as in docs/formats.md. Every page carries its own checksum, so that whoever reads a page has
 * checked it, in one read. The checksum is keyed with the page's number and its file's salt: a page of another place, or of a file that
 * is no more, does not pass. Pure; any thread.
 */
import type { Bytes, RecordKernel } from '../base/ports.js';

export const PAGE_BYTES = 4096;
/** What a page holds besides its checksum. */
export const PAYLOAD_BYTES = 4092;

/** Spreads neighbouring page numbers: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;

/** The file of a page is not as it was written, or can't be read: what it knew has to be taken from the log again. */
export class IndexDamage extends Error {
  override readonly name = 'IndexDamage';

  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(`the index file ${path} is damaged: ${reason}`);
  }
}

/** Seals and checks the pages of one file. */
export class PageChecks {
  readonly #kernel: RecordKernel;
  readonly #salt: number;

  constructor(kernel: RecordKernel, salt: number) {
    this.#kernel = kernel;
    this.#salt = salt;
  }

  /** Fills in the checksum of the page in `bytes[at, at+4096)`. */
  seal(bytes: Bytes, at: number, page: number): void {
    const crc = this.#crc(bytes, at, page);
    const end = at + PAYLOAD_BYTES;
    for (let i = 0; i < 4; i++) bytes[end + i] = crc >>> (8 * i);
  }

  isIntact(bytes: Bytes, at: number, page: number): boolean {
    return readU32(bytes, at + PAYLOAD_BYTES) === this.#crc(bytes, at, page);
  }

  #crc(bytes: Bytes, at: number, page: number): number {
    const key = (Math.imul(page, SPREAD) ^ this.#salt) >>> 0;
    return this.#kernel.crc32c(bytes, at, PAYLOAD_BYTES, key);
  }
}

/** The page that an address is in. Addresses count payload bytes from the start of the file. */
export function pageOf(address: number): number {
  return Math.floor(address / PAYLOAD_BYTES);
}

/** The address of a page's first byte. */
export function addressOf(page: number): number {
  return page * PAYLOAD_BYTES;
}

/** Without a DataView: it would be one for each piece of memory that pages are in. */
export function readU32(bytes: Bytes, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function readU48(bytes: Bytes, at: number): number {
  return readU32(bytes, at) + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 0x1_0000_0000;
}
