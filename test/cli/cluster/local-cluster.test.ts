/** A local cluster as processes: what runs is recorded, and nothing else is ever signalled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { changeRecord, readRecord } from '../../../src/cli/cluster/cluster-record.js';
import { LocalCluster } from '../../../src/cli/cluster/local-cluster.js';
import { isAlive } from '../../../src/node/process-identity.js';
import { until } from '../../process/within.js';
import { answering, fakeCluster, freePorts, listen, runningCluster, testFolder } from './local-nodes.js';

/** A process that is none of the cluster's. */
function stranger(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

function states(cluster: LocalCluster): string[] {
  return cluster.nodes.map((node) => cluster.stateOf(node));
}

describe('the record', () => {
  it('remembers names, ports, zones in turn, and what kind each node is', async () => {
    const cluster = await fakeCluster({ voters: 3, clones: 1, replicas: 1, zones: ['a', 'b'] });
    const [first] = cluster.nodes;
    expect(cluster.nodes).toEqual(
      ['voter', 'voter', 'voter', 'clone', 'replica'].map((kind, index) => ({
        number: index + 1,
        name: `127.0.0.1:${first!.port + index}`,
        port: first!.port + index,
        kind,
        zone: index % 2 === 0 ? 'a' : 'b',
      })),
    );
  });

  it('loses no change of two at the same time', async () => {
    const cluster = await fakeCluster();
    await Promise.all(Array.from({ length: 20 }, () => add(cluster.directory)));
    expect(readRecord(cluster.directory)?.nextNumber).toBe(24);
  });

  it.each(['', '{', '[]', '{"format":2}', '{"format":1,"nodes":[{}]}'])(
    'that is damaged is told, not taken for none: %s',
    (text) => {
      const folder = testFolder();
      writeFileSync(join(folder, 'cluster.json'), text);
      expect(() => LocalCluster.open(folder)).toThrow(/cluster\.json can't be used/);
    },
  );

  it('is not made twice in a folder', async () => {
    const cluster = await fakeCluster();
    await expect(fakeCluster({}, cluster.directory)).rejects.toThrow(/already/);
  });
});

async function add(directory: string): Promise<void> {
  await changeRecord(directory, (record) => ({ ...record!, nextNumber: record!.nextNumber + 1 }));
}

describe('ports', () => {
  it('that are taken keep a cluster from being made, and the message names the port', async () => {
    const port = await freePorts(3);
    const other = await listen(port + 1);
    onTestFinished(() => {
      other.close();
    });
    const folder = testFolder();
    await expect(fakeCluster({ basePort: port }, folder)).rejects.toMatchObject({
      code: 'listen-failed',
      details: { port: port + 1 },
    });
    expect(LocalCluster.exists(folder)).toBe(false);
  });

  it('past the last one there is are refused', async () => {
    await expect(fakeCluster({ basePort: 65_534 })).rejects.toThrow(/--base-port/);
  });
});

describe('processes', () => {
  it('run apart, each with its folder and its log, and all end with down', async () => {
    const cluster = await runningCluster();
    const processes = cluster.nodes.map((node) => node.process!);
    expect(states(cluster)).toEqual(['up', 'up', 'up']);
    expect(readFileSync(join(cluster.directory, 'node-2.log'), 'utf8')).toContain('listening');
    expect(existsSync(join(cluster.directory, 'node-3'))).toBe(true);
    expect(await cluster.down()).toEqual([]);
    expect(processes.some(isAlive)).toBe(false);
    expect(cluster.nodes.map((node) => node.process)).toEqual([undefined, undefined, undefined]);
  });

  it('are started again alone, if they are down, and only then', async () => {
    const cluster = await runningCluster();
    const before = cluster.nodes.map((node) => node.process?.pid);
    expect(await cluster.kill(2)).toBe(true);
    expect(await cluster.kill(2)).toBe(false);
    expect(states(cluster)).toEqual(['up', 'down', 'up']);
    const started = await cluster.start([1, 2, 3]);
    expect(started.map(({ number }) => number)).toEqual([2]);
    const after = cluster.nodes.map((node) => node.process?.pid);
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(after[1]).not.toBe(before[1]);
  });

  it('that are paused are resumed before they are stopped', async () => {
    const cluster = await runningCluster();
    const paused = cluster.node(1).process!;
    expect(await cluster.pause(1)).toBe(true);
    expect(states(cluster)).toEqual(['paused', 'up', 'up']);
    expect(await cluster.stop(1)).toBe('stopped');
    expect(isAlive(paused)).toBe(false);
  });

  it('go on after resume', async () => {
    const cluster = await runningCluster();
    await cluster.pause(3);
    expect(await cluster.resume(3)).toBe(true);
    expect(states(cluster)).toEqual(['up', 'up', 'up']);
    await answering(cluster.node(3).name);
  });

  it('with the number of a node that has ended are not taken for it', async () => {
    const cluster = await runningCluster();
    await cluster.kill(1);
    const child = stranger();
    // As if the number had been given again: the same number, another start.
    const reused = { pid: child.pid!, startTime: 1 };
    await changeRecord(cluster.directory, (record) => ({
      ...record!,
      nodes: record!.nodes.map((node) => (node.number === 1 ? { ...node, process: reused } : node)),
    }));
    expect(states(cluster)[0]).toBe('down');
    expect(await cluster.kill(1)).toBe(false);
    expect(await cluster.stop(1)).toBe('was down');
    expect(await cluster.pause(1)).toBe(false);
    await cluster.down();
    expect(child.exitCode).toBeNull();
    expect(child.signalCode).toBeNull();
  });

  it('that end instead of starting have told why', async () => {
    const cluster = await fakeCluster({ nodeArguments: ['--log-level', 'fatal'] });
    await cluster.start([1]);
    await until(20_000, 'node 1 has ended', () => cluster.stateOf(cluster.node(1)) === 'down');
    expect(cluster.causeOfDeath(cluster.node(1))).toBe('the disk is made of cheese [disk-failure]');
  });
});

describe('a cluster that grows and shrinks', () => {
  it('gives a new node the next number and port, and never a number twice', async () => {
    const cluster = await runningCluster({ basePort: await freePorts(5) });
    const added = await cluster.add({ kind: 'clone', zone: 'c' });
    expect(added).toMatchObject({ number: 4, port: cluster.node(3).port + 1, kind: 'clone', zone: 'c' });
    await answering(added.name);
    await cluster.stop(4);
    await cluster.forget(4);
    expect(cluster.nodes.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect((await cluster.add({ kind: 'replica', zone: '' })).number).toBe(5);
  });

  it('wiped leaves nothing of its own, and everything of others', async () => {
    const cluster = await runningCluster();
    expect(() => cluster.wipe()).toThrow(/still run/);
    await cluster.down();
    mkdirSync(join(cluster.directory, 'node-notes'));
    cluster.wipe();
    expect(readdirSync(cluster.directory)).toEqual(['node-notes']);
  });
});
