/**
 * `npm run test:planted -- [--seeds 3000] [--repetitions 5] [--jobs N] [--only NAME,...] [--first-seed 1] [--markdown FILE] [--skip-control]`:
 * sees that each planted bug is caught; see planted.ts, which is loaded the way the tests are.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createViteServer } from 'vitest/node';

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

const server = await createViteServer({
  configFile: false,
  root: new URL('../..', import.meta.url).pathname,
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  appType: 'custom',
  logLevel: 'error',
});
const { runPlanted } = await server.ssrLoadModule('/test/planted/planted.ts');
const isWell = await runPlanted({
  seeds: Number(values.seeds),
  repetitions: Number(values.repetitions),
  jobs: Number(values.jobs),
  only: values.only.split(',').filter((word) => word !== ''),
  firstSeed: Number(values['first-seed']),
  markdown: values.markdown,
  skipControl: values['skip-control'],
});
await server.close();
process.exit(isWell ? 0 : 1);
