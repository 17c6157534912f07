/**
 * An application that knows all nodes of a cluster and will not be stopped by the loss of one: an append every few milliseconds, to the nodes in
 * turn, each again at the next node, with the same event id, until it is acknowledged. Says when the first append that was sent after a
 * given moment was acknowledged. Main thread.
 */
import { randomUUID } from 'node:crypto';
import { CairnError, type ErrorCode } from '../src/base/errors.js';
import { type Client, connect, type NewEvent } from '../src/client/client.js';
import { randomSalt, streamName } from './request-frames.js';
import { benchEvents } from './ws-target.js';

const STREAMS = 16;
/** More unanswered appends to a node than this are left to others: it is silent. */
const OPEN_MAX = 64;
/** A node that doesn't answer is not waited for longer than this; in an election, followers hold an append for two seconds. */
const REQUEST_TIMEOUT_MS = 5_000;

/** With these an append may be, or was, without effect: it is sent again. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'no-leader',
  'not-leader',
  'no-quorum',
  'not-ready',
  'outcome-unknown',
  'shutting-down',
  'connection-lost',
  'connection-refused',
  'timeout',
]);

interface Write {
  readonly stream: string;
  readonly event: NewEvent;
  readonly firstSentMs: number;
}

/** The way to one node. */
interface Lane {
  readonly url: string;
  client: Client | undefined;
  isConnecting: boolean;
  open: number;
}

interface Wait {
  readonly sinceMs: number;
  readonly resolve: (ms: number) => void;
}

export class FailoverWriter {
  readonly #lanes: readonly Lane[];
  readonly #streams: readonly string[];
  readonly #data: NewEvent;
  readonly #timer: NodeJS.Timeout;
  readonly #failed: (error: unknown) => void;
  /** Rejects with what is no passing trouble. */
  readonly failure: Promise<never>;
  #again: Write[] = [];
  #started = 0;
  #acknowledged = 0;
  #turn = 0;
  #waits: Wait[] = [];
  #isStopped = false;

  /** Starts at once. */
  constructor(urls: readonly string[], ratePerSecond: number, eventBytes: number) {
    const salt = randomSalt();
    this.#lanes = urls.map((url) => ({ url, client: undefined, isConnecting: false, open: 0 }));
    this.#streams = Array.from({ length: STREAMS }, (_, index) => streamName(salt, index));
    this.#data = benchEvents(1, eventBytes)[0]!;
    let failed: (error: unknown) => void = () => undefined;
    this.failure = new Promise<never>((_, reject) => {
      failed = reject;
    });
    // Whoever waits for something here races with it; if nobody does, nothing is wrong yet.
    this.failure.catch(() => undefined);
    this.#failed = failed;
    this.#timer = setInterval(() => this.#next(), 1000 / ratePerSecond);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Resolves to the milliseconds from now to the first acknowledgement of an append that is sent from now on. */
  firstAck(): Promise<number> {
    const ack = new Promise<number>((resolve) => this.#waits.push({ sinceMs: performance.now(), resolve }));
    return Promise.race([ack, this.failure]);
  }

  /** Resolves when so many more appends are acknowledged. */
  async more(count: number): Promise<void> {
    const target = this.#acknowledged + count;
    while (this.#acknowledged < target) await this.firstAck();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await Promise.all(this.#lanes.map(({ client }) => client?.close()));
  }

  #next(): void {
    for (const lane of this.#lanes)
      if (lane.client === undefined && !lane.isConnecting) void this.#connect(lane);
    const lane = this.#nextLane();
    if (lane === undefined) return;
    const write = this.#again.shift() ?? this.#newWrite();
    void this.#send(lane, lane.client!, write);
  }

  #nextLane(): Lane | undefined {
    for (let tried = 0; tried < this.#lanes.length; tried++) {
      const lane = this.#lanes[this.#turn++ % this.#lanes.length]!;
      if (lane.client !== undefined && lane.open < OPEN_MAX) return lane;
    }
    return undefined;
  }

  #newWrite(): Write {
    const stream = this.#streams[this.#started++ % STREAMS]!;
    return { stream, event: { ...this.#data, id: randomUUID() }, firstSentMs: performance.now() };
  }

  async #connect(lane: Lane): Promise<void> {
    lane.isConnecting = true;
    try {
      const options = {
        name: 'cairn bench',
        reconnect: false,
        discover: false,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
      } as const;
      const client = await connect(lane.url, options);
      if (this.#isStopped) await client.close();
      else lane.client = client;
    } catch (error) {
      this.#judge(error);
    }
    lane.isConnecting = false;
  }

  async #send(lane: Lane, client: Client, write: Write): Promise<void> {
    lane.open++;
    try {
      await client.append(write.stream, write.event);
      this.#acked(write);
    } catch (error) {
      this.#judge(error);
      this.#again.push(write);
      // A connection on which an append was turned away takes no more of them.
      if (lane.client === client) lane.client = undefined;
      void client.close();
    }
    lane.open--;
  }

  #acked({ firstSentMs }: Write): void {
    this.#acknowledged++;
    const nowMs = performance.now();
    const [due, rest] = [this.#waits.filter((wait) => firstSentMs > wait.sinceMs), this.#waits];
    if (due.length === 0) return;
    this.#waits = rest.filter((wait) => !due.includes(wait));
    for (const { sinceMs, resolve } of due) resolve(nowMs - sinceMs);
  }

  #judge(error: unknown): void {
    if (!(error instanceof CairnError && PASSING.has(error.code))) this.#failed(error);
  }
}
