import { describe, expect, test } from 'vitest';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import type { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';
import { CHUNK_SIZE, FOLDER, SampleLog } from './sample-log.js';
import { simulatedDisk } from './simulated-sample.js';

class Killed extends Error {}

/** Recovers up to the change number `count`; whether it came to its end. */
function recoverUpTo(disk: SimulatedDisk, count: number): boolean {
  let change = 0;
  disk.beforeChange = () => {
    if (change++ === count) throw new Killed();
  };
  try {
    recoverFolder(disk, kernel, FOLDER);
    return true;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return false;
  } finally {
    disk.beforeChange = undefined;
  }
}

describe('a recovery', () => {
  // An unfinished transaction over the end of a chunk: the repair clears the second chunk, then the footer of the first.
  const log = new SampleLog().epoch().event(40).event(50_000);
  const begin = log.end;
  const data = new Uint8Array(9_000).fill(1);
  log.transaction(
    Array.from({ length: 5 }, () => ({ stream: 's', data })),
    1,
  );
  expect(log.end).toBeGreaterThan(CHUNK_SIZE);

  test('that was killed anywhere can be repeated, and interrupted by a power cut anywhere', () => {
    const whole = simulatedDisk(log);
    let isWhole = false;
    for (let killed = 0; !isWhole; killed++) {
      let isDone = false;
      for (let cut = 0; !isDone; cut++) {
        const disk = whole.clone(new Random(1));
        isWhole = recoverUpTo(disk, killed);
        disk.crash(new Random(1), 'keep-all');
        isDone = recoverUpTo(disk, cut);
        disk.crash(new Random(1), 'lose-all');
        expect(recoverFolder(disk, kernel, FOLDER)!.end.position).toBe(begin);
      }
    }
  });

  test('leaves what it found on the medium, not in caches', () => {
    const disk = simulatedDisk(new SampleLog().epoch().event(40));
    const more = new SampleLog().epoch().event(40).event(300);
    const file = disk.open(`${FOLDER}/chunk-000000.000000`, { access: 'write' });
    disk.write(file, more.bytes, 0, more.end, 4096);
    disk.crash(new Random(1), 'keep-all');
    expect(recoverFolder(disk, kernel, FOLDER)!.end.position).toBe(more.end);
    disk.crash(new Random(1), 'lose-all');
    expect(recoverFolder(disk, kernel, FOLDER)!.end.position).toBe(more.end);
    expect(disk.openCount).toBe(0);
  });

  test('drops a transaction that goes on in a chunk of which only the end and the footer were written', () => {
    const spread = new SampleLog().epoch().event(40);
    const start = spread.end;
    spread.transaction(
      [40_000, 60_000, 100].map((size) => ({ stream: 's', data: new Uint8Array(size).fill(1) })),
      1,
    );
    spread.fillChunk();
    const disk = simulatedDisk(spread);
    const file = disk.open(`${FOLDER}/chunk-000001.000000`, { access: 'write' });
    disk.write(file, new Uint8Array(512), 0, 512, 4096);
    disk.sync(file);
    const recovered = recoverFolder(disk, kernel, FOLDER)!;
    expect(recovered.end.position).toBe(start);
    expect(recovered.lastTimestampUs).toBeGreaterThan(0);
    disk.crash(new Random(1), 'lose-all');
    expect(recoverFolder(disk, kernel, FOLDER)!.end.position).toBe(start);
  });

  test('finds nothing in an empty folder', () => {
    const disk = simulatedDisk(new SampleLog());
    for (const name of disk.list(FOLDER)) disk.unlink(`${FOLDER}/${name}`);
    expect(recoverFolder(disk, kernel, FOLDER)).toBeUndefined();
  });
});
