/**
 * Several engines in the test's own process, with real folders and threads, and in place of sockets a network that the test can cut. Messages are
 * encoded and decoded as on the wire, and arrive in order or not at all.
 */
import { join } from 'node:path';
import type { CairnError } from '../../src/base/errors.js';
import { decodeMessage, encodeMessage } from '../../src/cluster/message-codec.js';
import type { Message, MessageOf } from '../../src/cluster/messages.js';
import type { Engine } from '../../src/node/engine.js';
import type { EngineOptions } from '../../src/node/engine-options.js';
import { openEngine } from '../../src/node/open-engine.js';
import type { PeerTransport } from '../../src/node/peer-transport.js';
import { within } from '../process/within.js';
import { engineOptions } from './engine-rig.js';

const DEADLINE_MS = 45_000;
const LOOK_MS = 5;

export class EngineNetwork {
  readonly names: readonly string[];
  readonly failures: CairnError[] = [];
  /** What the nodes noted, as `name: message`. */
  readonly notes: string[] = [];
  readonly #folder: string;
  readonly #changes: Partial<EngineOptions>;
  readonly #engines = new Map<string, Engine>();
  /** Nodes that nobody hears, and that hear nobody. */
  readonly #isolated = new Set<string>();

  constructor(folder: string, size: number, changes: Partial<EngineOptions> = {}) {
    this.#folder = folder;
    this.#changes = changes;
    this.names = Array.from({ length: size }, (_, i) => `node-${i + 1}:1`);
    for (const name of this.names) this.start(name);
  }

  start(name: string): void {
    const transport: PeerTransport = {
      send: (to, message) => void this.#deliver(name, to, message),
      ship: (to, range, sent) => this.#ship(name, to, range, sent),
      stop: () => undefined,
    };
    const engine = openEngine({
      options: engineOptions(this.folderOf(name), this.#changes),
      cluster: {
        ...{ name, zone: '', role: 'voter', clusterSize: this.names.length, seeds: this.names, priority: 0 },
        ...{ electionTimeoutMs: 1_500, heartbeatIntervalMs: 200, deadVoterTimeoutMs: 600_000 },
        diskStallTimeoutMs: 30_000,
      },
      transport,
      events: {
        note: (message, facts) => this.notes.push(`${name}: ${message} ${JSON.stringify(facts)}`),
        warn: (message, facts) => this.notes.push(`${name}: ${message} ${JSON.stringify(facts)}`),
        failed: (error) => this.failures.push(error),
      },
    });
    this.#engines.set(name, engine);
  }

  folderOf(name: string): string {
    return join(this.#folder, name.split(':')[0]!);
  }

  engine(name: string): Engine {
    const engine = this.#engines.get(name);
    if (engine === undefined) throw new Error(`${name} does not run`);
    return engine;
  }

  /** Cuts the node off. */
  isolate(name: string): void {
    this.#isolated.add(name);
  }

  rejoin(name: string): void {
    this.#isolated.delete(name);
  }

  heal(): void {
    this.#isolated.clear();
  }

  async stop(name: string): Promise<void> {
    const engine = this.engine(name);
    this.#engines.delete(name);
    await engine.stop();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#engines.keys()].map((name) => this.stop(name)));
  }

  /** The node that leads, once one of those that are not cut off does, and takes appends. */
  async leader(): Promise<string> {
    let leader: string | undefined;
    await this.until('a leader', () => {
      leader = this.names.find(
        (name) => !this.#isolated.has(name) && this.#engines.get(name)?.isLeading === true,
      );
      return leader !== undefined;
    });
    return leader!;
  }

  /** Resolves when all nodes that run have the same log, to the last checksum, and all of it committed. */
  async settled(): Promise<void> {
    await this.until('all logs are the same', () => {
      const stores = [...this.#engines.values()].map(({ store }) => store);
      const first = stores[0]?.producer;
      return stores.every((store) => {
        if (store === undefined || first === undefined) return false;
        const { end, published } = store.producer;
        return (
          end.position === first.published && end.chain === first.end.chain && store.committed === published
        );
      });
    });
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    const reached = async (): Promise<void> => {
      while (!isSo()) {
        if (this.failures.length > 0) throw this.failures[0]!;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    };
    await within(DEADLINE_MS, what, reached()).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.notes.join('\n')}`, { cause: error });
    });
  }

  #reaches(from: string, to: string): boolean {
    return !this.#isolated.has(from) && !this.#isolated.has(to) && this.#engines.has(to);
  }

  #deliver(from: string, to: string, message: Message): boolean {
    if (!this.#reaches(from, to)) return false;
    const bytes = encodeMessage(message).slice();
    setImmediate(() => {
      if (!this.#reaches(from, to)) return;
      const decoded = decodeMessage(bytes);
      if (decoded.kind === 'invalid') throw new Error(decoded.reason);
      this.engine(to).receive(decoded);
    });
    return true;
  }

  #ship(from: string, to: string, range: MessageOf<'range'>, sent: () => void): boolean {
    if (!this.#deliver(from, to, range)) return false;
    setImmediate(sent);
    return true;
  }
}
