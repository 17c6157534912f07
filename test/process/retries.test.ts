/** Retries of events that were acknowledged long ago: by a node that was restarted, and by the next leader of a cluster. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, connect, type NewEvent } from '../../src/client/client.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';

const CONFLICT = { code: 'event-id-conflict' };
const EVENTS = 120;
/** All of them are more than the ring holds. */
const BYTES = 40_000;
const FLAGS = ['--ring-size', '4MiB', '--chunk-size', '4MiB'];
/** Larger than the stretch of the log that is read at a time. */
const LARGE_BYTES = 400_000;

let scratch: string;
const clients: Client[] = [];

beforeEach(() => {
  scratch = temporaryFolder();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await endAllNodes();
  removeFolder(scratch);
});

async function connected(addresses: string | string[]): Promise<Client> {
  const client = await connect(addresses, { requestTimeoutMs: 30_000 });
  clients.push(client);
  return client;
}

const idOf = (number: number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
const event = (number: number, changes: Partial<NewEvent> = {}): NewEvent & { id: string } => ({
  id: idOf(number),
  type: 'Written',
  data: new Uint8Array(number === 0 ? LARGE_BYTES : BYTES).fill(number),
  metadata: { number },
  ...changes,
});
const PARTS = [
  { stream: 'left', events: [event(900), event(901)] },
  { stream: 'right', events: event(902) },
];

interface Written {
  readonly position: number;
}

/** Writes a transaction and then a stream of events, of which the first is large. */
async function write(client: Client): Promise<{ events: Written[]; transaction: Written }> {
  const transaction = await client.transact(PARTS);
  const events = await Promise.all(Array.from({ length: EVENTS }, (_, i) => client.append('s', event(i))));
  return { events, transaction };
}

/** All retries that are exact get their results; all that are not are refused; and nothing is written by any. */
async function retryAll(
  client: Client,
  { events, transaction }: Awaited<ReturnType<typeof write>>,
): Promise<void> {
  const changed = (number: number): NewEvent[] => [
    event(number, { type: 'Changed' }),
    event(number, { metadata: { number: number + 1 } }),
    event(number, { isJson: true }),
    event(number, {
      data: new Uint8Array((event(number).data as Uint8Array).length).fill(number).fill(7, -1),
    }),
    event(number, { data: 'short' }),
  ];
  for (const number of [0, 1, EVENTS / 2, EVENTS - 1]) {
    const refusals = changed(number).map((other) =>
      expect(client.append('s', other)).rejects.toMatchObject(CONFLICT),
    );
    await Promise.all(refusals);
  }
  await expect(
    client.transact([PARTS[0]!, { stream: 'right', events: event(902, { data: 'x' }) }]),
  ).rejects.toMatchObject(CONFLICT);
  // As an import does that is begun anew: all of them, in their order.
  const again = await Promise.all(events.map((_, i) => client.append('s', event(i))));
  expect(again).toEqual(events.map((result) => ({ ...result, duplicate: true })));
  expect(await client.transact([...PARTS].reverse())).toEqual({
    ...{ ...transaction, revisions: [0, 1] },
    duplicate: true,
  });
  expect(await client.streamInfo('s')).toMatchObject({ revision: EVENTS - 1 });
  expect(await client.streamInfo('right')).toMatchObject({ revision: 0 });
}

test('a node refuses changed retries and answers exact ones, long after, once restarted, once killed', async () => {
  const folder = `${scratch}/node`;
  const first = await NodeProcess.start({ folder, flags: FLAGS });
  const client = await connected(first.url);
  const written = await write(client);
  await retryAll(client, written);
  expect(await first.stop()).toEqual({ code: 0, signal: null });
  const second = await NodeProcess.start({ folder, flags: FLAGS });
  await retryAll(await connected(second.url), written);
  await second.kill();
  const third = await NodeProcess.start({ folder, flags: FLAGS });
  await retryAll(await connected(third.url), written);
  expect(await third.stop()).toEqual({ code: 0, signal: null });
});

test('so does the next leader of a cluster, on every node', async () => {
  const cluster = await ClusterProcess.create({ size: 3, scratch, flags: FLAGS });
  try {
    await cluster.start();
    const leader = await cluster.untilLed();
    const names = cluster.members.map(({ name }) => name);
    const written = await write(await connected(names.map((name) => `ws://${name}`)));
    await cluster.members[leader]!.kill();
    await cluster.untilLed();
    const others = names.filter((_, i) => i !== leader);
    for (const name of others) await retryAll(await connected(`ws://${name}`), written);
  } finally {
    for (const client of clients.splice(0)) await client.close();
    await cluster.remove();
  }
});
