/** Entry of the writer thread: builds the agent from what main sent and runs it until it is done. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Truncation } from '../log/truncation.js';
import { openPlatform } from '../native/platform.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, RingMemory } from '../ring/layout.js';
import { runAgent } from '../ring/runner.js';
import { Vigil } from '../ring/vigil.js';
import { WriterAgent } from './agent.js';
import type { WriterOptions } from './commands.js';

const options = workerData as WriterOptions;
const bell = new Doorbell(new RingMemory(options.ring).control, CONTROL.writerBell);
const { disk, kernel } = openPlatform();
const report = (truncation: Truncation) => parentPort!.postMessage(truncation);
const vigil = new Vigil(options.busyWaitUs / 1000);
runAgent(new WriterAgent(options, { disk, kernel, report }), bell, vigil);
