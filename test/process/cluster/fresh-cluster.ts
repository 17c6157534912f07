/** A cluster of three for each test of a file, with clients that outlast whatever happens to its nodes. */
import { afterEach, beforeEach } from 'vitest';
import { type Client, type ClientOptions, connect } from '../../../src/client/client.js';
import { removeFolder, temporaryFolder } from '../node-process.js';
import { ClusterProcess } from './cluster-process.js';

const PATIENT = { requestTimeoutMs: 30_000, reconnect: { attempts: 1000 } };
/** For what takes an election and some restarts. */
export const DEADLINE_MS = 40_000;

export class FreshCluster {
  /** In the order in which they were connected. */
  readonly clients: Client[] = [];
  #scratch = '';
  #cluster: ClusterProcess | undefined;

  /** To be called where tests are declared. */
  static forEachTest(): FreshCluster {
    const fresh = new FreshCluster();
    beforeEach(() => fresh.#start());
    afterEach(() => fresh.#remove());
    return fresh;
  }

  get now(): ClusterProcess {
    if (this.#cluster === undefined) throw new Error('there is a cluster during a test only');
    return this.#cluster;
  }

  readonly connected = async (options: ClientOptions = {}): Promise<Client> => {
    const urls = this.now.members.map(({ name }) => `ws://${name}`);
    const client = await connect(urls, { ...PATIENT, ...options });
    this.clients.push(client);
    return client;
  };

  async #start(): Promise<void> {
    this.#scratch = temporaryFolder();
    this.#cluster = await ClusterProcess.create({ size: 3, scratch: this.#scratch });
    await this.#cluster.start();
  }

  async #remove(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    await this.#cluster?.remove();
    this.#cluster = undefined;
    removeFolder(this.#scratch);
  }
}
