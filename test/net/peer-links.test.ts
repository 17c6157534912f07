/** The connections between nodes, on real sockets. */
import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { MESSAGE_BYTES_MAX, PROTOCOL_VERSION } from '../../src/cluster/message-kinds.js';
import { ENVELOPE } from '../cluster/golden-messages.js';
import { PeerRig } from './peer-rig.js';

const OTHER_CLUSTER = '018f4e5c-0000-7000-8000-00000000beef';
const HEADERS = {
  'cairn-peer-protocol': String(PROTOCOL_VERSION),
  'cairn-cluster': ENVELOPE.clusterId,
  'cairn-name': 'stranger:1',
};

let a: PeerRig;
let b: PeerRig;
const raw: WebSocket[] = [];
beforeEach(async () => {
  a = await PeerRig.start();
  b = await PeerRig.start();
});
afterEach(async () => {
  for (const socket of raw.splice(0)) socket.terminate();
  await a.close();
  await b.close();
});

/** A connection that is none of PeerLinks'; resolves to the status that it was answered with, 101 if it was taken. */
async function connect(
  to: PeerRig,
  headers: object = HEADERS,
): Promise<{ socket: WebSocket; status: number }> {
  const socket = new WebSocket(`ws://${to.name}/peer`, { headers: { ...headers } });
  raw.push(socket);
  const status = await new Promise<number>((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });
  return { socket, status };
}

function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve));
}

