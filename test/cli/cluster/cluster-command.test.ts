/** `cairn cluster` as its users run it, on stand-ins for nodes: what it shows, whom it asks, how it exits. */
import { describe, expect, it } from 'vitest';
import { askedOf, fakeCluster, freePorts, runCluster, runningCluster, testFolder } from './local-nodes.js';

describe('status', () => {
  it('shows every node of a local cluster, and exits with 0 if one leads', async () => {
    const cluster = await runningCluster();
    const { status, stdout } = await runCluster(['status', '--dir', cluster.directory]);
    expect(stdout).toMatch(/^ +1 +127\.0\.0\.1:\d+ .* leader +yes +4 +950 +0 +0 +up$/m);
    expect(stdout).toMatch(/^ +3 +127\.0\.0\.1:\d+ .* following +yes +4 +950 +50 +0 +up$/m);
    expect(stdout).toContain('Healthy');
    expect(status).toBe(0);
  });

  it('finds all nodes of any cluster by one, and is one JSON object', async () => {
    const cluster = await runningCluster();
    const port = cluster.node(2).port;
    const { stdout } = await runCluster(['status', '--url', `ws://localhost:${port}`, '-o', 'json']);
    const view = JSON.parse(stdout) as { nodes: { name: string }[]; isHealthy: boolean };
    expect(view.isHealthy).toBe(true);
    expect(view.nodes.map(({ name }) => name)).toEqual(cluster.nodes.map(({ name }) => name));
  });

  it('exits with 7 if nobody leads', async () => {
    const cluster = await runningCluster();
    await cluster.kill(1);
    const { status, stdout } = await runCluster(['status', '--dir', cluster.directory]);
    expect(stdout).toMatch(/no node leads/);
    expect(status).toBe(7);
  });

  it('--exit-when-healthy waits in vain no longer than it is told, says why, and exits with 7', async () => {
    const cluster = await runningCluster();
    await cluster.kill(3);
    const words = ['status', '--dir', cluster.directory, '--exit-when-healthy', '--timeout', '0.1'];
    const { status, stderr } = await runCluster(words);
    expect(stderr).toMatch(/does not answer.*\[timeout\]/);
    expect(status).toBe(7);
  });

  it('--exit-when-healthy exits with 0 as soon as all is well', async () => {
    const cluster = await fakeCluster();
    const waiting = runCluster(['status', '--dir', cluster.directory, '--exit-when-healthy', '-o', 'json']);
    await cluster.start([1, 2, 3]);
    const { status, stdout } = await waiting;
    expect(JSON.parse(stdout)).toMatchObject({ isHealthy: true, leader: cluster.node(1).name });
    expect(status).toBe(0);
  });

  it('without a cluster says how to get one: exit 2', async () => {
    const { status, stderr } = await runCluster(['status', '--dir', testFolder()]);
    expect(stderr).toMatch(/cairn cluster up.*\[invalid-configuration\]/);
    expect(status).toBe(2);
  });

  it('of an address that is none: exit 2', async () => {
    const { status, stderr } = await runCluster(['status'], { CAIRN_URL: 'ftp://somewhere' });
    expect(stderr).toMatch(/ftp:\/\/somewhere.*\[invalid-configuration\]/);
    expect(status).toBe(2);
  });
});

