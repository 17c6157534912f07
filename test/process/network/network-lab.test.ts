/** The networks that clusters are tested in: what is cut is cut, in that direction only, and whole again afterwards. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { within } from '../within.js';
import { CLIENTS, NetworkLab, withoutNetworkLab } from './network-lab.js';

const missing = withoutNetworkLab();
const PORT = 4000;
/** Takes connections, and says on standard output what it receives by UDP, one line each; first that it is ready for both. */
const LISTENER = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (text) => console.log(String(text)));
  const server = require('node:net').createServer((connection) => connection.on('error', () => {}).resume());
  socket.bind(${PORT}, () => server.listen(${PORT}, '0.0.0.0', () => console.log('ready')));`;

let lab: NetworkLab;
const listeners: ChildProcess[] = [];

beforeEach(({ skip }) => {
  skip(missing !== undefined, missing);
  lab = NetworkLab.create(3);
});

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.kill('SIGKILL');
  if (missing === undefined) lab.remove();
});

/** All that arrives at a namespace, once it says that it listens. */
async function listen(index: number): Promise<AsyncIterator<string>> {
  const [command, ...args] = lab.inside(index);
  const child = spawn(command!, [...args, process.execPath, '-e', LISTENER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  listeners.push(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  expect((await within(10_000, 'the listener is ready', lines.next())).value).toBe('ready');
  return lines;
}

function send(from: number, to: number, text: string): void {
  const [command, ...args] = from === CLIENTS ? ['env'] : lab.inside(from);
  const script = `exec 3<>/dev/udp/${lab.addressOf(to)}/${PORT}; echo -n ${text} >&3`;
  spawnSync(command!, [...args, 'bash', '-c', script]);
}

test('a link that is broken one way carries nothing that way, and everything the other way and elsewhere', async () => {
  const [atZero, atOne] = [await listen(0), await listen(1)];
  lab.break(0, 1);
  send(0, 1, 'lost');
  send(1, 0, 'back');
  send(2, 1, 'elsewhere');
  expect((await within(5_000, 'the way back works', atZero.next())).value).toBe('back');
  expect((await within(5_000, 'other links work', atOne.next())).value).toBe('elsewhere');
  lab.heal();
  send(0, 1, 'healed');
  expect((await within(5_000, 'the link is whole again', atOne.next())).value).toBe('healed');
});

test('a partition cuts both ways, and a node in neither group reaches both', async () => {
  const [atZero, atOne] = [await listen(0), await listen(1)];
  lab.partition([0], [1]);
  send(0, 1, 'lost');
  send(1, 0, 'lost');
  send(2, 0, 'bridge');
  send(2, 1, 'bridge');
  expect((await within(5_000, 'the bridge reaches 0', atZero.next())).value).toBe('bridge');
  expect((await within(5_000, 'the bridge reaches 1', atOne.next())).value).toBe('bridge');
});

test('an isolated node is reached by the test process alone, unless that is cut off as well', async () => {
  const atZero = await listen(0);
  lab.isolate(0);
  send(1, 0, 'lost');
  send(2, 0, 'lost');
  send(CLIENTS, 0, 'client');
  expect((await within(5_000, 'the client reaches it', atZero.next())).value).toBe('client');
  lab.break(CLIENTS, 0);
  send(CLIENTS, 0, 'lost');
  lab.heal();
  send(1, 0, 'healed');
  expect((await within(5_000, 'the node is back', atZero.next())).value).toBe('healed');
});

test('a reset ends a connection by the next thing that is sent on it', async () => {
  await listen(0);
  const socket = connect(PORT, lab.addressOf(0));
  await once(socket, 'connect');
  lab.reset(CLIENTS, 0);
  const failed = once(socket, 'error');
  socket.write('x');
  expect(await within(5_000, 'the connection ends', failed)).toMatchObject([{ code: 'ECONNRESET' }]);
});
