/**
 * `npm run test:nemesis -- [--runs 100] [--seed N] [--seconds 10] [--nodes 3] [--keep] [--no-backups] [--no-scavenges] [--faults kill,pause,partition,…]`: clusters of real
 * processes under load and under faults, each judged at its end; see nemesis/, which is loaded the way the tests are. Exit status 1 if anything is wrong.
 */
import { parseArgs } from 'node:util';
import { withSource } from '../load-source.mjs';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    seconds: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '3' },
    faults: { type: 'string' },
    keep: { type: 'boolean', default: false },
    backups: { type: 'boolean', default: true },
    scavenges: { type: 'boolean', default: true },
  },
});

// What it has mounted and started goes with the process, if that ends by itself.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const failures = await withSource('/test/process/nemesis/nemesis.ts', ({ nemesisLoop }) =>
  nemesisLoop({
    runs: Number(values.runs),
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    nodes: Number(values.nodes),
    faults: values.faults,
    isKept: values.keep,
    isBackedUp: values.backups,
    isScavenged: values.scavenges,
    say: (line) => console.log(line),
  }),
);
process.exit(failures === 0 ? 0 : 1);
