/** Nodes that are killed under load, again and again: what they acknowledged must be there every time. */
import { afterEach, expect, test } from 'vitest';
import { shortly } from '../long-test.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { DISK_PATHS, endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';

const folders: string[] = [];

afterEach(async () => {
  await endAllNodes();
  for (const folder of folders.splice(0)) removeFolder(folder);
});

test.each(shortly(DISK_PATHS, (disk) => disk === DISK_PATHS[0]))(
  'four kills under load: everything acknowledged is there, and no retry doubles anything (disk: %s)',
  async (disk) => {
    const folder = temporaryFolder();
    folders.push(folder);
    const random = new SeededRandom(11);
    const load = new Load({ seed: 11 });
    for (let kill = 0; kill < 4; kill++) {
      const node = await NodeProcess.start({ folder, disk });
      load.start(node.url);
      await load.untilAcknowledged(200 + random.below(400));
      await node.kill();
      await load.ended();
    }
    const node = await NodeProcess.start({ folder, disk });
    load.start(node.url);
    await load.untilAcknowledged(100);
    await load.stop();
    const findings = await checkHistory(load.history, node.url);
    expect(load.history.acknowledged).toBeGreaterThan(800);
    expect(findings.events).toBeGreaterThan(load.history.acknowledged);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
  },
);
