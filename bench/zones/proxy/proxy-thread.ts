/** The proxy's thread: makes the gates, and does what main says. It ends with its worker. */
import { parentPort, workerData } from 'node:worker_threads';
import { Gate } from './gate.js';
import { type Party, ProxyCore } from './proxy-core.js';
import type { ProxyCommand, ProxyReport, ProxyStart } from './proxy-messages.js';

const { seed, nodes, clients } = workerData as ProxyStart;
const core = new ProxyCore(seed);
/** By the names that nodes are advertised under: the addresses of their gates. */
const parties = new Map<string, Party>();
const partyOf = (name: string) => parties.get(name);

function report(message: ProxyReport): void {
  parentPort!.postMessage(message);
}

function openGates(client: Party | undefined): Promise<number[]> {
  return Promise.all(
    nodes.map(({ party, port }) =>
      new Gate(core, { target: party, targetPort: port, client }, partyOf).listen(),
    ),
  );
}

parentPort!.on('message', (command: ProxyCommand) => {
  let passages: ReturnType<ProxyCore['record']> = [];
  if (command.kind === 'links') core.links = command.links;
  else if (command.kind === 'cut') core.cut = command.zones;
  else passages = core.record(command.isOn);
  report({ kind: 'done', passages });
});

const nodePorts = await openGates(undefined);
nodePorts.forEach((port, index) => {
  parties.set(`127.0.0.1:${port}`, nodes[index]!.party);
});
report({ kind: 'listening', nodes: nodePorts, clients: await Promise.all(clients.map(openGates)) });
