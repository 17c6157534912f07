/** Entry of the index thread: builds the agent from what main sent and runs it until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { detachEarly } from '../base/early-detach.js';
import { openPlatform } from '../native/platform.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, RingMemory } from '../ring/layout.js';
import { runAgent } from '../ring/runner.js';
import { IndexerAgent } from './agent.js';
import { buffersOf, type IndexerReport, type IndexerStart } from './commands.js';

detachEarly();
const start = workerData as IndexerStart;
const { disk, kernel } = openPlatform();
const report = (message: IndexerReport) => parentPort?.postMessage(message, buffersOf(message));
const bell = new Doorbell(new RingMemory(start.ring).control, CONTROL.indexerBell);
runAgent(new IndexerAgent(start, { disk, kernel, report }), bell);
