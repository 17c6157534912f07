/** What a node says about itself at `GET /info` and `GET /metrics`, as far as a run looks at it. Main thread. */
import { CairnError } from '../src/base/errors.js';
import { clientUrl } from '../src/client/address.js';
import type { NodeStatus } from '../src/net/node-port.js';
import { NOTHING_WRITTEN, type WriterStatistics } from '../src/ring/writer-statistics.js';
import { type Metrics, parseMetrics } from './statistics/metrics-text.js';

export type NodeInfo = Pick<
  NodeStatus,
  'role' | 'leader' | 'epoch' | 'durable' | 'committed' | 'writer' | 'isReady'
>;

/** A node that is alive answers in milliseconds, also while it is busy. */
const ANSWER_TIMEOUT_MS = 1_000;

/** Asks the node at `url`; undefined if there is no answer. */
export async function readInfo(url: string): Promise<NodeInfo | undefined> {
  const text = await readText(url, '/info');
  return text === undefined ? undefined : (JSON.parse(text) as NodeInfo);
}

/** What the node at `url` measures; nothing if there is no answer. */
export async function readMetrics(url: string): Promise<Metrics> {
  return parseMetrics((await readText(url, '/metrics')) ?? '');
}

async function readText(url: string, path: string): Promise<string | undefined> {
  const address = new URL(path, clientUrl(url).replace(/^ws/, 'http'));
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return await response.text();
  } catch {
    // Whatever it is that keeps it from answering: who asks decides what that means.
    return undefined;
  }
}

/** What the writers of all these nodes have counted, in sum: each node writes each record once. */
export async function readWriterTotals(urls: readonly string[]): Promise<WriterStatistics> {
  let sum = NOTHING_WRITTEN;
  for (const url of urls) {
    const info = await readInfo(url);
    if (info === undefined)
      throw new CairnError('timeout', `${url} does not say what it has written`, { url });
    sum = sumOf(sum, info.writer);
  }
  return sum;
}

function sumOf(one: WriterStatistics, other: WriterStatistics): WriterStatistics {
  return {
    batches: one.batches + other.batches,
    recordBytes: one.recordBytes + other.recordBytes,
    diskBytes: one.diskBytes + other.diskBytes,
    writeMs: one.writeMs + other.writeMs,
    syncMs: one.syncMs + other.syncMs,
    chunks: one.chunks + other.chunks,
    batchSizes: one.batchSizes.map((batches, index) => batches + other.batchSizes[index]!),
  };
}
