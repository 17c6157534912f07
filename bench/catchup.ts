/**
 * `cairn bench catchup`: how fast a follower takes in what it has missed, and what that costs the clients of the others, by a steady load before
 * and meanwhile. Main thread.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../src/base/errors.js';
import type { Disk } from '../src/base/ports.js';
import { type Client, connect } from '../src/client/client.js';
import { Cluster } from './cluster.js';
import type { CatchUpOptions } from './cluster-options.js';
import { fill } from './fill.js';
import { nowUs } from './load.js';
import { probeDisk } from './probe.js';
import { randomSalt, streamName } from './request-frames.js';
import { rounded } from './rounded.js';
import { withScratchFolder } from './scratch-folder.js';
import { SteadyLoad } from './steady-load.js';
import { type CatchUpRow, compared, troubleFields } from './trouble-rows.js';

/** Small events go many to a request: filling is not what is measured. */
const FILLING = { inFlight: 32, requestBytes: 64 * 1024, eventsMax: 256 };
/** How often the follower is asked how far it is: a hundredth of the time that a gigabyte takes. */
const ASK_MS = 20;
const CATCH_UP_TIMEOUT_MS = 300_000;

/** Runs one row. Throws `CairnError` if nothing can be measured. */
export async function runCatchUp(options: CatchUpOptions, disk: Disk): Promise<CatchUpRow> {
  const { nodes, syncMode, rate, eventBytes, fillEventBytes, directory } = options;
  return await withScratchFolder(directory, async (folder) => {
    const probe = probeDisk(disk, folder, syncMode);
    const cluster = await Cluster.start({ folder, nodes, syncMode });
    try {
      const client = await connect(cluster.url, { name: 'cairn bench', reconnect: false, discover: false });
      const follower = cluster.follower;
      await cluster.node(follower).stop();
      await fillWith(client, options);
      const load = new SteadyLoad(client, rate, eventBytes);
      const before = load.window();
      await pause(options.seconds * 1000);
      const caught = await catchUp(cluster, follower, load);
      await Promise.all([before.answered(), caught.during.answered()]);
      load.stop();
      await client.close();
      const { bytes, seconds, startSeconds } = caught;
      const megabytesPerSecond = rounded(bytes / 1e6 / seconds, 1);
      const times = { seconds: rounded(seconds, 3), startSeconds: rounded(startSeconds, 3) };
      const own = { fillEventBytes, bytes, megabytesPerSecond, ...times };
      const latencies = compared(before.latency, caught.during.latency);
      return { bench: 'catchup', ...troubleFields(options, probe), ...own, ...latencies };
    } finally {
      await cluster.stop();
    }
  });
}

function fillWith(client: Client, { bytes, fillEventBytes }: CatchUpOptions): Promise<void> {
  const salt = randomSalt();
  const streams = Array.from({ length: FILLING.inFlight }, (_, index) => streamName(salt, index));
  const perRequest = Math.floor(FILLING.requestBytes / fillEventBytes);
  return fill(client, streams, {
    events: Math.ceil(bytes / fillEventBytes),
    eventBytes: fillEventBytes,
    eventsPerRequest: Math.min(Math.max(1, perRequest), FILLING.eventsMax),
    inFlight: FILLING.inFlight,
  });
}

/** Starts the follower and watches its log grow until it has what was committed then. */
async function catchUp(cluster: Cluster, follower: number, load: SteadyLoad) {
  const startedUs = nowUs();
  const target = (await cluster.node(cluster.leader).info())?.committed ?? 0;
  await cluster.restart(follower);
  const start = await durableBeyond(cluster, follower, -1);
  const first = await durableBeyond(cluster, follower, start.durable);
  const during = load.window();
  const last = await durableBeyond(cluster, follower, target - 1);
  load.window();
  return {
    during,
    bytes: last.durable - start.durable,
    seconds: (last.atUs - first.askedBeforeUs) / 1e6,
    startSeconds: (first.askedBeforeUs - startedUs) / 1e6,
  };
}

/** Asks the node until it has more than `position` on disk. `askedBeforeUs`: when it had not. */
async function durableBeyond(cluster: Cluster, index: number, position: number) {
  let askedBeforeUs = nowUs();
  const deadlineMs = performance.now() + CATCH_UP_TIMEOUT_MS;
  for (;;) {
    const info = await cluster.node(index).info();
    if (info !== undefined && info.durable > position) {
      return { durable: info.durable, askedBeforeUs, atUs: nowUs() };
    }
    askedBeforeUs = nowUs();
    if (performance.now() > deadlineMs)
      throw new CairnError('timeout', `the follower does not get beyond ${position}`, { position });
    await pause(ASK_MS);
  }
}
