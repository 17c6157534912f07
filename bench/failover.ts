/**
 * `cairn bench failover`: takes the leader away from a cluster under a light load, again and again, and measures how long it is until an
 * append is acknowledged that was sent after that. Main thread.
 */
import type { Disk } from '../src/base/ports.js';
import { Cluster } from './cluster.js';
import type { FailoverOptions } from './cluster-options.js';
import { FailoverWriter } from './failover-writer.js';
import { probeDisk } from './probe.js';
import { rounded } from './rounded.js';
import { withScratchFolder } from './scratch-folder.js';
import { median } from './statistics/spread.js';
import { type FailoverRow, troubleFields } from './trouble-rows.js';

/** Acknowledged appends between one run and the next: everybody is at work again. */
const ACKS_BETWEEN = 50;

/** Runs one row. Throws `CairnError` if nothing can be measured. */
export async function runFailover(options: FailoverOptions, disk: Disk): Promise<FailoverRow> {
  const { nodes, syncMode, how, runs, rate, eventBytes, directory } = options;
  return await withScratchFolder(directory, async (folder) => {
    const probe = probeDisk(disk, folder, syncMode);
    const cluster = await Cluster.start({ folder, nodes, syncMode });
    const writer = new FailoverWriter(cluster.urls, rate, eventBytes);
    const samples: number[] = [];
    try {
      while (samples.length < runs) {
        await writer.more(ACKS_BETWEEN);
        samples.push(await loseLeader(cluster, writer, how));
      }
    } finally {
      // The nodes first: what they have not answered by then is of no interest.
      await cluster.stop();
      await writer.stop();
    }
    const samplesMs = samples.map((ms) => rounded(ms, 1));
    const [medianMs, maxMs] = [rounded(median(samples), 1), Math.max(...samplesMs)];
    const own = { how, runs, medianMs, maxMs, samplesMs, acknowledged: writer.acknowledged };
    return { bench: 'failover', ...troubleFields(options, probe), ...own };
  });
}

/** Returns the milliseconds without a leader; resolves when the lost one follows again. */
async function loseLeader(
  cluster: Cluster,
  writer: FailoverWriter,
  how: FailoverOptions['how'],
): Promise<number> {
  const lost = cluster.leader;
  const node = cluster.node(lost);
  const ack = writer.firstAck();
  if (how === 'kill') node.kill();
  else node.pause();
  const ms = await ack;
  if (how === 'kill') await cluster.restart(lost);
  else node.resume();
  await Promise.race([cluster.untilSettled(), writer.failure]);
  return ms;
}
