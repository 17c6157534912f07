/**
 * One client that appends without pause: to a stream of its own, with exact expected revisions far ahead of the answers; to
 * streams that it shares with others; to streams that others try to begin as well; and now and then what must be refused. After
 * its connection was lost it repeats what got no answer, with the same event ids, before it goes on.
 */
import { decodeAppended, decodeError } from '../../src/wire/answer-frames.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { EXPECTED_REVISION, OPCODE } from '../../src/wire/frames.js';
import { writeAppend } from '../net/frames.js';
import { RawClient, type ReceivedFrame } from '../net/raw-client.js';
import type { AppendRequest, EventSize, History } from './history.js';
import type { SeededRandom } from './random.js';

export interface AppenderOptions {
  /** Tells it, and the stream of its own, from the others. */
  readonly name: string;
  /** Most requests without an answer. */
  readonly inFlight: number;
  /** Most bytes of data of an event. */
  readonly largestBytes: number;
  /** Called when a request was acknowledged. */
  readonly acknowledged: () => void;
  /** Called when a request was refused for the moment, with this code. */
  readonly putBack: (code: string) => void;
}

const SHARED_STREAMS = ['shared-0', 'shared-1', 'shared-2'];
/** Part of the unanswered requests that a client forgets about when it comes back, where nothing depends on them. */
const FORGOTTEN_SHARE = 0.2;
/** Pause before what was refused for want of space is tried again. */
const RETRY_PAUSE_MS = 50;
/** Answers after which it makes sense to send the same request again. */
const PASSING = new Set(['disk-full', 'too-many-requests']);
/** How much data all events of a request may have together, unless one may have more: with their headers a quarter of the smallest chunks, the server's limit. */
const REQUEST_BYTES_MAX = 50_000;

export class Appender {
  readonly #history: History;
  readonly #random: SeededRandom;
  readonly #options: AppenderOptions;
  readonly #writer = new FrameWriter();
  /** Sent and not answered, in the order of sending; by request id. */
  readonly #open = new Map<number, AppendRequest>();
  /** Refused for the moment. */
  #refused: AppendRequest[] = [];
  /** Requests that may be refused for their expected revision. */
  readonly #doubtful = new Set<AppendRequest>();
  /** Requests that must be. */
  readonly #wrong = new Set<AppendRequest>();
  readonly #known = new Set<string>();
  /** Revision of the last event sent to the stream of its own. */
  #ownRevision = -1;
  #isStopping = false;

  constructor(history: History, random: SeededRandom, options: AppenderOptions) {
    this.#history = history;
    this.#random = random;
    this.#options = options;
  }

  /** Appends to the node at `url` until it is told to stop or the connection is lost. Rejects at a wrong answer. */
  async run(url: string): Promise<void> {
    this.#isStopping = false;
    const client = await connect(url);
    if (client === undefined) return;
    try {
      this.#repeat();
      this.#flush(client);
      await this.#converse(client);
    } finally {
      client.socket.terminate();
    }
  }

  /** Sends nothing new; `run` resolves when all is answered. */
  stop(): void {
    this.#isStopping = true;
  }

  async #converse(client: RawClient): Promise<void> {
    for (;;) {
      if (this.#refused.length > 0 && this.#open.size === 0) await this.#tryAgain();
      else if (this.#refused.length === 0 && !this.#isStopping) this.#sendMore();
      this.#flush(client);
      if (this.#open.size === 0 && this.#isStopping && this.#refused.length === 0) return;
      const frame = await client.next();
      if (frame === undefined || isFarewell(frame)) return;
      this.#answer(frame);
    }
  }

  /** Repeats, in the old order, what the last connection left open; forgets some of it. */
  #repeat(): void {
    const open = [...this.#open.values(), ...this.#refused].sort((a, b) => a.number - b.number);
    this.#open.clear();
    this.#refused = [];
    for (const request of open) {
      const isChained = request.stream === this.#options.name;
      if (!isChained && this.#random.chance(FORGOTTEN_SHARE)) request.outcome = 'lost';
      else this.#write(request);
    }
  }

  async #tryAgain(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    for (const request of this.#refused.splice(0)) this.#write(request);
  }

  /** Fills the pipeline up when half of it is empty. */
  #sendMore(): void {
    const { inFlight } = this.#options;
    if (this.#open.size > inFlight / 2) return;
    while (this.#open.size < inFlight) this.#write(this.#invent());
  }

  #write(request: AppendRequest): void {
    request.outcome = 'open';
    request.attempts++;
    const requestId = request.number + 1;
    this.#open.set(requestId, request);
    writeAppend(this.#writer, this.#history.toAppend(request, requestId));
  }

  #flush(client: RawClient): void {
    if (this.#writer.length > 0) client.socket.send(this.#writer.take());
  }

  #invent(): AppendRequest {
    const random = this.#random;
    const { name } = this.#options;
    const sizes = this.#sizes();
    const kind = random.below(100);
    if (kind < 40) return this.#history.add(random.pick(SHARED_STREAMS), EXPECTED_REVISION.any, sizes);
    if (kind < 46) return this.#toKnown(sizes);
    if (kind < 54) return this.#race(sizes);
    if (kind < 60 && this.#known.has(name)) return this.#mistaken(sizes);
    const expected = this.#ownRevision;
    this.#ownRevision += sizes.length;
    return this.#history.add(name, expected, sizes);
  }

  #toKnown(sizes: readonly EventSize[]): AppendRequest {
    const stream = this.#random.pick(SHARED_STREAMS);
    const expected = this.#known.has(stream) ? EXPECTED_REVISION.streamExists : EXPECTED_REVISION.any;
    return this.#history.add(stream, expected, sizes);
  }

  /** Tries to be the one that begins a stream. */
  #race(sizes: readonly EventSize[]): AppendRequest {
    const stream = `race-${this.#history.requests.length >> 5}`;
    const request = this.#history.add(stream, EXPECTED_REVISION.noStream, sizes);
    this.#doubtful.add(request);
    return request;
  }

  #mistaken(sizes: readonly EventSize[]): AppendRequest {
    const expected = this.#random.chance(0.5) ? EXPECTED_REVISION.noStream : this.#ownRevision + 1_000_000;
    const request = this.#history.add(this.#options.name, expected, sizes);
    this.#wrong.add(request);
    return request;
  }

