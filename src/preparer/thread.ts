/** Entry of the preparer thread: builds the agent from what main sent and runs it until it is done. */
import { workerData } from 'node:worker_threads';
import { diskSpaceOf } from '../native/disk-space.js';
import { openPlatform } from '../native/platform.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, RingMemory } from '../ring/layout.js';
import { runAgent } from '../ring/runner.js';
import { PreparerAgent } from './agent.js';
import type { PreparerOptions } from './commands.js';

const options = workerData as PreparerOptions;
const bell = new Doorbell(new RingMemory(options.ring).control, CONTROL.preparerBell);
runAgent(new PreparerAgent(options, openPlatform().disk, diskSpaceOf), bell);
