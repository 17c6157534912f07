/**
 * A gate: a listener in front of a node, through which others reach it over their links. Main thread of the proxy. Who it is that connects a node says
 * itself, in the head of its request or its first message (docs/peer-protocol.md); who says nothing is not of the topology, and is not delayed.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Connection, type Ends } from './connection.js';
import type { Party, ProxyCore } from './proxy-core.js';

export interface GateSettings {
  readonly target: Party;
  readonly targetPort: number;
  /** A client that alone uses this gate; undefined: a gate for nodes. */
  readonly client: Party | undefined;
}

export class Gate {
  readonly #core: ProxyCore;
  readonly #settings: GateSettings;
  readonly #partyOf: (name: string) => Party | undefined;
  readonly #server: Server;

  /** `partyOf`: whom a node's advertised name belongs to. */
  constructor(core: ProxyCore, settings: GateSettings, partyOf: (name: string) => Party | undefined) {
    this.#core = core;
    this.#settings = settings;
    this.#partyOf = partyOf;
    this.#server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves to the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(inbound: Socket): void {
    const { targetPort, target, client } = this.#settings;
    const outbound = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const ends: Ends = { inbound, outbound, target, client, partyOf: this.#partyOf };
    new Connection(this.#core, ends).start();
  }
}