  /** Mostly one small event; sometimes many, sometimes large ones. */
  #sizes(): EventSize[] {
    const random = this.#random;
    const count = random.chance(0.8) ? 1 : random.chance(0.8) ? 2 + random.below(7) : 10 + random.below(50);
    const sizes: EventSize[] = [];
    let left = Math.max(REQUEST_BYTES_MAX, this.#options.largestBytes);
    for (let i = 0; i < count; i++) {
      const dataBytes = Math.min(left, this.#dataBytes());
      sizes.push({ metadataBytes: random.chance(0.3) ? random.below(60) : 0, dataBytes });
      left -= dataBytes;
    }
    return sizes;
  }

  #dataBytes(): number {
    const random = this.#random;
    const limit = random.chance(0.9) ? 300 : random.chance(0.9) ? 5_000 : this.#options.largestBytes;
    return random.below(Math.min(limit, this.#options.largestBytes) + 1);
  }

  #answer(frame: ReceivedFrame): void {
    const request = this.#open.get(frame.requestId);
    if (request === undefined) throw new Error(`an answer to ${frame.requestId}, which is not open`);
    this.#open.delete(frame.requestId);
    if (frame.opcode === OPCODE.appended) this.#acknowledge(request, frame);
    else this.#refuse(request, frame);
  }

  #acknowledge(request: AppendRequest, frame: ReceivedFrame): void {
    const decoded = decodeAppended(frame);
    if (decoded.kind === 'invalid') throw new Error(decoded.reason);
    if (this.#wrong.has(request)) throw new Error(`request ${request.number} ought to have been refused`);
    const { revision, position, duplicate } = decoded.frame;
    this.#history.acknowledge(request, revision, position, duplicate);
    this.#known.add(request.stream);
    this.#options.acknowledged();
  }

  #refuse(request: AppendRequest, frame: ReceivedFrame): void {
    const decoded = decodeError(frame);
    if (decoded.kind === 'invalid') throw new Error(decoded.reason);
    const { code = '', message } = decoded.frame;
    // Unknown outcome: it stays open until the next connection.
    if (code === 'shutting-down') this.#open.set(frame.requestId, request);
    else if (PASSING.has(code)) this.#putBack(request, code);
    else if (code !== 'wrong-expected-revision') throw new Error(`request ${request.number}: ${message}`);
    else if (this.#doubtful.has(request) || this.#wrong.has(request)) request.outcome = 'refused';
    // What builds on a request that was put back can't succeed before it.
    else if (this.#refused.length > 0) this.#putBack(request, code);
    else throw new Error(`request ${request.number} ought to have succeeded: ${message}`);
  }

  #putBack(request: AppendRequest, code: string): void {
    request.outcome = 'refused';
    this.#refused.push(request);
    this.#options.putBack(code);
  }
}

/** An Error about the connection, before the node closes it. */
function isFarewell({ opcode, requestId }: ReceivedFrame): boolean {
  return opcode === OPCODE.error && requestId === 0;
}

/** Undefined if the node is gone already. */
async function connect(url: string): Promise<RawClient | undefined> {
  try {
    return (await RawClient.greeted(url)).client;
  } catch {
    return undefined;
  }
}
