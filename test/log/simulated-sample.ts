/** A sample log on a disk that can lose power. */

import { SimulatedDisk } from '../../src/sim/disk/simulated-disk.js';
import { Random } from '../../src/sim/random.js';
import { FOLDER, type SampleLog } from './sample-log.js';

/** The log's files, durable. */
export function simulatedDisk(log: SampleLog): SimulatedDisk {
  const disk = new SimulatedDisk(new Random(1));
  disk.makeDirectory(FOLDER);
  for (const [path, bytes] of log.disk().files) {
    const file = disk.open(path, { access: 'create-new' });
    disk.write(file, bytes, 0, bytes.length, 0);
    disk.sync(file);
    disk.close(file);
  }
  disk.syncDirectory(FOLDER);
  return disk;
}
