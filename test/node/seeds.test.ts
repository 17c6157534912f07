/** Where a node looks for its cluster: fixed seeds, DNS of both kinds, and what happens when DNS fails. */
import { getServers, setServers } from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Resolver, Seeds, type SeedsOptions, SYSTEM_RESOLVER } from '../../src/node/seeds.js';
import { DnsServer } from '../process/network/dns-server.js';
import { until } from '../process/within.js';
import { Log } from './gossip-cluster.js';

/** Answers as the test says; what isn't set fails as if there were no such name. */
class ScriptedResolver implements Resolver {
  readonly asked: string[] = [];
  hosts: readonly string[] | undefined;
  records: readonly { readonly name: string; readonly port: number }[] | undefined;

  async addresses(name: string): Promise<readonly string[]> {
    this.asked.push(`A ${name}`);
    return this.hosts ?? notFound();
  }

  async services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]> {
    this.asked.push(`SRV ${name}`);
    return this.records ?? notFound();
  }
}

/** From now on this process asks these name servers. */
function useServers(servers: readonly string[]): void {
  setServers(servers);
  // They come with a new resolver, whose functions were imported already.
  syncBuiltinESMExports();
}

function notFound(): never {
  throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
}

function seedsWith(changes: Partial<SeedsOptions> = {}) {
  const resolver = new ScriptedResolver();
  const log = new Log();
  const dns = { name: 'cluster.example', port: 2113 };
  const seeds = new Seeds({ fixed: [], dns, resolver, isAlone: () => false, logger: log, ...changes });
  onTestFinished(() => seeds.stop());
  return { seeds, resolver, log };
}

describe('seeds', () => {
  it('are those of the options, without DNS', async () => {
    const { seeds, resolver } = seedsWith({ fixed: ['a:1', 'b:2', 'a:1'], dns: undefined });
    await seeds.start();
    expect(seeds.names).toEqual(['a:1', 'b:2']);
    expect(resolver.asked).toEqual([]);
  });

  it('are the addresses that DNS names, with the port of gossip', async () => {
    const { seeds, resolver } = seedsWith({ fixed: ['z:1'] });
    resolver.hosts = ['10.0.0.2', '2001:db8::1', '10.0.0.1', '10.0.0.2'];
    await seeds.start();
    expect(seeds.names).toEqual(['z:1', '10.0.0.1:2113', '10.0.0.2:2113', '[2001:db8::1]:2113']);
    expect(resolver.asked).toEqual(['A cluster.example']);
  });

  it('are hosts and ports of SRV records, if the name is one of a service', async () => {
    const { seeds, resolver } = seedsWith({ dns: { name: '_cairn._tcp.example', port: 2113 } });
    resolver.records = [
      { name: 'N2.example.', port: 5002 },
      { name: 'n1.example', port: 5001 },
      { name: 'not a name', port: 1 },
      { name: 'n3.example', port: 0 },
    ];
    await seeds.start();
    expect(seeds.names).toEqual(['n1.example:5001', 'n2.example:5002']);
    expect(resolver.asked).toEqual(['SRV _cairn._tcp.example']);
  });

  it('are not more than a cluster can need, whatever DNS says', async () => {
    const { seeds, resolver } = seedsWith();
    resolver.hosts = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    await seeds.start();
    expect(seeds.names).toHaveLength(64);
  });

  it('follow what DNS says', async () => {
    const { seeds, resolver, log } = seedsWith();
    resolver.hosts = ['10.0.0.1'];
    await seeds.start();
    resolver.hosts = ['10.0.0.9'];
    await seeds.refresh();
    expect(seeds.names).toEqual(['10.0.0.9:2113']);
    await seeds.refresh();
    expect(log.lines.filter(({ level }) => level === 'info')).toHaveLength(2);
  });

  it('stay as they were while DNS fails, which is said once', async () => {
    const { seeds, resolver, log } = seedsWith();
    resolver.hosts = ['10.0.0.1'];
    await seeds.start();
    resolver.hosts = undefined;
    await seeds.refresh();
    await seeds.refresh();
    expect(seeds.names).toEqual(['10.0.0.1:2113']);
    expect(log.warnings('DNS').map(({ facts }) => facts['reason'])).toEqual(['ENOTFOUND']);
    resolver.hosts = [];
    await seeds.refresh();
    expect(log.warnings('DNS')).toHaveLength(2);
    resolver.hosts = ['10.0.0.1'];
    await seeds.refresh();
    resolver.hosts = undefined;
    await seeds.refresh();
    expect(log.warnings('DNS')).toHaveLength(3);
  });

  it('are asked for again at once as long as nobody is known', async () => {
    const { seeds, resolver } = seedsWith({ isAlone: () => true });
    await seeds.start();
    expect(seeds.names).toEqual([]);
    resolver.hosts = ['10.0.0.1'];
    await until(20_000, 'DNS is asked again', () => seeds.names.length === 1);
  });

  it('are asked for once at a time', async () => {
    const { seeds, resolver } = seedsWith();
    await Promise.all([seeds.start(), seeds.refresh(), seeds.refresh()]);
    expect(resolver.asked).toHaveLength(1);
  });
});

describe("the machine's own resolver", () => {
  it('knows localhost', async () => {
    const addresses = await SYSTEM_RESOLVER.addresses('localhost');
    expect(addresses.some((address) => address === '127.0.0.1' || address === '::1')).toBe(true);
  });

  it('takes SRV records from a name server, and what they are now', async () => {
    const server = await DnsServer.listen('127.0.0.1');
    const before = getServers();
    useServers([server.address]);
    onTestFinished(() => {
      useServers(before);
      server.close();
    });
    const name = '_cairn._tcp.cluster.example';
    const { seeds, log } = seedsWith({ dns: { name, port: 2113 }, resolver: SYSTEM_RESOLVER });
    await seeds.start();
    expect(log.warnings('DNS').map(({ facts }) => facts['reason'])).toEqual(['ENOTFOUND']);
    server.names.set(name, [
      { host: 'n2.cluster.example', port: 5002 },
      { host: 'n1.cluster.example', port: 5001 },
    ]);
    await seeds.refresh();
    expect(seeds.names).toEqual(['n1.cluster.example:5001', 'n2.cluster.example:5002']);
    server.names.set(name, [{ host: 'n9.cluster.example', port: 5009 }]);
    await seeds.refresh();
    expect(seeds.names).toEqual(['n9.cluster.example:5009']);
    expect(new Set(server.asked)).toEqual(new Set([`SRV ${name}`]));
  });

  it('rejects a name that there is not', async () => {
    await expect(SYSTEM_RESOLVER.addresses('no-such-host.invalid')).rejects.toThrow();
  });
});
