/**
 * `npm run test:kill -- [--kills 50] [--power-cuts] [--seconds-per-life 0.2] [--disk native|javascript] [--seed N] [--folder FOLDER]`: kills
 * a node under load again and again; see kill-loop.ts, which is loaded the way the tests are.
 */
import { parseArgs } from 'node:util';
import { withSource } from '../load-source.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    'power-cuts': { type: 'boolean', default: false },
    'seconds-per-life': { type: 'string', default: '0.2' },
    disk: { type: 'string', default: 'native' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    folder: { type: 'string' },
  },
});

// What it has mounted and started goes with the process, if that ends by itself.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const summary = await withSource('/test/process/kill-loop.ts', ({ killLoop }) =>
  killLoop({
    kills: Number(values.kills),
    powerCuts: values['power-cuts'],
    secondsPerLife: Number(values['seconds-per-life']),
    disk: values.disk,
    seed: Number(values.seed),
    folder: values.folder,
  }),
);
console.log(JSON.stringify(summary));
process.exit(summary.problem === undefined ? 0 : 1);
