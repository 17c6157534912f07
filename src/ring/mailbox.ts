/**
 * Messages from one thread to another: a single-producer, single-consumer ring of bytes in shared memory, for commands and
 * answers that are not part of the log. A worker that is blocked in `Atomics.wait` receives no `postMessage`, so commands
 * travel here and a doorbell wakes it. Each message is contiguous: one that would run over the end is preceded by a skip
 * mark. A full mailbox is an answer (`offer` returns false), not a wait.
 *
 *   control: [0] bytes written, [32] bytes read (both modulo 2^32)    message: u32 length, body, padding to 8
 */
import { assert } from '../base/assert.js';
import { alignUp } from '../base/bytes.js';

const WRITTEN = 0;
const READ = 32;
const CONTROL_BYTES = 256;
const SKIP_TO_START = 0xffff_ffff;

/** What it takes to attach to a mailbox; can be sent with `workerData`. */
export interface MailboxDescriptor {
  readonly buffer: SharedArrayBuffer;
}

/** `capacityBytes`: a power of two; the largest message is half of it. */
export function createMailbox(capacityBytes: number): MailboxDescriptor {
  assert(Number.isInteger(Math.log2(capacityBytes)), 'the capacity is a power of two');
  return { buffer: new SharedArrayBuffer(CONTROL_BYTES + capacityBytes) };
}

class MailboxMemory {
  readonly control: Int32Array;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;
  readonly capacity: number;

  constructor({ buffer }: MailboxDescriptor) {
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.bytes = new Uint8Array(buffer, CONTROL_BYTES);
    this.view = new DataView(buffer, CONTROL_BYTES);
    this.capacity = buffer.byteLength - CONTROL_BYTES;
  }
}

/** The sending side. Fill `bytes`/`view` at the offset that `claim` returns, then `send`. */
export class MailboxSender extends MailboxMemory {
  #written = 0;
  #claimed = 0;

  /** Reserves `length` bytes for a message; returns their offset, or -1 if the receiver is that far behind. */
  claim(length: number): number {
    const needed = alignUp(4 + length, 8);
    assert(needed <= this.capacity / 2, 'a message fits into half the mailbox');
    const at = this.#written & (this.capacity - 1);
    const skipped = at + needed > this.capacity ? this.capacity - at : 0;
    const used = (this.#written - Atomics.load(this.control, READ)) | 0;
    if (used + skipped + needed > this.capacity) return -1;
    if (skipped > 0) this.view.setUint32(at, SKIP_TO_START, true);
    const start = skipped > 0 ? 0 : at;
    this.view.setUint32(start, length, true);
    this.#claimed = (this.#written + skipped + needed) | 0;
    return start + 4;
  }

  /** Whether the receiver has taken all that was sent. */
  get isEmpty(): boolean {
    return Atomics.load(this.control, READ) === this.#written;
  }

  /** Makes the claimed message visible to the receiver, who must then be woken. */
  send(): void {
    this.#written = this.#claimed;
    Atomics.store(this.control, WRITTEN, this.#written);
  }
}

/** The receiving side: `poll`, read `length` bytes at the offset, `release`. */
export class MailboxReceiver extends MailboxMemory {
  #read = 0;
  #next = 0;
  /** Length of the message that `poll` found. */
  length = 0;

  /** The offset of the next message, or -1 if there is none. It stays valid until `release`. */
  poll(): number {
    const written = Atomics.load(this.control, WRITTEN);
    if (written === this.#read) return -1;
    let at = this.#read & (this.capacity - 1);
    let consumed = 0;
    if (this.view.getUint32(at, true) === SKIP_TO_START) {
      consumed = this.capacity - at;
      at = 0;
    }
    this.length = this.view.getUint32(at, true);
    this.#next = (this.#read + consumed + alignUp(4 + this.length, 8)) | 0;
    return at + 4;
  }

  /** Gives the message's space back to the sender. */
  release(): void {
    this.#read = this.#next;
    Atomics.store(this.control, READ, this.#read);
  }
}
