/**
 * Many seeds of clusters of all sizes: `npm run test:simulate -- [--seeds 100000] [--first-seed 1] [--jobs 2] [--ticks 2000]`. The
 * seeds are shared out among the shapes below. Prints progress, a table in Markdown for docs/testing.md, and the command that
 * replays each failure; exits with 1 if there is one. All one-way topologies come first.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** Share of the seeds, and what they run. */
const SHAPES = [
  { share: 0.5, nodes: 3, clones: 0, replicas: 0, faults: 'swarm' },
  { share: 0.12, nodes: 3, clones: 1, replicas: 1, faults: 'swarm' },
  { share: 0.1, nodes: 3, clones: 0, replicas: 0, faults: 'all' },
  { share: 0.13, nodes: 4, clones: 0, replicas: 0, faults: 'swarm' },
  { share: 0.11, nodes: 5, clones: 0, replicas: 0, faults: 'swarm' },
  { share: 0.04, nodes: 5, clones: 1, replicas: 1, faults: 'swarm' },
];

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100000' },
    'first-seed': { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    ticks: { type: 'string', default: '2000' },
  },
});

let isClean = runTopologies();
console.log(
  '| voters, clones, replicas | faults | seeds | with violations | virtual hours | elections | crashes | took |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const shape of SHAPES) isClean = runShape(shape) && isClean;
process.exitCode = isClean ? 0 : 1;

function runTopologies() {
  const args = ['vitest', 'run', 'test/sim/topologies.test.ts'];
  const env = { ...process.env, CAIRN_TOPOLOGIES: 'all' };
  return spawnSync('npx', args, { stdio: 'inherit', env }).status === 0;
}

function runShape({ share, nodes, clones, replicas, faults }) {
  const seeds = Math.round(share * Number(values.seeds));
  const range = ['--seeds', `${seeds}`, '--first-seed', values['first-seed'], '--ticks', values.ticks];
  const shape = [
    '--nodes',
    `${nodes}`,
    '--clones',
    `${clones}`,
    '--replicas',
    `${replicas}`,
    '--faults',
    faults,
  ];
  const args = [MAIN, 'simulate', ...range, ...shape, '--jobs', values.jobs, '-o', 'json'];
  const { stdout, status } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const { violations, virtualSeconds, seconds, stats } = JSON.parse(stdout);
  const hours = (virtualSeconds / 3600).toFixed(1);
  const { elections, crashes } = stats;
  console.log(
    `| ${nodes}, ${clones}, ${replicas} | ${faults} | ${seeds} | ${violations} | ${hours} | ${elections} | ${crashes} | ${Math.round(seconds)} s |`,
  );
  return status === 0;
}
