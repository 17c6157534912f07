/**
 * `npm run test:kill -- [--kills 50] [--power-cuts] [--seconds-per-life 0.2] [--disk native|javascript] [--seed N] [--folder FOLDER]`: kills
 * a node under load again and again; see kill-loop.ts, which is loaded the way the tests are.
 */
import { parseArgs } from 'node:util';
import { createViteServer } from 'vitest/node';

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

const server = await createViteServer({
  configFile: false,
  root: new URL('../..', import.meta.url).pathname,
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  appType: 'custom',
  logLevel: 'error',
});
const { killLoop } = await server.ssrLoadModule('/test/process/kill-loop.ts');
const summary = await killLoop({
  kills: Number(values.kills),
  powerCuts: values['power-cuts'],
  secondsPerLife: Number(values['seconds-per-life']),
  disk: values.disk,
  seed: Number(values.seed),
  folder: values.folder,
});
await server.close();
console.log(JSON.stringify(summary));
process.exit(summary.problem === undefined ? 0 : 1);