describe('faults', () => {
  it('hit the nodes that they name, the leader too', async () => {
    const cluster = await runningCluster();
    const inDirectory = ['--dir', cluster.directory];
    const killed = await runCluster(['kill', 'leader', '3', ...inDirectory]);
    expect(killed.stdout).toMatch(/^node 1 \(.*\) killed\nnode 3 \(.*\) killed\n$/);
    expect((await runCluster(['pause', '2', ...inDirectory])).stdout).toContain('node 2');
    expect(cluster.nodes.map((node) => cluster.stateOf(node))).toEqual(['down', 'paused', 'down']);
    const down = await runCluster(['down', '--wipe', ...inDirectory]);
    expect(`${down.stderr}${down.status}`).toBe('0');
  });

  it('that name no node touch none: exit 2', async () => {
    const cluster = await runningCluster();
    const { status, stderr } = await runCluster(['kill', '1', '9', '--dir', cluster.directory]);
    expect(stderr).toMatch(/no node 9/);
    expect(status).toBe(2);
    expect(cluster.nodes.map((node) => cluster.stateOf(node))).toEqual(['up', 'up', 'up']);
  });

  it('partition tells both sides, heal tells all', async () => {
    const cluster = await runningCluster();
    const [one, two, three] = cluster.nodes.map(({ name }) => name);
    await runCluster(['partition', '1|2', '--dir', cluster.directory]);
    await runCluster(['heal', '--dir', cluster.directory]);
    expect(await askedOf(one!)).toEqual([
      ['/admin/faults/block', [two]],
      ['/admin/faults/block', []],
    ]);
    expect(await askedOf(two!)).toEqual([
      ['/admin/faults/block', [one]],
      ['/admin/faults/block', []],
    ]);
    expect(await askedOf(three!)).toEqual([['/admin/faults/block', []]]);
  });

  it('partition --one-way is refused where the nodes share a network, and the message says what to do', async () => {
    const cluster = await runningCluster();
    const { status, stderr } = await runCluster(['partition', '--one-way', '1', '--dir', cluster.directory]);
    expect(stderr).toMatch(/cairn cluster up --namespaces .* \[invalid-configuration\]/);
    expect(status).toBe(2);
    for (const { name } of cluster.nodes) expect(await askedOf(name)).toEqual([]);
  });

  it('partition goes on past a node that does not answer, and says so', async () => {
    const cluster = await runningCluster();
    await cluster.kill(1);
    const { status, stderr } = await runCluster(['partition', '1', '--dir', cluster.directory]);
    expect(stderr).toMatch(/node 1 does not answer/);
    expect(status).toBe(0);
    expect(await askedOf(cluster.node(3).name)).toEqual([['/admin/faults/block', [cluster.node(1).name]]]);
  });
});

describe('changes', () => {
  it.each([
    [['promote', '2'], (name: string) => `/admin/cluster/members/${encodeURIComponent(name)}/promote`],
    [['demote', '2'], (name: string) => `/admin/cluster/members/${encodeURIComponent(name)}/demote`],
    [['resign', '--target', '2'], (name: string) => `/admin/node/resign?target=${encodeURIComponent(name)}`],
    [['resize', '5'], () => '/admin/cluster/size/5'],
  ])('%s is asked of the leader, found by way of any node', async (words, path) => {
    const cluster = await runningCluster();
    // Node 1 leads; nobody asks it but by the hint of another.
    const elsewhere = ['--url', cluster.node(3).name];
    const name = cluster.node(2).name;
    const { status, stderr } = await runCluster([
      ...words.map((word) => (word === '2' ? name : word)),
      ...elsewhere,
    ]);
    expect(`${stderr}${status}`).toBe('0');
    expect(await askedOf(cluster.node(1).name)).toEqual([path(name)]);
  });

  it('priority is asked of the node itself', async () => {
    const cluster = await runningCluster();
    await runCluster(['priority', '2', '7', '--dir', cluster.directory]);
    expect(await askedOf(cluster.node(2).name)).toEqual(['/admin/node/priority/7']);
  });

  it('that are refused say why: exit 8', async () => {
    const cluster = await runningCluster();
    const { status, stderr } = await runCluster(['resize', '9', '--dir', cluster.directory]);
    expect(stderr).toMatch(/not now \[change-refused\]\n {2}reason: change-in-progress/);
    expect(status).toBe(8);
  });

  it('of a cluster that does not answer: exit 7', async () => {
    const { status, stderr } = await runCluster(['resign', '--url', `127.0.0.1:${await freePorts(1)}`]);
    expect(stderr).toMatch(/\[connection-refused\]/);
    expect(status).toBe(7);
  });

  it('remove takes a node out, stops it, and forgets it', async () => {
    const cluster = await runningCluster();
    const { status } = await runCluster(['remove', '3', '--dir', cluster.directory]);
    expect(status).toBe(0);
    expect(cluster.nodes.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('add with --url says how a node joins', async () => {
    const cluster = await runningCluster();
    const { stdout } = await runCluster(['add', '--url', cluster.node(2).name, '--zone', 'b']);
    const seeds = cluster.nodes.map(({ name }) => name).join(',');
    expect(stdout).toContain(`--cluster-size 3 --gossip-seed ${seeds} --zone b`);
  });
});

describe('up', () => {
  it('refuses what does not fit the cluster that is there: exit 2', async () => {
    const cluster = await fakeCluster();
    const { status, stderr } = await runCluster(['up', '-n', '5', '--dir', cluster.directory]);
    expect(stderr).toMatch(/--nodes can't be applied.*\[invalid-configuration\]/);
    expect(status).toBe(2);
  });
});
