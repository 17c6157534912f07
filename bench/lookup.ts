/**
 * `cairn bench lookup`: fills a log in this process, and at each size that is asked for waits until the index has its segments, starts the
 * engine anew, and looks streams up: the last event of a random one, many at a time. Main thread.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../src/base/assert.js';
import { connect } from '../src/client/client.js';
import type { Engine } from '../src/node/engine.js';
import { bytesOf, filesIn, fillLog, openLog } from './filled-log.js';
import { LatencyHistogram } from './latency-histogram.js';
import { nowUs } from './load.js';
import { NodeProcess } from './node-process.js';
import { randomSalt, streamName } from './request-frames.js';
import { rounded } from './rounded.js';

export interface LookupOptions {
  /** Ascending. */
  readonly events: readonly number[];
  readonly streams: number;
  readonly eventBytes: number;
  readonly seconds: number;
}

export interface LookupRow {
  readonly bench: 'lookup';
  readonly events: number;
  readonly streams: number;
  readonly eventBytes: number;
  /** How fast the log was filled up to here. */
  readonly eventsPerSecond: number;
  readonly segments: number;
  /** Of the segments, and of the files with event ids. */
  readonly indexBytesPerEvent: number;
  readonly eventIdBytesPerEvent: number;
  /** From opening the folder to taking appends. */
  readonly restartMs: number;
  /** Of a node as users run it, killed before: from its start to its first acknowledged append, and its memory then; 0 where the system doesn't tell. */
  readonly nodeRestartMs: number;
  readonly nodeBytes: number;
  /** With a page cache that holds what is asked for. */
  readonly hotPerSecond: number;
  readonly hotP50Us: number;
  readonly hotP99Us: number;
  /** With the least page cache: every lookup reads pages from the files, which the system may have in memory. */
  readonly coldPerSecond: number;
  readonly coldP50Us: number;
  readonly coldP99Us: number;
}

const LOOKUPS_IN_FLIGHT = 64;
const MIB = 1024 * 1024;

/** Runs all sizes, one after the other, on one log. Throws `CairnError` if the engine can't be opened or filled. */
export async function* runLookup(options: LookupOptions, folder: string): AsyncGenerator<LookupRow> {
  const data = join(folder, 'data');
  const salt = randomSalt();
  let before = 0;
  for (const events of options.events) {
    const eventsPerSecond = await fillLog(data, events - before, { ...options, salt });
    before = events;
    yield { ...(await measure(data, events, options, salt)), eventsPerSecond };
  }
}

async function measure(folder: string, events: number, options: LookupOptions, salt: number) {
  const { streams, eventBytes } = options;
  const index = join(folder, 'index');
  const segments = filesIn(index).filter((name) => name.startsWith('segment-'));
  const eventIds = filesIn(index).filter((name) => name.startsWith('ids-'));
  const beganMs = performance.now();
  const engine = await openLog(folder);
  const restartMs = rounded(performance.now() - beganMs, 0);
  // Once for the pages, and once for the figures.
  await lookups(engine, options, salt);
  const hot = await lookups(engine, options, salt);
  await engine.stop();
  const coldEngine = await openLog(folder, MIB);
  const cold = await lookups(coldEngine, options, salt);
  await coldEngine.stop();
  return {
    bench: 'lookup' as const,
    ...{ events, streams, eventBytes, restartMs },
    ...(await restartNode(folder)),
    segments: segments.length,
    indexBytesPerEvent: rounded(bytesOf(index, segments) / events, 2),
    eventIdBytesPerEvent: rounded(bytesOf(index, eventIds) / events, 2),
    hotPerSecond: rounded(hot.count / options.seconds, 0),
    hotP50Us: hot.percentileUs(50),
    hotP99Us: hot.percentileUs(99),
    coldPerSecond: rounded(cold.count / options.seconds, 0),
    coldP50Us: cold.percentileUs(50),
    coldP99Us: cold.percentileUs(99),
  };
}

/** Twice: the first time it adopts the folder, and writes what a node has besides a log. */
async function restartNode(folder: string): Promise<Pick<LookupRow, 'nodeRestartMs' | 'nodeBytes'>> {
  await killedNode(folder);
  return await killedNode(folder);
}

async function killedNode(folder: string): Promise<Pick<LookupRow, 'nodeRestartMs' | 'nodeBytes'>> {
  const beganMs = performance.now();
  const node = await NodeProcess.start({ folder, port: 0, syncMode: 'fdatasync' });
  const client = await connect(node.url);
  await client.append('bench-restarts', { type: 'Restarted', data: '' });
  const nodeRestartMs = rounded(performance.now() - beganMs, 0);
  const nodeBytes = residentBytes(node.pid);
  await client.close();
  node.kill();
  await node.ended();
  return { nodeRestartMs, nodeBytes };
}

function residentBytes(pid: number): number {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return 0;
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8')) ?? [];
  return 1024 * Number(kib ?? 0);
}

async function lookups(engine: Engine, options: LookupOptions, salt: number): Promise<LatencyHistogram> {
  const latency = new LatencyHistogram();
  const untilMs = performance.now() + 1000 * options.seconds;
  const lane = async () => {
    while (performance.now() < untilMs) {
      const name = streamName(salt, Math.floor(Math.random() * options.streams));
      const stream = Buffer.from(name);
      const askedUs = nowUs();
      const { head } = await engine.store!.indexer.lookup({
        ...{ stream, direction: 'backwards', from: Number.POSITIVE_INFINITY, eventsMax: 1, bytesMax: 1 },
      });
      latency.record(nowUs() - askedUs);
      assert(head >= 0 || options.streams > options.events[0]!, 'every stream was written to');
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_IN_FLIGHT }, lane));
  return latency;
}
