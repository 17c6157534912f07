/**
 * What clients asked of a store and what it told them: every append with its outcome, and after any crash the store must
 * agree with it (`history-check.ts`). An event's bytes follow from its id, so that a history of many gigabytes fits in memory. Pure.
 */
import type { AppendToSend } from '../net/frames.js';

/** How large an event of a request is. */
export interface EventSize {
  readonly metadataBytes: number;
  readonly dataBytes: number;
}

/**
 * `open`: no answer came, so it may have happened or not. `lost`: given up while open; nobody will ever ask again.
 * `refused`: the store said no, so it never happened, and never will unless it is sent again.
 */
export type Outcome = 'open' | 'acknowledged' | 'refused' | 'lost';

export interface AppendRequest {
  /** Its place in the history; the ids of its events begin with it. */
  readonly number: number;
  readonly stream: string;
  readonly expected: number;
  readonly sizes: readonly EventSize[];
  outcome: Outcome;
  /** How often it was sent. */
  attempts: number;
  /** Of its last event, once acknowledged. */
  revision: number;
  position: number;
}

/** Whose event it is: the request's number and the event's index in it. */
export interface EventOwner {
  readonly number: number;
  readonly index: number;
}

export class History {
  readonly requests: AppendRequest[] = [];
  acknowledged = 0;
  /** Answers that said: this was there already. */
  duplicates = 0;
  readonly #salt: number;

  /** `salt` tells this history's ids from those of others in the same log. */
  constructor(salt: number) {
    this.#salt = salt >>> 0;
  }

  add(stream: string, expected: number, sizes: readonly EventSize[]): AppendRequest {
    const number = this.requests.length;
    const outcome: Outcome = 'open';
    const request = { number, stream, expected, sizes, outcome, attempts: 0, revision: -1, position: -1 };
    this.requests.push(request);
    return request;
  }

  /** The store said yes. Throws if it can't have meant this request. */
  acknowledge(request: AppendRequest, revision: number, position: number, isDuplicate: boolean): void {
    const { number, expected, sizes, attempts } = request;
    const what = `request ${number} (${request.stream}, expected ${expected}, ${sizes.length} events)`;
    if (request.outcome !== 'open') throw new Error(`${what} was answered twice`);
    if (isDuplicate && attempts === 1) throw new Error(`${what} was there before it was first sent`);
    if (expected >= 0 && revision !== expected + sizes.length) {
      throw new Error(`${what} was acknowledged at revision ${revision}`);
    }
    Object.assign(request, { outcome: 'acknowledged', revision, position });
    this.acknowledged++;
    if (isDuplicate) this.duplicates++;
  }

  /** Who has this id (16 bytes); undefined if it is none of this history's. */
  ownerOf(id: DataView): EventOwner | undefined {
    const [salt, number, index] = [id.getUint32(0), id.getUint32(4), id.getUint32(8)];
    const size = this.requests[number]?.sizes[index];
    return salt === this.#salt && size !== undefined ? { number, index } : undefined;
  }

  /** The request as an Append. */
  toAppend(request: AppendRequest, requestId: number): AppendToSend {
    const { stream, expected, sizes } = request;
    const events = sizes.map((_, index) => this.eventOf(request, index));
    return { requestId, stream, expected, events };
  }

  /** An event of a request, as it was sent each time, and as it must be read. */
  eventOf({ number, sizes }: AppendRequest, index: number): AppendToSend['events'][number] {
    const id = new Uint8Array(16);
    const view = new DataView(id.buffer);
    const seed = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
    for (const [i, word] of [this.#salt, number, index, seed].entries()) view.setUint32(i * 4, word);
    const { metadataBytes, dataBytes } = sizes[index]!;
    return {
      id,
      type: `type-${seed & 7}`,
      metadata: bytesOf(seed ^ 1, metadataBytes),
      data: bytesOf(seed ^ 2, dataBytes),
      isJson: (seed & 8) !== 0,
    };
  }
}

/** `length` bytes that follow from `seed` (xorshift32, George Marsaglia, "Xorshift RNGs", 2003). */
function bytesOf(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
