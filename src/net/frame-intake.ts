/**
 * Takes whole binary frames out of a connection that this node has dialled, in memory that is used again: the socket reads straight into it, and a
 * frame is handed on where it lies. ws would make a buffer for each read and another for each message, which at some hundred
 * megabytes a second has V8 mark its whole heap several times a second. All else (the handshake, control frames,
 * fragments, what breaks the protocol) goes on to ws as it came. RFC 6455, section 5.2. Main thread.
 */
import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';

/** Enough for acks and heartbeats. */
const SMALL_BYTES = 64 * 1024;
/** Once there are ranges: a full one lies in it twice, so that what has come of one is seldom moved. What only a larger frame needs isn't kept. */
const LARGE_BYTES = 2 * 1024 * 1024 + SMALL_BYTES;
/** With less room behind what came, what came is moved to the front. */
const ROOM_BYTES_MIN = 16 * 1024;
/** FIN, no extension, opcode 2. */
const WHOLE_BINARY = 0x82;
/** A frame's length that says that the true one follows, in 2 or 8 bytes. */
const LENGTH_U16 = 126;
const LENGTH_U64 = 127;
const MASKED = 0x80;
const STATUS_LINE = /^HTTP\/1\.1 101 /;
const HANDSHAKE_END = '\r\n\r\n';

/** `handshake`: nothing but a refusal may follow, or frames. `frames`: between two of them. `passing`: for ws, `#passBytes` more of it. */
type Stage = 'handshake' | 'frames' | 'passing';

interface FrameHead {
  readonly kind: 'message' | 'other';
  readonly headBytes: number;
  readonly payloadBytes: number;
}

export class FrameIntake {
  /** Called with each frame's payload, which is the callee's until it returns. */
  message: (payload: Bytes) => void = () => assert(false, 'nobody takes messages yet');
  /** Called with what is ws's, in order. */
  passOn: (bytes: Buffer) => void = () =>
    assert(false, 'there is a connection before anything comes from it');
  /** How net.Socket is to read: where each read goes, and that something has come. */
  readonly onread = {
    buffer: () => this.#room(),
    callback: (count: number) => this.#took(count),
  };
  readonly #payloadBytesMax: number;
  #memory: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);
  /** `#memory[#from, #to)` has come and is not handed on. */
  #from = 0;
  #to = 0;
  #stage: Stage = 'handshake';
  #handshake = '';
  #passBytes = 0;

  /** Larger frames are left to ws, to be refused. */
  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** In the place of `net.connect`, for ws. */
  readonly connect = ((options: NetConnectOpts): Socket => {
    // Node's types know no buffer that is made for each read; net.Socket's documentation does.
    const socket = createConnection({ ...options, onread: this.onread } as unknown as NetConnectOpts);
    this.passOn = (bytes) => socket.push(bytes);
    return socket;
  }) as typeof createConnection;

  /** Where the next bytes go. */
  #room(): Uint8Array {
    const wanted = this.#frameBytes();
    if (this.#from === this.#to) this.#reset();
    const { length } = this.#memory;
    if (wanted + ROOM_BYTES_MIN > length)
      this.#moveTo(Buffer.allocUnsafeSlow(Math.max(LARGE_BYTES, wanted + ROOM_BYTES_MIN)));
    else if (length - this.#from < wanted || length - this.#to < ROOM_BYTES_MIN) this.#moveTo(this.#memory);
    return this.#memory.subarray(this.#to);
  }

  /** Nothing is in it: from its beginning on again, and without what one large frame needed. */
  #reset(): void {
    this.#from = 0;
    this.#to = 0;
    if (this.#memory.length > LARGE_BYTES) this.#memory = Buffer.allocUnsafeSlow(LARGE_BYTES);
  }

  #moveTo(memory: Buffer): void {
    this.#memory.copy(memory, 0, this.#from, this.#to);
    this.#memory = memory;
    this.#to -= this.#from;
    this.#from = 0;
  }

  #took(count: number): boolean {
    this.#to += count;
    while (this.#from < this.#to && this.#advance());
    return true;
  }

  /** Hands on what is whole; false if more has to come. */
  #advance(): boolean {
    switch (this.#stage) {
      case 'handshake':
        this.#takeHandshake();
        return true;
      case 'passing':
        this.#pass(Math.min(this.#passBytes, this.#to - this.#from));
        if (this.#passBytes === 0) this.#stage = 'frames';
        return true;
      case 'frames':
        return this.#takeFrame();
    }
  }

  /** Up to the empty line; behind a refusal comes no frame. */
  #takeHandshake(): void {
    const before = this.#handshake.length;
    this.#handshake += this.#memory.toString('latin1', this.#from, this.#to);
    const end = this.#handshake.indexOf(HANDSHAKE_END);
    const isAccepted = STATUS_LINE.test(this.#handshake);
    if (end >= 0) this.#handshake = '';
    this.#stage = end < 0 ? 'handshake' : isAccepted ? 'frames' : 'passing';
    this.#passBytes = this.#stage === 'passing' ? Number.POSITIVE_INFINITY : 0;
    const length = end < 0 ? this.#to - this.#from : end + HANDSHAKE_END.length - before;
    this.#passOn(length);
  }

  #takeFrame(): boolean {
    const head = this.#head();
    if (head === undefined) return false;
    if (head.kind === 'other') {
      this.#stage = 'passing';
      this.#passBytes = head.headBytes + head.payloadBytes;
      return true;
    }
    const begin = this.#from + head.headBytes;
    const end = begin + head.payloadBytes;
    if (end > this.#to) return false;
    this.#from = end;
    this.message(this.#memory.subarray(begin, end));
    return true;
  }

  /** Undefined if it has not come as a whole. */
  #head(): FrameHead | undefined {
    const [memory, at, came] = [this.#memory, this.#from, this.#to - this.#from];
    if (came < 2) return undefined;
    const short = memory[at + 1]! & ~MASKED;
    const headBytes = short === LENGTH_U64 ? 10 : short === LENGTH_U16 ? 4 : 2;
    if (came < headBytes) return undefined;
    let payloadBytes = short;
    if (short === LENGTH_U16) payloadBytes = memory.readUInt16BE(at + 2);
    else if (short === LENGTH_U64)
      payloadBytes = memory.readUInt32BE(at + 2) * 2 ** 32 + memory.readUInt32BE(at + 6);
    const isMessage = memory[at] === WHOLE_BINARY && (memory[at + 1]! & MASKED) === 0;
    const kind = isMessage && payloadBytes <= this.#payloadBytesMax ? 'message' : 'other';
    return { kind, headBytes, payloadBytes };
  }

  /** Of the frame that has begun to come, if that is known. */
  #frameBytes(): number {
    if (this.#stage !== 'frames') return 0;
    const head = this.#head();
    return head === undefined ? 0 : head.headBytes + head.payloadBytes;
  }

  #pass(length: number): void {
    this.#passBytes -= length;
    this.#passOn(length);
  }

  /** A copy, because ws keeps what it gets. */
  #passOn(length: number): void {
    const copy = Buffer.from(this.#memory.subarray(this.#from, this.#from + length));
    this.#from += length;
    this.passOn(copy);
  }
}
