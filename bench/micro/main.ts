/** `npm run bench:micro`: the micro benchmarks, one group after the other. `docs/performance.md` says what they show. */
import { codecBenchmarks } from './codec.js';
import { ringBenchmarks } from './ring.js';
import { runSuite } from './suite.js';

await runSuite('Ring: 320-byte records to another thread', ringBenchmarks());
await runSuite('Codec of the client protocol: 256-byte events', codecBenchmarks());
