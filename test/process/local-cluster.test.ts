/** `cairn cluster` and `npm start` on real nodes: they find each other, outlive their leader, and leave no process behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LocalCluster } from '../../src/cli/cluster/local-cluster.js';
import { askNode } from '../../src/cli/cluster/node-requests.js';
import { isAlive } from '../../src/node/process-identity.js';
import { freePorts, runCluster, testFolder } from '../cli/cluster/local-nodes.js';
import { withoutNetworkLab } from './network/network-lab.js';
import { until, within } from './within.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEADLINE_MS = 50_000;
/** Several processes start, some of them again: on a loaded machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });
/** Chunks and a ring that are made in no time. */
const SMALL = ['--chunk-size', '1MiB', '--ring-size', '1MiB'];

interface Status {
  readonly leader: string;
  readonly epoch: number;
  readonly isHealthy: boolean;
  readonly nodes: readonly { readonly name: string; readonly member: string; readonly state: string }[];
}

/** A cluster that is healthy, and gone with the test. */
async function startCluster(count: number, ...flags: readonly string[]): Promise<LocalCluster> {
  const folder = testFolder();
  const port = await freePorts(count + 1);
  const words = ['up', '--detach', '--dir', folder, '--base-port', `${port}`, ...flags, '--', ...SMALL];
  onTestFinished(async () => {
    if (LocalCluster.exists(folder)) await LocalCluster.open(folder).down();
  });
  const { status, stderr } = await runCluster(words);
  expect(`${stderr}${status}`).toBe('0');
  return LocalCluster.open(folder);
}

async function cairn(cluster: LocalCluster, ...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runCluster([...words, '--dir', cluster.directory]);
  expect(`${stderr}${status}`).toBe('0');
  return stdout;
}

async function healthy(cluster: LocalCluster): Promise<Status> {
  return JSON.parse(await cairn(cluster, 'status', '--exit-when-healthy', '-o', 'json')) as Status;
}

test('three nodes outlive their leader, which follows when it is back; down leaves nobody', async () => {
  const cluster = await startCluster(3);
  const processes = cluster.nodes.map((node) => node.process!);
  const before = await healthy(cluster);
  await cairn(cluster, 'kill', 'leader');
  const after = await until(DEADLINE_MS, 'another node leads', async () => {
    const { stdout } = await runCluster(['status', '-o', 'json', '--dir', cluster.directory]);
    const status = JSON.parse(stdout) as Status;
    return status.leader !== null && status.leader !== before.leader && status;
  });
  expect(after.epoch).toBeGreaterThan(before.epoch);
  await cairn(cluster, 'start', '1', '2', '3');
  const again = await healthy(cluster);
  expect(again.nodes.find(({ name }) => name === before.leader)?.state).toBe('following');
  processes.push(...cluster.nodes.map((node) => node.process!));
  await cairn(cluster, 'pause', 'leader');
  await cairn(cluster, 'down', '--wipe');
  expect(processes.some(isAlive)).toBe(false);
  expect(LocalCluster.exists(cluster.directory)).toBe(false);
});

test('in namespaces, a leader that nobody hears is replaced though it hears all; healed, it follows', async ({
  skip,
}) => {
  const missing = withoutNetworkLab();
  skip(missing !== undefined, missing);
  const cluster = await startCluster(3, '--namespaces');
  const before = await healthy(cluster);
  const { number } = cluster.nodes.find(({ name }) => name === before.leader)!;
  const others = cluster.nodes.filter((node) => node.number !== number);
  await cairn(cluster, 'partition', '--one-way', `${number}`);
  await until(DEADLINE_MS, 'another node leads', async () => {
    const status = await askNode(others[0]!.name, { method: 'GET', path: '/info', deadlineMs: DEADLINE_MS });
    return others.some(({ name }) => name === (status as { leader: string | null }).leader);
  });
  await cairn(cluster, 'heal');
  const after = await healthy(cluster);
  expect(after.nodes.find(({ name }) => name === before.leader)?.state).toBe('following');
  const networks = cluster.networks()!;
  await cairn(cluster, 'add', '--replica');
  await cairn(cluster, 'down');
  expect(readdirSync('/sys/class/net').filter((name) => name.startsWith(`cairn${networks.number}`))).toEqual(
    [],
  );
  expect(existsSync(networks.inside(1)[1]!.slice('--net='.length))).toBe(false);
});

test('clones and replicas join as such', async () => {
  const cluster = await startCluster(3, '-n', '1', '--clones', '1', '--replicas', '1');
  const { nodes } = await healthy(cluster);
  expect(nodes.map(({ member }) => member)).toEqual(['voter', 'clone', 'replica']);
});

test('npm start shows a cluster with real data in it, and Ctrl-C ends it all', async () => {
  const folder = testFolder();
  const words = [...startScript(), '--dir', folder, '--base-port', `${await freePorts(3)}`];
  const tour = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(async () => {
    if (LocalCluster.exists(folder)) await LocalCluster.open(folder).down();
  });
  const ended = new Promise<number | null>((end) => tour.once('close', end));
  const said = listenTo(tour);
  await until(DEADLINE_MS, 'the welcome', () => said().includes('Try next'));
  expect(said()).toMatch(/^leader 127\.0\.0\.1:\d+, epoch \d+: /m);
  expect(said()).toMatch(/^Flights: 20,000 events in 220 streams/m);
  const processes = LocalCluster.open(folder).nodes.map((node) => node.process!);
  tour.kill('SIGINT');
  expect(await within(DEADLINE_MS, 'the tour ends', ended)).toBe(0);
  expect(said()).toContain('stopping all nodes');
  expect(processes).toHaveLength(3);
  expect(processes.some(isAlive)).toBe(false);
});

/** What `npm start` runs, as arguments of Node. */
function startScript(): readonly string[] {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: { start: string } };
  const [program, ...script] = scripts.start.split(' ');
  expect(program).toBe('node');
  return script;
}

function listenTo(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
  return () => text;
}
