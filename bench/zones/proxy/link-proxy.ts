/** The proxy as main sees it: started, told what the links are like, asked what has passed, and ended. Main thread. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CairnError } from '../../../src/base/errors.js';
import { compiledBenchEntry } from '../compiled-entry.js';
import type { LinkShape } from '../link-shape.js';
import type { Passage } from './passages.js';
import type { ProxyCommand, ProxyReport, ProxyStart } from './proxy-messages.js';

export class LinkProxy {
  readonly #worker: Worker;
  /** Ports by which nodes reach each node. */
  readonly nodePorts: readonly number[];
  /** Ports by which each client reaches each node. */
  readonly clientPorts: readonly (readonly number[])[];

  private constructor(worker: Worker, ports: Extract<ProxyReport, { kind: 'listening' }>) {
    this.#worker = worker;
    this.nodePorts = ports.nodes;
    this.clientPorts = ports.clients;
  }

  /** Without delays at first. */
  static async start(start: ProxyStart): Promise<LinkProxy> {
    const entry = compiledBenchEntry(new URL('./proxy-thread.js', import.meta.url));
    const worker = new Worker(entry, { workerData: start, name: 'links' });
    const [report] = (await once(worker, 'message')) as [ProxyReport];
    if (report.kind !== 'listening')
      throw new CairnError('listen-failed', 'the proxy of the links does not say where it listens');
    return new LinkProxy(worker, report);
  }

  async setLinks(links: ReadonlyMap<string, LinkShape>): Promise<void> {
    await this.#ask({ kind: 'links', links });
  }

  /** What would enter or leave these zones is lost from now on. */
  async cut(zones: ReadonlySet<string>): Promise<void> {
    await this.#ask({ kind: 'cut', zones });
  }

  /** Records all messages of the topology from now on. */
  async record(): Promise<void> {
    await this.#ask({ kind: 'record', isOn: true });
  }

  /** What has passed since {@link record}, by when it left its link. */
  async recorded(): Promise<readonly Passage[]> {
    return await this.#ask({ kind: 'record', isOn: false });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask(command: ProxyCommand): Promise<readonly Passage[]> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage(command);
    const [report] = (await answered) as [ProxyReport];
    return report.kind === 'done' ? report.passages : [];
  }
}
