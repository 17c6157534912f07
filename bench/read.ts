/**
 * `cairn bench read`: probes the disk, fills a node with events, then reads a stream or the whole log over ws, again and again
 * until the time is over, and makes a row of what came. Main thread.
 */
import { assert } from '../src/base/assert.js';
import type { Disk } from '../src/base/ports.js';
import type { Client } from '../src/client/client.js';
import { openNodes } from './bench-nodes.js';
import { fill } from './fill.js';
import { LatencyHistogram } from './latency-histogram.js';
import { nowUs } from './load.js';
import type { ReadOptions } from './options.js';
import { probeDisk } from './probe.js';
import { EVENT_TYPE, randomSalt, streamName } from './request-frames.js';
import { type BenchRow, makeRow, recordBytesOf } from './row.js';
import { withScratchFolder } from './scratch-folder.js';
import { amplification, type BenchNodes } from './target.js';
import { connectAll } from './ws-target.js';

/** Appends under way while filling: with some tens of events in each, what a node takes in is not limited by it. */
const FILLING_IN_FLIGHT = 64;

/** Runs one row. Throws `CairnError` if the node can't be started, filled or read. */
export async function runRead(options: ReadOptions, disk: Disk): Promise<BenchRow> {
  return await withScratchFolder(options.directory, async (folder) => {
    const probe = probeDisk(disk, folder, options.syncMode);
    const nodes = await openNodes(options, folder);
    let clients: readonly Client[] = [];
    try {
      clients = await connectAll(nodes.url, { ...options, inFlight: FILLING_IN_FLIGHT });
      const filled = await fillCounted(nodes, clients[0]!, options);
      const read = new TimedRead(options, filled.streams[0]!);
      await Promise.all(
        Array.from({ length: options.inFlight }, (_, i) => read.run(clients[i % clients.length]!)),
      );
      const measured = {
        events: read.events,
        errors: 0,
        seconds: options.seconds,
        latency: read.latency,
        recordBytes: recordBytesOf(filled.streams[0]!.length, EVENT_TYPE.length, options.eventBytes),
        diskBytesPerRecordByte: filled.diskBytesPerRecordByte,
      };
      return makeRow({ bench: 'read', source: options.source, rate: 0 }, options, probe, measured);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await nodes.stop();
    }
  });
}

interface Filled {
  readonly streams: readonly string[];
  readonly diskBytesPerRecordByte: number;
}

async function fillCounted(nodes: BenchNodes, client: Client, options: ReadOptions): Promise<Filled> {
  const salt = randomSalt();
  const streams = Array.from({ length: options.streams }, (_, index) => streamName(salt, index));
  const before = await nodes.writerTotals();
  await fill(client, streams, { ...options, inFlight: FILLING_IN_FLIGHT });
  return { streams, diskBytesPerRecordByte: amplification(before, await nodes.writerTotals()) };
}

/** Readers that share a clock: what arrives between warm-up and end counts. */
class TimedRead {
  readonly latency = new LatencyHistogram();
  /** Events that arrived while measuring. */
  events = 0;
  readonly #options: ReadOptions;
  readonly #stream: string;
  readonly #fromUs: number;
  readonly #toUs: number;

  constructor(options: ReadOptions, stream: string) {
    this.#options = options;
    this.#stream = stream;
    this.#fromUs = nowUs() + options.warmupSeconds * 1e6;
    this.#toUs = this.#fromUs + options.seconds * 1e6;
  }

  /** Reads everything, again and again, until the time is over. */
  async run(client: Client): Promise<void> {
    while (nowUs() < this.#toUs) await this.#pass(client);
  }

  async #pass(client: Client): Promise<void> {
    const { source, urls, events, eventBytes } = this.#options;
    const read = source === 'stream' ? client.readStream(this.#stream) : client.readAll();
    const batches = read.batches();
    let seen = 0;
    let dataBytes = 0;
    for (;;) {
      const askedUs = nowUs();
      const { done, value } = await batches.next();
      const cameUs = nowUs();
      if (done === true) break;
      if (cameUs >= this.#toUs) {
        await batches.return?.();
        return;
      }
      // Every event is looked at, as a reader would.
      for (const event of value) dataBytes += event.dataLength;
      seen += value.length;
      if (cameUs < this.#fromUs) continue;
      this.events += value.length;
      this.latency.record(cameUs - askedUs);
    }
    // In a node of our own there is nothing else.
    const isAll = urls.length > 0 || (seen === events && dataBytes === events * eventBytes);
    assert(isAll, `a pass over ${events} events of ${eventBytes} bytes gave ${seen} with ${dataBytes} bytes`);
  }
}
