/** Nodes that know nothing of each other but a DNS name, on machines whose name server is a real one, in the network that they share. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DnsServer } from './network/dns-server.js';
import { CLIENTS, NetworkLab, withoutNetworkLab } from './network/network-lab.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { whyNot } from './tools.js';
import { until } from './within.js';

const missing = withoutNetworkLab() ?? whyNot('unshare', '--mount', 'true');
const DNS_PORT = 53;
const NODE_PORT = 2113;
const NAME = 'cluster.example';
const DEADLINE_MS = 50_000;
vi.setConfig({ testTimeout: 180_000 });

let scratch: string;
let lab: NetworkLab;
let dns: DnsServer;

beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  scratch = temporaryFolder();
  lab = NetworkLab.create(3);
  dns = await DnsServer.listen(lab.addressOf(CLIENTS), DNS_PORT);
  writeFileSync(
    join(scratch, 'resolv.conf'),
    `nameserver ${lab.addressOf(CLIENTS)}\noptions timeout:1 attempts:3\n`,
  );
});

afterEach(async () => {
  await endAllNodes();
  if (missing !== undefined) return;
  dns.close();
  lab.remove();
  removeFolder(scratch);
});

/**
 * In mounts of its own. Those of tests that run at the same time are let go of: as long as anybody has a copy of such a disk, nobody can take it away.
 */
const WITH_RESOLVER = `
  awk '/cairn-process-/ { print $2 }' /proc/self/mounts | tac | xargs --no-run-if-empty umount --lazy
  mount --bind "$0" /etc/resolv.conf && exec "$@"`;

/** A node on a machine of its own, which asks our name server. */
async function startNode(index: number, port: number, clusterDns: string): Promise<NodeProcess> {
  return await NodeProcess.start({
    folder: join(scratch, `node-${index}`),
    flags: [
      ...['--node-ip', lab.addressOf(index), '--node-port', `${port}`, '--insecure'],
      ...['--cluster-size', '3', '--cluster-dns', clusterDns],
    ],
    under: [
      ...lab.inside(index),
      'unshare',
      '--mount',
      'sh',
      '-c',
      WITH_RESOLVER,
      join(scratch, 'resolv.conf'),
    ],
  });
}

async function leaderOf(node: NodeProcess): Promise<string | undefined> {
  const response = await fetch(`${node.httpUrl}/info`);
  return ((await response.json()) as { leader: string | null }).leader ?? undefined;
}

async function untilAllAgree(nodes: readonly NodeProcess[]): Promise<string> {
  return await until(DEADLINE_MS, 'all have the same leader', async () => {
    const leaders = new Set(await Promise.all(nodes.map(leaderOf)));
    const [leader] = leaders;
    return leaders.size === 1 && leader;
  });
}

/** Every node has asked again since now. */
async function untilAskedAgain(question: string, times: number): Promise<void> {
  const before = dns.asked.length;
  await until(DEADLINE_MS, `${question} is asked again`, () => {
    return dns.asked.slice(before).filter((asked) => asked === question).length >= times;
  });
}

test('nodes found a cluster as soon as DNS has their addresses, and not before', async () => {
  const nodes = await Promise.all([0, 1, 2].map((index) => startNode(index, NODE_PORT, NAME)));
  await untilAskedAgain(`A ${NAME}`, 4);
  expect(await Promise.all(nodes.map(leaderOf))).toEqual([undefined, undefined, undefined]);
  dns.names.set(NAME, [lab.addressOf(0), lab.addressOf(1)]);
  await untilAskedAgain(`A ${NAME}`, 4);
  dns.names.set(NAME, [lab.addressOf(2), lab.addressOf(0), lab.addressOf(1)]);
  const addresses = [0, 1, 2].map((index) => `${lab.addressOf(index)}:${NODE_PORT}`);
  expect(addresses).toContain(await untilAllAgree(nodes));
});

test('nodes find each other by SRV records, each with a port of its own, once these are right', async () => {
  const service = `_cairn._tcp.${NAME}`;
  const ports = [4001, 4002, 4003];
  dns.names.set(service, [{ host: `nobody.${NAME}`, port: 1 }]);
  const nodes = await Promise.all(ports.map((port, index) => startNode(index, port, service)));
  await untilAskedAgain(`SRV ${service}`, 4);
  expect(await Promise.all(nodes.map(leaderOf))).toEqual([undefined, undefined, undefined]);
  for (const index of [0, 1, 2]) dns.names.set(`n${index}.${NAME}`, [lab.addressOf(index)]);
  dns.names.set(
    service,
    ports.map((port, index) => ({ host: `n${index}.${NAME}`, port })),
  );
  const addresses = ports.map((port, index) => `${lab.addressOf(index)}:${port}`);
  expect(addresses).toContain(await untilAllAgree(nodes));
});
