/**
 * `cairn bench slow-follower`: what clients notice of one follower whose disk takes hundreds of milliseconds for each sync, by a steady load
 * without and with it. Main thread.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Disk } from '../src/base/ports.js';
import { connect } from '../src/client/client.js';
import { Cluster } from './cluster.js';
import type { SlowFollowerOptions } from './cluster-options.js';
import type { LatencyHistogram } from './latency-histogram.js';
import { probeDisk } from './probe.js';
import { withScratchFolder } from './scratch-folder.js';
import { slowDisk, whyNoSlowDisk } from './slow-disk.js';
import { SteadyLoad } from './steady-load.js';
import { compared, type SkippedRow, type SlowFollowerRow, troubleFields } from './trouble-rows.js';

/** Runs one row. Throws `CairnError` if nothing can be measured. */
export async function runSlowFollower(
  options: SlowFollowerOptions,
  disk: Disk,
): Promise<SlowFollowerRow | SkippedRow> {
  const skipped =
    options.syncMode === 'fdatasync' ? whyNoSlowDisk() : 'only --sync-mode fdatasync can be held up';
  if (skipped !== undefined) return { bench: 'slow-follower', skipped };
  const { nodes, syncMode, rate, eventBytes, delayMs, seconds, directory } = options;
  return await withScratchFolder(directory, async (folder) => {
    const probe = probeDisk(disk, folder, syncMode);
    const cluster = await Cluster.start({ folder, nodes, syncMode });
    try {
      const client = await connect(cluster.url, { name: 'cairn bench', reconnect: false, discover: false });
      const load = new SteadyLoad(client, rate, eventBytes);
      const without = await watch(load, options);
      const follower = cluster.follower;
      await cluster.node(follower).stop();
      await cluster.restart(follower, slowDisk(delayMs));
      await cluster.untilSettled();
      const latency = await watch(load, options);
      load.stop();
      await client.close();
      const own = { delayMs, seconds, ...compared(without, latency) };
      return { bench: 'slow-follower', ...troubleFields(options, probe), ...own };
    } finally {
      await cluster.stop();
    }
  });
}

async function watch(load: SteadyLoad, options: SlowFollowerOptions): Promise<LatencyHistogram> {
  await pause(options.warmupSeconds * 1000);
  const window = load.window();
  await pause(options.seconds * 1000);
  load.window();
  await window.answered();
  return window.latency;
}
