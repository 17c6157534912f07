/**
 * `cairn bench subscribe`: many live subscribers on nodes of its own; how many events a second reach them, how long after the answer to the append, and
 * what they cost a writer, idle or not. Writer, subscribers and nodes share the machine. Main thread.
 */
import { assert } from '../src/base/assert.js';
import type { Disk } from '../src/base/ports.js';
import type { Client, EventRead } from '../src/client/client.js';
import { openNodes } from './bench-nodes.js';
import { ClosedLoop } from './closed-loop.js';
import { LatencyHistogram } from './latency-histogram.js';
import { nowUs } from './load.js';
import { probeDisk } from './probe.js';
import { randomSalt, streamName } from './request-frames.js';
import { withScratchFolder } from './scratch-folder.js';
import { SteadyLoad } from './steady-load.js';
import { type SubscribeOptions, type SubscribeRow, subscribeRow } from './subscribe-row.js';
import { benchEvents, connectAll } from './ws-target.js';

/** Runs one row. Throws `CairnError` if the nodes can't be started, written or followed. */
export async function runSubscribe(options: SubscribeOptions, disk: Disk): Promise<SubscribeRow> {
  return await withScratchFolder(options.directory, async (folder) => {
    const probe = probeDisk(disk, folder, options.syncMode);
    const nodes = await openNodes(options, folder);
    let clients: readonly Client[] = [];
    try {
      clients = await connectAll(nodes.url, { ...options, connections: options.connections + 1 });
      const [writer, ...followers] = clients;
      const run = new SubscribeRun(options, writer!, followers);
      return subscribeRow(options, probe, await run.measure());
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await nodes.stop();
    }
  });
}

class SubscribeRun {
  readonly #options: SubscribeOptions;
  readonly #writer: Client;
  readonly #followers: readonly Client[];
  readonly #streams: readonly string[];
  /** When appends were answered, by position. */
  readonly #answeredUs = new Map<number, number>();
  #latency = new LatencyHistogram();
  #deliveries = 0;

  constructor(options: SubscribeOptions, writer: Client, followers: readonly Client[]) {
    const salt = randomSalt();
    this.#options = options;
    this.#writer = writer;
    this.#followers = followers;
    this.#streams = Array.from({ length: options.streams }, (_, index) => streamName(salt, index));
  }

  async measure() {
    const before = await this.#appendRate();
    const idle = await this.#follow(
      (client, i) => client.subscribe(`idle-${i}`),
      () => undefined,
    );
    const idleRate = await this.#appendRate();
    await idle.end();
    // Before and after: a node that has just begun is slower.
    const aloneRate = (before + (await this.#appendRate())) / 2;
    return { ...(await this.#deliver()), aloneRate, idleRate };
  }

  /** Appends a second, as fast as answers come. */
  async #appendRate(): Promise<number> {
    const { inFlight, warmupSeconds, seconds, eventBytes } = this.#options;
    const [event] = benchEvents(1, eventBytes);
    let next = 0;
    const plan = { inFlight, warmupUs: warmupSeconds * 1e6, measureUs: seconds * 1e6 };
    const load = new ClosedLoop(plan, (slot) => {
      const stream = this.#streams[next++ % this.#streams.length]!;
      this.#writer.append(stream, event!).then(
        () => load.completed(slot, true),
        () => load.completed(slot, false),
      );
    });
    const result = await load.run();
    assert(result.errors === 0, 'a node of our own takes every append');
    return result.requests / result.seconds;
  }

  /** A steady load, and what comes of it to all subscribers. */
  async #deliver() {
    const { source, rate, eventBytes, warmupSeconds, seconds } = this.#options;
    const follow = (client: Client, i: number): EventRead =>
      source === 'all'
        ? client.subscribeAll({ from: 'end' })
        : client.subscribe(this.#streams[i % this.#streams.length]!, { from: 'end' });
    const following = await this.#follow(follow, (position) => this.#delivered(position));
    const load = new SteadyLoad(this.#writer, rate, eventBytes, {
      streams: this.#streams,
      answered: ({ position }) => this.#answeredUs.set(position, nowUs()),
    });
    await passed(warmupSeconds);
    this.#latency = new LatencyHistogram();
    this.#deliveries = 0;
    const fromUs = nowUs();
    const window = load.window();
    await passed(seconds);
    const measured = {
      seconds: (nowUs() - fromUs) / 1e6,
      deliveries: this.#deliveries,
      latency: this.#latency,
    };
    load.stop();
    await window.answered();
    await following.end();
    return { ...measured, appends: window.latency };
  }

  #delivered(position: number): void {
    const answeredUs = this.#answeredUs.get(position);
    this.#deliveries++;
    this.#latency.record(answeredUs === undefined ? 0 : nowUs() - answeredUs);
  }

  /** Resolves when all subscribers have caught up. */
  async #follow(
    open: (client: Client, index: number) => EventRead,
    delivered: (position: number) => void,
  ): Promise<{ end(): Promise<void> }> {
    const count = this.#options.subscribers;
    const iterators = Array.from({ length: count }, (_, i) =>
      open(this.#followers[i % this.#followers.length]!, i).messages(),
    );
    let over: Promise<unknown> | undefined;
    await new Promise<void>((resolve, reject) => {
      let behind = count;
      const consume = async (messages: (typeof iterators)[number]) => {
        for await (const message of messages) {
          if (message.kind === 'events') for (const { position } of message.events) delivered(position);
          else if (message.kind === 'caught-up' && --behind === 0) resolve();
        }
      };
      over = Promise.all(iterators.map(consume));
      over.catch(reject);
    });
    const end = async () => {
      await Promise.all(iterators.map((iterator) => iterator.return?.()));
      await over;
    };
    return { end };
  }
}

function passed(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