describe('messages', () => {
  test('arrive whole and in order, in both directions, over one connection each', async () => {
    await a.reach(b);
    await b.reach(a);
    const payload = (i: number) => new Uint8Array(8 * ((i * 997) % 5_000)).fill(i);
    for (let i = 0; i < 300; i++) {
      a.links.send(b.name, a.heartbeat(i));
      b.links.send(a.name, b.range(8 * i, payload(i)));
    }
    await a.until('all have arrived', () => a.ranges.length === 300 && b.rounds.length === 300);
    expect(b.rounds).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(b.received[0]).toEqual(a.heartbeat(1_000_000));
    for (const [i, { position, bytes }] of a.ranges.entries()) {
      expect(position).toBe(8 * i);
      expect(Buffer.compare(bytes, payload(i))).toBe(0);
    }
    expect([a.accepted, b.accepted]).toEqual([1, 1]);
  });

  test('that are sent before the connection is there come first', async () => {
    for (let i = 0; i < 20; i++) a.links.send(b.name, a.heartbeat(i));
    await a.until('all have arrived', () => b.received.length === 20);
    expect(b.rounds).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('to a node that does not read are dropped beyond a limit', async () => {
    const stuck = new StuckPeer();
    await stuck.listen();
    a.links.send(stuck.name, a.heartbeat(0));
    await a.until('it is connected', () => stuck.socket !== undefined);
    const megabyte = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 200; i++) {
      a.links.send(stuck.name, a.range(8 * i, megabyte));
      // So that what can leave does.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const bytes = await stuck.readAll(() => a.links.stop());
    expect(bytes).toBeGreaterThan(1024 * 1024);
    expect(bytes).toBeLessThan(100 * 1024 * 1024);
    stuck.close();
  });
});

describe('ranges', () => {
  test('go over the connection that the follower has made, and it is told when they have left', async () => {
    expect(a.links.ship(b.name, a.range(0, new Uint8Array(8)), () => undefined)).toBe(false);
    await b.reach(a);
    const sent = await new Promise<boolean>((resolve) => {
      expect(a.links.ship(b.name, a.range(800, new Uint8Array(80_000)), () => resolve(true))).toBe(true);
    });
    expect(sent).toBe(true);
    await a.until('it has arrived', () => b.received.length === 1);
    expect(b.received).toMatchObject([{ kind: 'range', position: 800 }]);
    expect([a.accepted, b.accepted]).toEqual([1, 0]);
  });

  test('may be as large as the largest record', async () => {
    await b.reach(a);
    const bytes = new Uint8Array(MESSAGE_BYTES_MAX - 1024).fill(7);
    expect(a.links.ship(b.name, a.range(0, bytes), () => undefined)).toBe(true);
    await a.until('it has arrived', () => b.received.length === 1);
    const [message] = b.received;
    expect(message?.kind === 'range' && Buffer.compare(message.bytes, bytes) === 0).toBe(true);
  });

  test('that are lost with their connection are told as well, once', async () => {
    await b.reach(a);
    let told = 0;
    for (let i = 0; i < 20; i++)
      a.links.ship(b.name, a.range(8 * i, new Uint8Array(4_000_000)), () => told++);
    a.cut();
    await a.until('all are told', () => told === 20);
    expect(told).toBe(20);
  });
});

describe('a node whose process is gone', () => {
  test('is noticed at once, by both who dialled it and who was dialled', async () => {
    await a.reach(b);
    await b.vanish();
    await a.until('it is noticed', () => a.unreachable.length > 0);
    expect(a.unreachable).toEqual([b.name]);
    const c = await PeerRig.start();
    await c.reach(a);
    await a.reach(c);
    c.links.stop();
    await c.vanish();
    await a.until('it is noticed', () => a.unreachable.length > 1);
    expect(new Set(a.unreachable)).toEqual(new Set([b.name, c.name]));
    await c.close();
  });

  test('is not looked for under a name that only a stranger gave itself', async () => {
    const { socket } = await connect(a, { ...HEADERS, 'cairn-name': b.name });
    const closed = closeCode(socket);
    socket.close();
    await closed;
    const c = await PeerRig.start();
    await c.reach(a);
    await a.reach(c);
    expect(b.accepted).toBe(0);
    await c.close();
  });

  test('is noticed by who has something to say to it', async () => {
    await b.vanish();
    a.links.send(b.name, a.heartbeat(1));
    await a.until('it is noticed', () => a.unreachable.length > 0);
    expect(a.unreachable).toEqual([b.name]);
  });

  test('is spoken to again when it is back; what was said meanwhile is lost', async () => {
    await a.reach(b);
    await b.vanish();
    await a.until('it is noticed', () => a.unreachable.length > 0);
    a.links.send(b.name, a.heartbeat(7));
    await b.listen();
    await a.reach(b);
    expect(b.rounds.filter((round) => round === 7).length).toBeLessThanOrEqual(1);
  });
});

test('a connection that breaks, while the node is there, is made anew at once and nobody is called gone', async () => {
  await a.reach(b);
  b.cut();
  await a.until('there is another connection', () => b.accepted === 2);
  await a.reach(b);
  expect(a.unreachable).toEqual([]);
  expect(b.accepted).toBe(2);
});

describe('a node that is blocked', () => {
  test('is not heard and not spoken to, from then on, and is no node that is gone', async () => {
    await a.reach(b);
    await b.reach(a);
    a.blocked.add(b.name);
    a.links.applyBlocks();
    const [heardByA, heardByB] = [a.received.length, b.received.length];
    for (let i = 0; i < 10; i++) {
      a.links.send(b.name, a.heartbeat(i));
      b.links.send(a.name, b.heartbeat(i));
      expect(a.links.ship(b.name, a.range(0, new Uint8Array(8)), () => undefined)).toBe(false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await connect(a, { ...HEADERS, 'cairn-name': b.name })).status).toBe(503);
    expect([a.received.length, b.received.length]).toEqual([heardByA, heardByB]);
    expect(a.unreachable).toEqual([]);
    a.blocked.clear();
    await a.reach(b);
    await b.reach(a);
  });
});

describe('who may connect', () => {
  test.each([
    ['a node of this cluster', HEADERS, 101],
    ['one that belongs to no cluster yet', { ...HEADERS, 'cairn-cluster': '' }, 101],
    ['one of another cluster', { ...HEADERS, 'cairn-cluster': OTHER_CLUSTER }, 409],
    ['one of another protocol', { ...HEADERS, 'cairn-peer-protocol': String(PROTOCOL_VERSION + 1) }, 426],
    ['something that speaks no such protocol', { 'cairn-name': 'x:1' }, 426],
    ['one without a name', { ...HEADERS, 'cairn-name': '' }, 400],
  ])('%s gets %s: %i', async (_who, headers, status) => {
    expect((await connect(a, headers)).status).toBe(status);
  });

  test('anyone, as long as this node belongs to no cluster itself', async () => {
    a.clusterId = undefined;
    expect((await connect(a, { ...HEADERS, 'cairn-cluster': OTHER_CLUSTER })).status).toBe(101);
  });

  test('a node that is turned away is not gone, and may try again', async () => {
    b.clusterId = OTHER_CLUSTER;
    a.links.send(b.name, a.heartbeat(1));
    await b.reach(await sameCluster());
    expect(b.received).toEqual([]);
    expect(a.unreachable).toEqual([]);
    b.clusterId = ENVELOPE.clusterId;
    await a.reach(b);
  });

  /** Some node that `b` can speak to: when that has its message, `a` was turned away as well. */
  async function sameCluster(): Promise<PeerRig> {
    const c = await PeerRig.start();
    c.clusterId = undefined;
    return c;
  }
});

describe('garbage', () => {
  test.each([
    ['of no kind', Buffer.from('hello?')],
    ['of nothing', Buffer.alloc(0)],
    ['of zeros', Buffer.alloc(5_000)],
    ['of a later version', Buffer.from([PROTOCOL_VERSION + 1, 1, 0, 0])],
  ])('%s closes the connection that it came on, and no other', async (_what, bytes) => {
    await b.reach(a);
    const { socket } = await connect(a);
    const closed = closeCode(socket);
    socket.send(bytes);
    expect(await closed).toBe(1002);
    expect(a.received.every(({ kind }) => kind === 'heartbeat')).toBe(true);
    expect(a.invalid).toHaveLength(1);
    await b.reach(a);
  });

  test('longer than any message closes the connection before it is read', async () => {
    const { socket } = await connect(a);
    const closed = closeCode(socket);
    socket.send(Buffer.alloc(MESSAGE_BYTES_MAX + 1));
    expect(await closed).toBe(1009);
    await b.reach(a);
  });

  test('from a node that was dialled is no better', async () => {
    const stuck = new StuckPeer();
    await stuck.listen();
    a.links.send(stuck.name, a.heartbeat(0));
    await a.until('it is connected', () => stuck.socket !== undefined);
    stuck.socket!.write(Buffer.from([0x82, 0x03, 1, 2, 3]));
    await a.until('it is noticed', () => a.invalid.length > 0);
    stuck.close();
  });

  test.each(['no such host name', 'host:99999', '127.0.0.1:1#part', '[::1', ''])(
    'as a name (%o) is nobody who can be reached, and no reason to die',
    async (name) => {
      for (let i = 0; i < 3; i++) a.links.send(name, a.heartbeat(i));
      expect(a.links.ship(name, a.range(0, new Uint8Array(8)), () => undefined)).toBe(false);
      await b.reach(a);
    },
  );
});

test('a second connection of a node takes the place of the first, whose end means nothing', async () => {
  const first = await connect(a, { ...HEADERS, 'cairn-name': b.name });
  const closed = closeCode(first.socket);
  await b.reach(a);
  await closed;
  const [dialled] = [b.accepted];
  expect(a.links.ship(b.name, a.range(8, new Uint8Array(8)), () => undefined)).toBe(true);
  await a.until('it has arrived', () => b.received.some(({ kind }) => kind === 'range'));
  expect(b.accepted).toBeLessThanOrEqual(dialled + 1);
});

test('once it is stopped it says nothing more, and calls nobody gone; what it had said has left', async () => {
  await a.reach(b);
  a.links.send(b.name, a.heartbeat(42));
  a.links.stop();
  a.links.send(b.name, a.heartbeat(43));
  expect(a.links.ship(b.name, a.range(0, new Uint8Array(8)), () => undefined)).toBe(false);
  await b.until('its last word has arrived', () => b.rounds.includes(42));
  await b.vanish();
  expect(b.rounds).not.toContain(43);
  expect(a.unreachable).toEqual([]);
});

/** A server that takes a WebSocket connection by hand, and reads only when it is asked to. */
class StuckPeer {
  socket: Socket | undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data: Buffer) => {
        const key = /sec-websocket-key: (.*)\r\n/i.exec(data.toString('latin1'))![1]!;
        socket.pause();
        const head = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: upgrade'];
        socket.write([...head, `sec-websocket-accept: ${acceptKey(key)}`, '', ''].join('\r\n'));
        this.socket = socket;
      });
    });
  }

  get name(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  /** Reads everything up to the connection's end, which `end` brings about; resolves to how much it was. */
  async readAll(end: () => void): Promise<number> {
    const socket = this.socket!;
    let bytes = 0;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
    });
    socket.resume();
    end();
    await closed;
    return bytes;
  }

  close(): void {
    this.socket?.destroy();
    this.#server.close();
  }
}

/** RFC 6455, section 4.2.2. */
function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
