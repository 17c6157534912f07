/**
 * Appends over ws: nodes in processes of their own (or some that run already), driven by the client library as an application
 * would use it, one promise per request. Client and nodes share the machine. Main thread.
 */
import { CairnError } from '../src/base/errors.js';
import { type Client, connect, type NewEvent } from '../src/client/client.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';
import { openNodes } from './bench-nodes.js';
import { GRACE_MS } from './load.js';
import { readMetrics } from './node-info.js';
import type { AppendOptions, RunOptions } from './options.js';
import { benchData, EVENT_TYPE, randomSalt, streamName } from './request-frames.js';
import { recordBytesOf } from './row.js';
import type { Metrics } from './statistics/metrics-text.js';
import { type AppendTarget, type BenchNodes, type Completed, unattached } from './target.js';

class WsTarget implements AppendTarget {
  readonly recordBytes: number;
  completed: Completed = unattached;
  firstError: CairnError | undefined;
  readonly #nodes: BenchNodes;
  readonly #clients: readonly Client[];
  readonly #streams: readonly string[];
  readonly #events: readonly NewEvent[];
  /** What happens to a slot's answer: made once, not for each request. */
  readonly #succeed: readonly (() => void)[];
  readonly #fail: readonly ((error: unknown) => void)[];
  #nextStream = 0;

  constructor(nodes: BenchNodes, clients: readonly Client[], options: AppendOptions) {
    const salt = randomSalt();
    const slots = Array.from({ length: options.inFlight }, (_, slot) => slot);
    this.#nodes = nodes;
    this.#clients = clients;
    this.#streams = Array.from({ length: options.streams }, (_, index) => streamName(salt, index));
    this.#events = benchEvents(options.eventsPerRequest, options.eventBytes);
    this.recordBytes = recordBytesOf(this.#streams[0]!.length, EVENT_TYPE.length, options.eventBytes);
    this.#succeed = slots.map((slot) => () => this.completed(slot, true));
    this.#fail = slots.map((slot) => (error) => this.#failed(slot, error));
  }

  submit(slot: number): void {
    const stream = this.#streams[this.#nextStream]!;
    this.#nextStream = this.#nextStream + 1 === this.#streams.length ? 0 : this.#nextStream + 1;
    const client = this.#clients[slot % this.#clients.length]!;
    client.append(stream, this.#events).then(this.#succeed[slot]!, this.#fail[slot]!);
  }

  writerTotals(): Promise<WriterStatistics> {
    return this.#nodes.writerTotals();
  }

  metrics(): Promise<Metrics> {
    return readMetrics(this.#nodes.url);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#nodes.stop();
  }

  #failed(slot: number, error: unknown): void {
    // Anything else is a bug, of the client's or ours: it must not count as an answer.
    if (!(error instanceof CairnError)) throw error;
    this.firstError ??= error;
    this.completed(slot, false);
  }
}

/** Starts nodes below `folder`, or takes those at `--url`, and connects to the one that takes appends. */
export async function openWsTarget(options: AppendOptions, folder: string): Promise<AppendTarget> {
  const nodes = await openNodes(options, folder);
  try {
    return new WsTarget(nodes, await connectAll(nodes.url, options), options);
  } catch (error) {
    await nodes.stop();
    throw error;
  }
}

/** The run's connections. A lost one is an error to be shown, not to be mended. */
export function connectAll(url: string, options: RunOptions): Promise<Client[]> {
  const { connections, inFlight, eventBytes, eventsPerRequest } = options;
  // The queue counts some hundreds of bytes besides the events for each request.
  const maxQueuedBytes = 1024 * 1024 + 2 * inFlight * (1024 + eventsPerRequest * (eventBytes + 64));
  const settings = {
    name: 'cairn bench',
    reconnect: false,
    discover: false,
    requestTimeoutMs: GRACE_MS,
    maxQueuedBytes,
  } as const;
  return Promise.all(Array.from({ length: connections }, () => connect(url, settings)));
}

/** What a request appends. The client gives each event an id when it is sent. */
export function benchEvents(count: number, eventBytes: number): NewEvent[] {
  const data = benchData(eventBytes);
  return Array.from({ length: count }, () => ({ type: EVENT_TYPE, data }));
}
