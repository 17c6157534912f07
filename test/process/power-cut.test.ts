/** Nodes whose machine loses power under load, on a disk that then loses what it was not told to keep. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VolatileDisk, withoutVolatileDisk } from './disks/volatile-disk.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { DISK_PATHS, endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';
import { tampering, withoutStrace } from './tools.js';

const missing = withoutVolatileDisk();
let scratch: string;
let disk: VolatileDisk;
let folder: string;

beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  scratch = temporaryFolder();
  disk = await VolatileDisk.create(join(scratch, 'disk'));
  folder = join(disk.folder, 'data');
  mkdirSync(folder);
});

afterEach(async () => {
  await endAllNodes();
  if (missing !== undefined) return;
  await disk.remove();
  removeFolder(scratch);
});

test.for(DISK_PATHS)(
  'power cuts under load, sectors torn and out of order: everything acknowledged is there (disk: %s)',
  async (path) => {
    const random = new SeededRandom(17);
    const load = new Load({ seed: 17, largestBytes: 20_000 });
    for (const keptPercent of [0, 50, 90]) {
      const node = await NodeProcess.start({ folder, disk: path });
      load.start(node.url);
      await load.untilAcknowledged(200 + random.below(300));
      disk.cutPower(random.bits(), keptPercent);
      await node.kill();
      await load.ended();
      await disk.restore();
    }
    const node = await NodeProcess.start({ folder, disk: path });
    await checkHistory(load.history, node.url);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
  },
);

test('a node that never syncs is caught: after a power cut what it acknowledged is not there', async ({
  skip,
}) => {
  skip(withoutStrace !== undefined, withoutStrace);
  const load = new Load({ seed: 18, largestBytes: 2_000 });
  const node = await NodeProcess.start({ folder, under: tampering('fdatasync,fsync:retval=0') });
  load.start(node.url);
  await load.untilAcknowledged(300);
  disk.cutPower(18, 0);
  await node.kill();
  await load.ended();
  await disk.restore();
  // Or, if a Commit record is there without what it names, by the node itself.
  const outcome = NodeProcess.start({ folder }).then((next) => checkHistory(load.history, next.url));
  await expect(outcome).rejects.toThrow(/was lost|the log is damaged/);
});
