/** The proxy with real sockets: order, delays that are not undercut, cuts. How late it is at most depends on the machine, and is not asserted. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_DELAY } from '../../../bench/zones/link-shape.js';
import { LinkProxy } from '../../../bench/zones/proxy/link-proxy.js';
import { linkKey } from '../../../bench/zones/topology.js';

const DELAY_MS = 15;
const HEAD = 'GET / HTTP/1.1\r\n\r\n';

let echo: Server;
let proxy: LinkProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await LinkProxy.start({
    seed: 1,
    nodes: [{ party: { name: 'n1', zone: 'far' }, port: (echo.address() as AddressInfo).port }],
    clients: [
      { name: '(here)', zone: 'here' },
      { name: '(there)', zone: 'there' },
    ],
  });
  const link = { ...NO_DELAY, delayMs: DELAY_MS };
  await proxy.setLinks(
    new Map(
      ['here', 'there'].flatMap((zone) =>
        [linkKey(zone, 'far'), linkKey('far', zone)].map((key) => [key, link] as const),
      ),
    ),
  );
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.stop();
  echo.close();
});

/** A client of the echo, and all that it has heard. */
function client(index: number): {
  socket: Socket;
  heard: () => string;
  until: (text: string) => Promise<void>;
} {
  const socket = connect(proxy.clientPorts[index]![0]!, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString();
  });
  const until = async (wanted: string) => {
    while (!text.includes(wanted)) await once(socket, 'data');
  };
  return { socket, heard: () => text, until };
}

describe('through a gate', () => {
  test('everything arrives, in order, and not before it could have', async () => {
    const { socket, heard, until } = client(0);
    const startMs = performance.now();
    socket.write(HEAD);
    await until(HEAD);
    // The handshake, and there and back.
    expect(performance.now() - startMs).toBeGreaterThan(4 * DELAY_MS * 0.95);
    const words = Array.from({ length: 200 }, (_, index) => `word ${index};`);
    const sentMs = performance.now();
    for (const word of words) socket.write(word);
    await until(words.at(-1)!);
    expect(performance.now() - sentMs).toBeGreaterThan(2 * DELAY_MS * 0.95);
    expect(heard()).toBe(HEAD + words.join(''));
  });

  test('what passes is recorded, with when it entered its link and when it left it', async () => {
    const { socket, until } = client(0);
    socket.write(HEAD);
    await until(HEAD);
    await proxy.record();
    socket.write('more');
    await until('more');
    const passages = await proxy.recorded();
    expect(passages.map(({ from, to, kind }) => [from, to, kind])).toEqual([
      ['(here)', 'n1', 'http'],
      ['n1', '(here)', 'http'],
    ]);
    for (const { enteredMs, leftMs } of passages) expect(leftMs - enteredMs).toBeGreaterThan(DELAY_MS * 0.95);
  });

  test('a zone that is cut off hears nothing more, not even what is under way, and others do', async () => {
    const [lost, well] = [client(0), client(1)];
    for (const { socket, until } of [lost, well]) {
      socket.write(HEAD);
      await until(HEAD);
    }
    lost.socket.write('under way');
    await proxy.cut(new Set(['here']));
    lost.socket.write('too late');
    for (const word of ['one', 'two', 'three']) {
      well.socket.write(word);
      await well.until(word);
    }
    expect(lost.heard()).toBe(HEAD);
  });

  test('who hangs up is missed by the other side', async () => {
    const { socket, until } = client(0);
    socket.write(HEAD);
    await until(HEAD);
    const [behind] = sockets.slice(-1);
    const closed = once(behind!, 'close');
    socket.end();
    await closed;
  });
});
