/**
 * `npm run test:planted -- [--seeds 3000] [--repetitions 5] [--jobs N] [--only NAME,...] [--first-seed 1] [--markdown FILE] [--skip-control]`:
 * sees that each planted bug is caught; see planted.ts, which is loaded the way the tests are.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { withSource } from '../load-source.mjs';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3000' },
    repetitions: { type: 'string', default: '5' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    only: { type: 'string', default: '' },
    'first-seed': { type: 'string', default: '1' },
    markdown: { type: 'string' },
    'skip-control': { type: 'boolean', default: false },
  },
});

const isWell = await withSource('/test/planted/planted.ts', ({ runPlanted }) =>
  runPlanted({
    seeds: Number(values.seeds),
    repetitions: Number(values.repetitions),
    jobs: Number(values.jobs),
    only: values.only.split(',').filter((word) => word !== ''),
    firstSeed: Number(values['first-seed']),
    markdown: values.markdown,
    skipControl: values['skip-control'],
  }),
);
process.exit(isWell ? 0 : 1);
