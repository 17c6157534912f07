/** What a node says about itself at `GET /info`, as far as a run looks at it. Main thread. */
import { CairnError } from '../src/base/errors.js';
import { clientUrl } from '../src/client/address.js';
import type { NodeStatus } from '../src/net/node-port.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';

export type NodeInfo = Pick<
  NodeStatus,
  'role' | 'leader' | 'epoch' | 'durable' | 'committed' | 'writer' | 'isReady'
>;

/** A node that is alive answers in milliseconds, also while it is busy. */
const INFO_TIMEOUT_MS = 1_000;

/** Asks the node at `url`; undefined if there is no answer. */
export async function readInfo(url: string): Promise<NodeInfo | undefined> {
  const address = new URL('/info', clientUrl(url).replace(/^ws/, 'http'));
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(INFO_TIMEOUT_MS) });
    return (await response.json()) as NodeInfo;
  } catch {
    // Whatever it is that keeps it from answering: who asks decides what that means.
    return undefined;
  }
}

/** What the writers of all these nodes have counted, in sum: each node writes each record once. */
export async function readWriterTotals(urls: readonly string[]): Promise<WriterStatistics> {
  const sum = { batches: 0, recordBytes: 0, diskBytes: 0, writeMs: 0, syncMs: 0, chunks: 0 };
  for (const url of urls) {
    const info = await readInfo(url);
    if (info === undefined)
      throw new CairnError('timeout', `${url} does not say what it has written`, { url });
    for (const name of Object.keys(sum) as (keyof WriterStatistics)[]) sum[name] += info.writer[name];
  }
  return sum;
}
