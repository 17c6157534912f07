/** Clusters of stand-in processes for tests: in folders of their own, on free ports, and gone when the test is. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type ClusterPlan, LocalCluster } from '../../../src/cli/cluster/local-cluster.js';
import { askNode } from '../../../src/cli/cluster/node-requests.js';
import { until } from '../../process/within.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const FAKE = [process.execPath, fileURLToPath(new URL('fake-node.mjs', import.meta.url))] as const;
const DEADLINE_MS = 20_000;
const PORT_MAX = 65_000;

/** A folder that is removed with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-cluster-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The first of so many ports in a row that are free now. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await listen(0);
    const base = (first.address() as AddressInfo).port;
    const servers = [first];
    try {
      if (base + count > PORT_MAX) continue;
      for (let port = base + 1; port < base + count; port++) servers.push(await listen(port));
      return base;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** A recorded cluster of stand-ins, none of which runs yet. Ends with the test. */
export async function fakeCluster(
  plan: Partial<ClusterPlan> = {},
  folder = testFolder(),
): Promise<LocalCluster> {
  const { voters = 3, clones = 0, replicas = 0 } = plan;
  const basePort = plan.basePort ?? (await freePorts(voters + clones + replicas + 1));
  const whole = { voters, clones, replicas, zones: [], nodeArguments: [], ...plan, basePort };
  const cluster = await LocalCluster.create(folder, whole, FAKE);
  onTestFinished(async () => {
    if (LocalCluster.exists(folder)) await cluster.down();
  });
  return cluster;
}

/** The same, with all nodes answering. */
export async function runningCluster(plan: Partial<ClusterPlan> = {}): Promise<LocalCluster> {
  const cluster = await fakeCluster(plan);
  await cluster.start(cluster.nodes.map(({ number }) => number));
  for (const { name } of cluster.nodes) await answering(name);
  return cluster;
}

/** Resolves when the node of this name answers. */
export async function answering(name: string): Promise<void> {
  await until(DEADLINE_MS, `${name} answers`, async () => (await get(name, '/info')) !== undefined);
}

/** What the stand-in of this name was asked to do. */
export async function askedOf(name: string): Promise<unknown> {
  return await get(name, '/asked');
}

async function get(name: string, path: string): Promise<unknown> {
  try {
    return await askNode(name, { method: 'GET', path, deadlineMs: DEADLINE_MS });
  } catch {
    return undefined;
  }
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cairn cluster …` to its end. */
export async function runCluster(
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, 'cluster', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, stdout, stderr };
}
