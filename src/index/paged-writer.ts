/**
 * Writes a file of pages from its second page on, one byte behind the other, sealing each page when it is full. The first page is the
 * file's header, which is known last. On a thread that may block. Buffers a quarter of a megabyte and no more.
 */
import type { Bytes, Disk, FileHandle } from '../base/ports.js';
import { addressOf, PAGE_BYTES, PAYLOAD_BYTES, type PageChecks } from './page.js';

/** 256 KiB a write: near a disk's full rate. */
const BUFFER_PAGES = 64;

/** A file that is being made. */
export interface PagedTarget {
  readonly disk: Disk;
  readonly file: FileHandle;
  readonly checks: PageChecks;
  /** Called before each write; may throw, to give the file up. */
  readonly check?: (() => void) | undefined;
}

export class PagedWriter {
  readonly #target: PagedTarget;
  readonly #buffer: Bytes;
  /** The next byte in the buffer, and where the payload of its page ends. */
  #at = 0;
  #end = PAYLOAD_BYTES;
  /** The number of the page that is being filled. */
  #page = 1;

  constructor(target: PagedTarget) {
    this.#target = target;
    this.#buffer = target.disk.alignedBuffer(BUFFER_PAGES * PAGE_BYTES);
  }

  /** The address of the next byte. */
  get address(): number {
    return addressOf(this.#page + 1) - (this.#end - this.#at);
  }

  u8(value: number): void {
    if (this.#at === this.#end) this.#turn();
    this.#buffer[this.#at++] = value;
  }

  /** An unsigned number below 2^48 in `byteCount` bytes, little-endian. */
  uint(value: number, byteCount: number): void {
    for (let i = 0, rest = value; i < byteCount; i++, rest = Math.floor(rest / 256)) this.u8(rest % 256);
  }

  /** An unsigned number below 2^53 in seven bits a byte, the lowest first (LEB128); returns how many bytes. */
  varint(value: number): number {
    let rest = value;
    let count = 1;
    for (; rest >= 0x8000_0000; rest = Math.floor(rest / 0x80), count++) this.u8((rest % 0x80) | 0x80);
    for (; rest >= 0x80; rest >>>= 7, count++) this.u8((rest & 0x7f) | 0x80);
    this.u8(rest);
    return count;
  }

  bytes(source: Bytes, at: number, length: number): void {
    for (let done = 0; done < length; ) {
      if (this.#at === this.#end) this.#turn();
      const part = Math.min(length - done, this.#end - this.#at);
      this.#buffer.set(source.subarray(at + done, at + done + part), this.#at);
      this.#at += part;
      done += part;
    }
  }

  /** Fills the page up with zeros, unless nothing is in it; returns the number of the page that comes then. */
  endPage(): number {
    const isUntouched = this.#end - this.#at === PAYLOAD_BYTES;
    if (!isUntouched) {
      this.#buffer.fill(0, this.#at, this.#end);
      this.#at = this.#end;
      this.#turn();
    }
    return this.#page;
  }

  /** Writes what is left; returns how many pages the file has, header included. Throws `DiskError`. */
  finish(): number {
    const pages = this.endPage();
    this.#flush(this.#at);
    return pages;
  }

  /** Seals the full page and begins the next one. */
  #turn(): void {
    this.#target.checks.seal(this.#buffer, this.#end - PAYLOAD_BYTES, this.#page);
    this.#page++;
    this.#at = this.#end + PAGE_BYTES - PAYLOAD_BYTES;
    if (this.#at === this.#buffer.length) this.#flush(this.#at);
    this.#end = this.#at + PAYLOAD_BYTES;
  }

  /** The first `length` bytes of the buffer, whole pages, end before the page that comes next. */
  #flush(length: number): void {
    const { disk, file, check } = this.#target;
    check?.();
    const offset = this.#page * PAGE_BYTES - length;
    if (length > 0) disk.write(file, this.#buffer, 0, length, offset);
    this.#at = 0;
  }
}
