/**
 * Appends over ws: a node in a process of its own (or one that runs already), driven by the client library as an application
 * would use it, one promise per request. Client and node share the machine. Main thread.
 */
import { join } from 'node:path';
import { CairnError } from '../src/base/errors.js';
import { type Client, connect, type NewEvent } from '../src/client/client.js';
import { GRACE_MS } from './load.js';
import { type BenchNode, runningNode, startNodeProcess } from './node-process.js';
import type { AppendOptions, RunOptions } from './options.js';
import { benchData, EVENT_TYPE, randomSalt, streamName } from './request-frames.js';
import { recordBytesOf } from './row.js';
import { type AppendTarget, type Completed, unattached, type WriterBytes } from './target.js';

class WsTarget implements AppendTarget {
  readonly recordBytes: number;
  completed: Completed = unattached;
  firstError: CairnError | undefined;
  readonly #node: BenchNode;
  readonly #clients: readonly Client[];
  readonly #streams: readonly string[];
  readonly #events: readonly NewEvent[];
  /** What happens to a slot's answer: made once, not for each request. */
  readonly #succeed: readonly (() => void)[];
  readonly #fail: readonly ((error: unknown) => void)[];
  #nextStream = 0;

  constructor(node: BenchNode, clients: readonly Client[], options: AppendOptions) {
    const salt = randomSalt();
    const slots = Array.from({ length: options.inFlight }, (_, slot) => slot);
    this.#node = node;
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

  writerBytes(): Promise<WriterBytes> {
    return this.#node.writerBytes();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#node.stop();
  }

  #failed(slot: number, error: unknown): void {
    // Anything else is a bug, of the client's or ours: it must not count as an answer.
    if (!(error instanceof CairnError)) throw error;
    this.firstError ??= error;
    this.completed(slot, false);
  }
}

/** Starts a node below `folder`, or takes the one at `--url`, and connects to it. */
export async function openWsTarget(options: AppendOptions, folder: string): Promise<AppendTarget> {
  const node = await openNode(options, folder);
  try {
    return new WsTarget(node, await connectAll(node, options), options);
  } catch (error) {
    await node.stop();
    throw error;
  }
}

/** The node of a run. */
export function openNode({ url, syncMode }: RunOptions, folder: string): Promise<BenchNode> {
  return url === undefined
    ? startNodeProcess(join(folder, 'data'), syncMode)
    : Promise.resolve(runningNode(url));
}

/** The run's connections. A lost one is an error to be shown, not to be mended. */
export function connectAll(node: BenchNode, options: RunOptions): Promise<Client[]> {
  const { connections, inFlight, eventBytes, eventsPerRequest } = options;
  // The queue counts some hundreds of bytes besides the events for each request.
  const maxQueuedBytes = 1024 * 1024 + 2 * inFlight * (1024 + eventsPerRequest * (eventBytes + 64));
  const settings = {
    name: 'cairn bench',
    reconnect: false,
    requestTimeoutMs: GRACE_MS,
    maxQueuedBytes,
  } as const;
  return Promise.all(Array.from({ length: connections }, () => connect(node.url, settings)));
}

/** What a request appends. The client gives each event an id when it is sent. */
export function benchEvents(count: number, eventBytes: number): NewEvent[] {
  const data = benchData(eventBytes);
  return Array.from({ length: count }, () => ({ type: EVENT_TYPE, data }));
}
