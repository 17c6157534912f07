/** `npm run bench:micro`: the micro benchmarks, one group after the other. `docs/performance.md` says what they show. */
import { codecBenchmarks } from './codec.js';
import { crcBenchmarks, sealBenchmarks } from './crc.js';
import { ringBenchmarks } from './ring.js';
import { runSuite } from './suite.js';

await runSuite('Ring: 320-byte records to another thread', ringBenchmarks());
await runSuite('CRC-32C, each implementation that runs here', crcBenchmarks());
await runSuite('Sealing 352-byte records', sealBenchmarks());
await runSuite('Codec of the client protocol: 256-byte events', codecBenchmarks());
