/** Gossip over real HTTP: nodes find each other, notice who is gone, and believe nothing that could hurt. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { COUNTER_MAX, encodeGossip } from '../../src/net/gossip-message.js';
import { idOf } from '../cluster/ids.js';
import { entryOf, messageOf } from '../net/scripted-node.js';
import { until } from '../process/within.js';
import { Gossiper, gossipers } from './gossip-cluster.js';

describe('nodes', () => {
  it('that share a seed find each other', async () => {
    const [a, b, c] = await gossipers(3);
    await Promise.all([a!.knows(b!, c!), b!.knows(a!, c!), c!.knows(a!, b!)]);
    expect(a!.agent.isAlone()).toBe(false);
    expect(b!.agent.clientAddressOf(c!.name)).toBe(c!.name);
    expect(b!.agent.clientAddressOf('nobody:1')).toBeUndefined();
  });

  it('that nobody seeds are alone', async () => {
    const node = await new Gossiper(1).open();
    node.agent.start();
    expect(node.agent.isAlone()).toBe(true);
    expect(node.agent.members()).toHaveLength(1);
  });

  it('meet themselves under another name, and leave it at that', async () => {
    const node = await new Gossiper(1).open();
    const alias = node.name.replace('127.0.0.1', 'localhost');
    node.seeds = [alias];
    node.agent.start();
    await until(20_000, 'it has met itself', () => node.exchanges.includes(true));
    const other = await new Gossiper(2).open();
    node.seeds = [alias, other.name];
    await node.knows(other);
    expect(node.agent.members()).toHaveLength(2);
    expect(node.agent.clockDifferencesMs.has(node.name)).toBe(false);
  });

  it('say that all their seeds are themselves, if they belong to no cluster', async () => {
    const node = await new Gossiper(1).open();
    node.clusterId = undefined;
    const alias = node.name.replace('127.0.0.1', 'localhost');
    node.seeds = [alias];
    node.agent.start();
    const warnings = () => node.log.warnings('without GossipSeed');
    await until(20_000, 'a warning', () => warnings().length > 0);
    expect(warnings()[0]!.facts).toEqual({ seeds: alias });
  });

  it('tell what has changed when they announce it, to all at once', async () => {
    const [a, b, c] = [
      await new Gossiper(1).open(),
      await new Gossiper(2).open(),
      await new Gossiper(3).open(),
    ];
    for (const node of [b, c]) {
      node.seeds = [a.name];
      node.agent.start();
    }
    await a.knows(b, c);
    // From now on nobody has rounds: the news can come by the announcement alone.
    for (const node of [b, c]) node.agent.stop();
    a.facts = { nodeRole: 'leader', leader: a.name, epoch: 4 };
    a.agent.announce();
    for (const node of [b, c])
      await until(20_000, 'the news arrive', () =>
        node.agent.members().some(({ entry }) => entry.nodeRole === 'leader' && entry.epoch === 4),
      );
  });

  it('show themselves as they are now', async () => {
    const node = await new Gossiper(1).open();
    node.facts = { commit: 77 };
    expect(node.agent.members()[0]!.entry.commit).toBe(77);
  });
});

describe('a node that is gone', () => {
  it('is dead as soon as nobody listens there, and alive again when it is back', async () => {
    // Silence alone would take longer than this test waits.
    const a = await new Gossiper(1).open({ timeoutMs: 60_000 });
    const b = await new Gossiper(2).open();
    b.seeds = [a.name];
    for (const node of [a, b]) node.agent.start();
    await Promise.all([a.knows(b), b.knows(a)]);
    const { port } = b.server;
    await b.close();
    await until(20_000, 'it is missed', () => a.living().length === 0);
    const again = await new Gossiper(2).open({ start: 2 }, port);
    again.seeds = [a.name];
    again.agent.start();
    await a.knows(again);
  });

  it('is dead at once if its connection is seen to close', async () => {
    const [a, b] = await gossipers(2);
    await Promise.all([a!.knows(b!), b!.knows(a!)]);
    b!.agent.stop();
    a!.agent.noteGone(b!.name);
    expect(a!.living()).toEqual([]);
  });
});

describe('clocks that differ', () => {
  it('are measured and warned about once, and nobody is put out', async () => {
    const [a, b] = await gossipers(2);
    b!.wallOffsetMs = 100_000;
    await until(20_000, 'a warning', () => a!.log.warnings('clocks differ').length > 0);
    await until(20_000, 'more exchanges', () => a!.exchanges.length > 5);
    expect(a!.log.warnings('clocks differ')).toHaveLength(1);
    expect(a!.log.warnings('clocks differ')[0]!.facts).toMatchObject({ peer: b!.name, allowedMs: 60_000 });
    expect(a!.agent.clockDifferencesMs.get(b!.name)).toBeGreaterThan(90_000);
    expect(b!.agent.clockDifferencesMs.get(a!.name)).toBeLessThan(-90_000);
    expect(a!.living()).toEqual([b!.name]);
    b!.wallOffsetMs = 0;
    await until(20_000, 'they agree again', () =>
      a!.log.lines.some(({ text }) => text.includes('agree again')),
    );
    b!.wallOffsetMs = -100_000;
    await until(20_000, 'a second warning', () => a!.log.warnings('clocks differ').length === 2);
  });
});

describe('fault injection', () => {
  it('keeps two nodes apart, both ways, until they are let together again', async () => {
    const [a, b] = await gossipers(2);
    await Promise.all([a!.knows(b!), b!.knows(a!)]);
    a!.blocked.add(b!.name);
    const [asked, failed] = [b!.requests, b!.exchanges.filter((isSuccessful) => !isSuccessful).length];
    await until(20_000, 'b gets no answer', () => b!.exchanges.filter((ok) => !ok).length > failed + 1);
    expect(b!.requests - asked).toBeLessThanOrEqual(1);
    a!.blocked.clear();
    const exchanges = a!.exchanges.length;
    await until(20_000, 'they talk again', () => a!.exchanges.length > exchanges + 1);
    await Promise.all([a!.knows(b!), b!.knows(a!)]);
  });
});

describe('what strangers tell', () => {
  it('is not taken from another cluster, and is warned about once', async () => {
    const [a, b] = [await new Gossiper(1).open(), await new Gossiper(2).open()];
    b.clusterId = idOf(666);
    b.seeds = [a.name];
    b.agent.start();
    await until(20_000, 'they have met some times', () => b.exchanges.length > 3);
    expect([a.living(), b.living()]).toEqual([[], []]);
    expect(a.log.warnings('another cluster')).toHaveLength(1);
    expect(b.exchanges).not.toContain(true);
  });

  it('about this node can not take its voice away', async () => {
    const [a, b] = await gossipers(2);
    await Promise.all([a!.knows(b!), b!.knows(a!)]);
    const lie = entryOf(1, { name: a!.name, version: COUNTER_MAX, nodeRole: 'fenced' });
    a!.agent.receive(messageOf([lie]));
    a!.facts = { commit: 5 };
    await until(20_000, 'b hears the truth', () =>
      b!.agent.members().some(({ entry }) => entry.name === a!.name && entry.commit === 5),
    );
  });

  it('of a copy of this node is warned about, once', async () => {
    const node = await new Gossiper(1).open();
    const copy = entryOf(1, { version: 50 });
    node.agent.receive(messageOf([copy]));
    node.agent.receive(messageOf([{ ...copy, version: 90 }]));
    expect(node.log.warnings('copy of this node')).toHaveLength(1);
  });

  it('never makes it keep more than a bounded number of names', async () => {
    const node = await new Gossiper(1).open();
    for (let i = 2; i < 2000; i++)
      node.agent.receive(messageOf([entryOf(i)], { from: `made-up-${i}:1`, memberId: idOf(i) }));
    expect(node.agent.members().length).toBeLessThanOrEqual(64);
    expect(node.agent.clockDifferencesMs.size).toBeLessThanOrEqual(128);
    node.agent.start();
    await until(20_000, 'unknown names are dropped', () => node.agent.clockDifferencesMs.size <= 64);
  });
});

describe('an answer', () => {
  /** A server that answers each POST as it is told. */
  async function answering(answer: (response: ServerResponse) => void): Promise<string> {
    const server: Server = createServer((request, response) => {
      request.resume();
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each<[string, (response: ServerResponse) => void]>([
    ['is no gossip', (response) => response.end('<html>')],
    ['never ends', (response) => response.write('{')],
    ['never begins', () => undefined],
    ['is endless', (response) => flood(response)],
    ['is an error', (response) => response.writeHead(500).end('{}')],
    ['sends elsewhere', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['breaks off', (response) => response.destroy()],
    [
      'is of another cluster',
      (response) => response.end(encodeGossip(messageOf([entryOf(2)], { clusterId: idOf(5) }))),
    ],
  ])('that %s changes nothing, and the rounds go on', async (_what, answer) => {
    const node = await new Gossiper(1).open({ timeoutMs: 300 });
    node.seeds = [await answering(answer)];
    node.agent.start();
    await until(20_000, 'some exchanges', () => node.exchanges.length > 2);
    expect(node.living()).toEqual([]);
  });

  function flood(response: ServerResponse): void {
    const fill = () => {
      while (response.write(' '.repeat(65_536)));
    };
    response.on('drain', fill);
    response.on('error', () => response.destroy());
    fill();
  }

  it('is waited for before the same node is asked again', async () => {
    const [a, b] = [await new Gossiper(1).open(), await new Gossiper(2).open()];
    b.seeds = [a.name];
    b.agent.start();
    await a.knows(b);
    b.agent.stop();
    const before = b.requests;
    for (let i = 0; i < 10; i++) a.agent.announce();
    await until(20_000, 'an answer', () => a.exchanges.length > 0);
    a.facts = { commit: 9 };
    a.agent.announce();
    await until(20_000, 'the last news', () => b.agent.members().some(({ entry }) => entry.commit === 9));
    expect(b.requests - before).toBe(2);
  });
});

it('a node that has stopped asks nobody any more', async () => {
  const [a, b] = await gossipers(2);
  await Promise.all([a!.knows(b!), b!.knows(a!)]);
  a!.agent.stop();
  b!.agent.stop();
  const before = a!.requests + b!.requests;
  a!.agent.announce();
  expect(a!.requests + b!.requests).toBe(before);
});
