/**
 * Where to look for the cluster: the nodes that GossipSeed names, and those that DNS does, asked again and again. Main thread. The list is
 * live: `names` is what is known now. What DNS said last counts until it says something else; that it fails changes nothing.
 */
import { lookup, resolveSrv } from 'node:dns/promises';
import type { Logger } from 'pino';
import { formatEndpoint, parseEndpoint } from '../base/endpoint.js';

/** How names are looked up. Both reject if there is no answer. */
export interface Resolver {
  /** IP addresses (A and AAAA records, and what else this machine knows a host by). */
  addresses(name: string): Promise<readonly string[]>;
  /** SRV records. */
  services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
}

/** The machine's own resolver, hosts file and search domains included: what a container's short names need. */
export const SYSTEM_RESOLVER: Resolver = {
  addresses: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  services: (name) => resolveSrv(name),
};

export interface SeedsOptions {
  readonly fixed: readonly string[];
  /** Undefined = DNS is not asked. */
  readonly dns: { readonly name: string; readonly port: number } | undefined;
  readonly resolver: Resolver;
  /** Whether nobody else is known: then DNS is asked more often. */
  readonly isAlone: () => boolean;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** KurrentDB asks until the first success; machines come and go, so we go on. */
const REFRESH_MS = 30_000;
const ALONE_REFRESH_MS = 1_000;
/** More than any cluster has; an answer of DNS can be large. */
const SEEDS_MAX = 64;

export class Seeds {
  readonly #options: SeedsOptions;
  #found: readonly string[] = [];
  #names: readonly string[];
  /** What was wrong at the last time; '' = nothing. */
  #failure = '';
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: SeedsOptions) {
    this.#options = options;
    this.#names = [...new Set(options.fixed)];
  }

  /** `host:port` of each, without doubles, in a stable order. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Begins to ask DNS; resolves when it has answered, or failed, once. */
  async start(): Promise<void> {
    if (this.#options.dns !== undefined) await this.refresh();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Asks DNS now, or waits for the question that is under way. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
      this.#schedule();
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { dns } = this.#options;
    if (dns === undefined) return;
    try {
      const found = await this.#resolve(dns);
      if (found.length === 0) throw new Error('the answer is empty');
      if (!this.#isStopped) this.#noteFound(dns.name, found);
    } catch (error) {
      if (!this.#isStopped) this.#noteFailure(dns.name, error);
    }
  }

  async #resolve({
    name,
    port,
  }: {
    readonly name: string;
    readonly port: number;
  }): Promise<readonly string[]> {
    const { resolver } = this.#options;
    // RFC 2782: the names that SRV records are for begin with `_service._proto`; hosts' names don't.
    const endpoints = name.startsWith('_')
      ? (await resolver.services(name)).map((record) => ({ host: record.name, port: record.port }))
      : (await resolver.addresses(name)).map((host) => ({ host, port }));
    const names = endpoints.map(formatEndpoint).map(parseEndpoint);
    const valid = names.filter((endpoint) => endpoint !== undefined).map(formatEndpoint);
    return [...new Set(valid)].sort().slice(0, SEEDS_MAX);
  }

  #noteFound(name: string, found: readonly string[]): void {
    const { fixed, logger } = this.#options;
    this.#failure = '';
    if (found.join() === this.#found.join()) return;
    this.#found = found;
    this.#names = [...new Set([...fixed, ...found])];
    logger.info({ dns: name, seeds: found }, 'DNS names seeds');
  }

  /** Once per change: DNS may be gone for hours. */
  #noteFailure(name: string, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code ?? message;
    if (reason === this.#failure) return;
    this.#failure = reason;
    const facts = { dns: name, reason, seeds: this.#found };
    this.#options.logger.warn(facts, 'DNS does not name seeds: those that it named last still count');
  }

  #schedule(): void {
    if (this.#isStopped || this.#options.dns === undefined) return;
    clearTimeout(this.#timer);
    const delayMs = this.#options.isAlone() ? ALONE_REFRESH_MS : REFRESH_MS;
    this.#timer = setTimeout(() => {
      void this.refresh();
    }, delayMs);
  }
}
