/** Gossip agents on loopback, each with a real HTTP server of its own, and clocks, DNS and faults that a test holds in its hands. */
import { performance } from 'node:perf_hooks';
import { onTestFinished } from 'vitest';
import type { GossipFacts } from '../../src/cluster/gossip-entry.js';
import { gossipRoutes } from '../../src/net/http/gossip-routes.js';
import { Router } from '../../src/net/http/router.js';
import { NodeServer } from '../../src/net/server.js';
import { GossipAgent, type GossipAgentOptions } from '../../src/node/gossip-agent.js';
import { idOf } from '../cluster/ids.js';
import { CLUSTER_ID } from '../net/scripted-node.js';
import { until } from '../process/within.js';

/** What an agent has logged: level and message, with its facts. */
export interface Line {
  readonly level: 'info' | 'warn';
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export class Log {
  readonly lines: Line[] = [];

  readonly info = (facts: object, text?: string): void => this.#note('info', facts, text);
  readonly warn = (facts: object, text?: string): void => this.#note('warn', facts, text);

  warnings(about: string): readonly Line[] {
    return this.lines.filter(({ level, text }) => level === 'warn' && text.includes(about));
  }

  #note(level: Line['level'], facts: object, text = ''): void {
    this.lines.push({ level, text, facts: { ...facts } });
  }
}

/** One node as far as gossip goes. */
export class Gossiper {
  readonly number: number;
  readonly log = new Log();
  readonly blocked = new Set<string>();
  readonly exchanges: boolean[] = [];
  seeds: readonly string[] = [];
  clusterId: string | undefined = CLUSTER_ID;
  wallOffsetMs = 0;
  facts: Partial<GossipFacts> = {};
  requests = 0;
  server!: NodeServer;
  agent!: GossipAgent;

  constructor(number: number) {
    this.number = number;
  }

  get name(): string {
    return this.server.address;
  }

  /** Listens; begins to gossip only when `agent.start()` is called. `port`: of a node that was there before. */
  async open(changes: Partial<GossipAgentOptions> = {}, port = 0): Promise<this> {
    const router = new Router('127.0.0.1', [
      ...gossipRoutes(
        {
          receive: (message) => this.agent.receive(message),
          members: () => [],
          clockDifferencesMs: new Map(),
        },
        () => ({}),
      ),
    ]);
    this.server = await NodeServer.listen({
      ...{ host: '127.0.0.1', port },
      answer: (request, response) => {
        this.requests++;
        router.handle(request, response);
      },
      upgrades: new Map([['/none', { ...NO_UPGRADE }]]),
    });
    this.agent = new GossipAgent({ ...this.#options(), ...changes });
    onTestFinished(() => this.close());
    return this;
  }

  async close(): Promise<void> {
    this.agent.stop();
    await this.server.stop();
  }

  /** Names of those who it believes to be alive, without itself. */
  living(): readonly string[] {
    const others = this.agent.members().filter(({ entry }) => entry.memberId !== idOf(this.number));
    return others.filter(({ isAlive }) => isAlive).map(({ entry }) => entry.name);
  }

  knows(...others: readonly Gossiper[]): Promise<unknown> {
    const names = others.map(({ name }) => name);
    return until(20_000, `node ${this.number} hears of ${names.join()}`, () => {
      const living = this.living();
      return names.every((name) => living.includes(name)) && living.length === names.length;
    });
  }

  #options(): GossipAgentOptions {
    const seeds = () => this.seeds;
    return {
      ...{ memberId: idOf(this.number), start: 1, clusterId: () => this.clusterId },
      facts: () => ({
        ...{ name: this.name, clientAddress: this.name, zone: '', role: 'voter', nodeRole: 'following' },
        ...{
          leader: '',
          epoch: 0,
          epochPosition: 0,
          commit: 0,
          indexed: 0,
          end: 0,
          priority: 0,
          release: '1',
        },
        ...this.facts,
      }),
      seeds: {
        get names() {
          return seeds();
        },
      },
      ...{ intervalMs: 100, timeoutMs: 5000, allowedDifferenceMs: 60_000, forgetAfterMs: 1_800_000 },
      clock: {
        monotonicMs: () => performance.now(),
        wallUs: () => (Date.now() + this.wallOffsetMs) * 1000,
      },
      random: Math.random,
      isBlocked: (name) => this.blocked.has(name),
      observe: (_seconds, isSuccessful) => this.exchanges.push(isSuccessful),
      logger: this.log,
    };
  }
}

const NO_UPGRADE = {
  ...{ connectionsMax: 100, messageBytesMax: 1, earlyBytesMax: 1, takesBrowsers: false },
  accept: (): never => {
    throw new Error('nobody upgrades');
  },
};

/** Nodes 1 to `count`, all with the first as their seed; they gossip from now on. */
export async function gossipers(count: number): Promise<readonly Gossiper[]> {
  const nodes: Gossiper[] = [];
  for (let number = 1; number <= count; number++) nodes.push(await new Gossiper(number).open());
  for (const node of nodes) node.seeds = [nodes[0]!.name];
  for (const node of nodes) node.agent.start();
  return nodes;
}
