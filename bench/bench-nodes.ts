/**
 * What a run over connections is pointed at: a node or a cluster of its own, started below the run's folder, or nodes that run
 * already. Main thread.
 */
import { join } from 'node:path';
import { Cluster } from './cluster.js';
import { readInfo, readWriterTotals } from './node-info.js';
import { NodeProcess } from './node-process.js';
import type { RunOptions } from './options.js';
import type { BenchNodes } from './target.js';

/** Starts the nodes of a run, or finds those that run already. */
export async function openNodes(options: RunOptions, folder: string): Promise<BenchNodes> {
  const { urls, nodes, syncMode, profileWrites } = options;
  if (urls.length > 0) return await runningNodes(urls);
  const flags = profileWrites === true ? ['--profile-writes'] : [];
  if (nodes > 1) {
    return await Cluster.start({
      folder,
      nodes,
      syncMode,
      flags: Array.from({ length: nodes }, () => flags),
    });
  }
  const node = await NodeProcess.start({ folder: join(folder, 'data'), port: 0, syncMode, flags });
  return { url: node.url, writerTotals: () => readWriterTotals([node.url]), stop: () => node.stop() };
}

/** They are not ours to stop. Clients go to the leader if it is among them, else to the first. */
async function runningNodes(urls: readonly string[]): Promise<BenchNodes> {
  const infos = urls.length === 1 ? [] : await Promise.all(urls.map((url) => readInfo(url)));
  const leader = infos.findIndex((info) => info?.role === 'leader');
  return {
    url: urls[Math.max(0, leader)]!,
    writerTotals: () => readWriterTotals(urls),
    stop: () => Promise.resolve(),
  };
}
