import { once } from 'node:events';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { etcdTarget } from '../../../bench/peers/etcd-client.js';
import { driven } from './fake-server.js';

const LOAD = { inFlight: 8, eventBytes: 256 };

describe('the client of etcd', () => {
  async function withHttp2(
    status: (count: number) => number,
    body: (port: number, seen: string[]) => Promise<void>,
  ): Promise<void> {
    const seen: string[] = [];
    const server: Http2Server = createServer();
    server.on('session', (session) => session.on('error', () => session.destroy()));
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => stream.destroy());
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const put = Buffer.concat(chunks);
        seen.push(`${headers[':method']} ${headers[':path']} ${headers['content-type']} ${put.length}`);
        const code = status(seen.length);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(code) }));
        stream.end(code === 0 ? Buffer.of(0, 0, 0, 0, 2, 10, 0) : undefined);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await body((server.address() as AddressInfo).port, seen);
    } finally {
      server.close();
      await once(server, 'close');
    }
  }

  test('speaks HTTP/2 that Node’s own server understands, beyond the first window', async () => {
    const load = { inFlight: 16, eventBytes: 8000 };
    await withHttp2(
      () => 0,
      async (port, seen) => {
        expect(await driven(await etcdTarget(port, load), 16, 10)).toEqual({ succeeded: 160, failed: 0 });
        expect(seen).toHaveLength(160);
        expect(new Set(seen)).toEqual(new Set(['POST /etcdserverpb.KV/Put application/grpc 8029']));
      },
    );
  });

  test('an end without a message is a failure', async () => {
    await withHttp2(
      (count) => (count % 4 === 0 ? 14 : 0),
      async (port) => {
        expect(await driven(await etcdTarget(port, LOAD), 8, 4)).toEqual({ succeeded: 24, failed: 8 });
      },
    );
  });
});
