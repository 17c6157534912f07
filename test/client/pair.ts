/** A client and the fake server it talks to, both gone when the test is over. */
import { afterEach } from 'vitest';
import { CairnError, type Client, type ClientOptions, connect } from '../../src/client/client.js';
import { type FakeConnection, FakeServer, type FakeServerOptions } from './fake-server.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Pair {
  readonly server: FakeServer;
  readonly client: Client;
  readonly connection: FakeConnection;
}

/** Reconnects at once, unless told otherwise. */
export async function pair(
  serverOptions: FakeServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<Pair> {
  const server = await fakeServer(serverOptions);
  const client = await connect(server.url, {
    requestTimeoutMs: 5000,
    reconnect: { firstDelayMs: 0, maxDelayMs: 0, attempts: 3 },
    ...clientOptions,
  });
  return { server, client, connection: await server.connection() };
}

export async function fakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const server = await FakeServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

/** The error that a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<CairnError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CairnError)) throw new Error(`no CairnError: ${String(error)}`);
  return error;
}
