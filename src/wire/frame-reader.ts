/**
 * Walks the frames of a message where they lie. Pure, any thread; one reader serves a connection, nothing is allocated
 * per frame. It vouches for the framing alone (lengths that add up, a request id where there must be one); what a
 * frame holds is for its codec to judge.
 */

import { FRAME_HEADER_BYTES, OPCODE } from './frames.js';

/** A frame in its message, as the codecs' `decode…` take it: `bytes[at, at+length)`, header included. */
export interface OpenFrame {
  readonly bytes: Uint8Array;
  /** Covers exactly the memory of `bytes`. */
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
  readonly flags: number;
  readonly requestId: number;
}

const EMPTY = new Uint8Array(0);

/** `open` a message, then step with `next` until it returns false; `fault` then says whether all was well. */
export class FrameReader implements OpenFrame {
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  at = 0;
  length = 0;
  opcode = 0;
  flags = 0;
  requestId = 0;
  /** Why the message is malformed: a sentence for the other side. Nothing behind this place can be understood. */
  fault: string | undefined;

  open(message: Uint8Array): void {
    this.bytes = message;
    this.view = new DataView(message.buffer, message.byteOffset, message.length);
    this.at = 0;
    this.length = 0;
    this.fault = message.length === 0 ? 'an empty message' : undefined;
  }

  /** Steps to the next frame; false at the end of the message, or where it is malformed (see {@link fault}). */
  next(): boolean {
    if (this.fault !== undefined) return false;
    const at = this.at + this.length;
    const left = this.bytes.length - at;
    if (left === 0) return false;
    this.at = at;
    this.fault = this.#openHeader(at, left);
    return this.fault === undefined;
  }

  /** Goes on behind frames that somebody else has read: `next` steps to the one at `at`. */
  skipTo(at: number): void {
    this.at = at;
    this.length = 0;
  }

  #openHeader(at: number, left: number): string | undefined {
    this.length = 0;
    if (left < FRAME_HEADER_BYTES) return 'a frame is cut short';
    const { view } = this;
    const length = view.getUint32(at, true);
    if (length < FRAME_HEADER_BYTES) return 'a frame says that it is shorter than its header';
    if (length > left) return 'a frame runs over the end of its message';
    this.opcode = view.getUint8(at + 4);
    this.flags = view.getUint8(at + 5);
    this.requestId = view.getUint32(at + 8, true);
    if (view.getUint16(at + 6, true) !== 0) return 'bytes 6 and 7 of a frame are not zero';
    if (this.requestId === 0 && !isAboutConnection(this.opcode)) return 'a request id is 0';
    this.length = length;
    return undefined;
  }
}

function isAboutConnection(opcode: number): boolean {
  return opcode === OPCODE.hello || opcode === OPCODE.welcome || opcode === OPCODE.error;
}
