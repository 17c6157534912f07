/**
 * Transfers between accounts, each a transaction over two streams with an expectation of both, in one request or in several, through clients at
 * every node, while nodes are killed: however it went, no transfer is there by half or twice, and no money has come or gone.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CairnError, type Client, connect, type RecordedEvent } from '../../src/client/client.js';
import { ClusterProcess } from './cluster/cluster-process.js';
import { removeFolder, temporaryFolder } from './node-process.js';
import { SeededRandom } from './random.js';
import { within } from './within.js';

const ACCOUNTS = 6;
const OPENING = 100;
const TELLERS = 6;
const TRANSFERS_EACH = 40;
const DEADLINE_MS = 90_000;

let scratch: string;
let cluster: ClusterProcess;
const clients: Client[] = [];

beforeEach(async () => {
  scratch = temporaryFolder();
  cluster = await ClusterProcess.create({ size: 3, scratch });
  await cluster.start();
  await cluster.untilLed();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await cluster.remove();
  removeFolder(scratch);
});

/** Prefers the node of this number, and finds another one when it is gone. */
async function clientOf(number: number): Promise<Client> {
  const { members } = cluster;
  const addresses = members.map((_, i) => `ws://${members[(number + i) % members.length]!.name}`);
  const client = await connect(addresses, { nodePreference: 'random', requestTimeoutMs: 30_000 });
  clients.push(client);
  return client;
}

const account = (number: number) => `account-${number}`;
const change = (amount: number, transfer: string, id: string) =>
  ({ type: 'Changed', data: { amount, transfer }, id }) as const;

interface Balance {
  readonly amount: number;
  readonly revision: number;
}

async function balanceOf(client: Client, stream: string): Promise<Balance> {
  let amount = 0;
  let revision = -1;
  for await (const event of client.readStream(stream, { consistency: 'linearizable' })) {
    amount += (event.json() as { amount: number }).amount;
    revision = event.revision;
  }
  return { amount, revision };
}

/** Moves one coin, decided by what is there; again with the same ids whenever the outcome is not known. Returns whether it was moved. */
async function transfer(client: Client, from: string, to: string, isInSteps: boolean): Promise<boolean> {
  const [source, target] = await Promise.all([balanceOf(client, from), balanceOf(client, to)]);
  if (source.amount === 0) return false;
  const [name, debit, credit] = [randomUUID(), randomUUID(), randomUUID()];
  const parts = [
    { stream: from, events: change(-1, name, debit), expected: source.revision },
    { stream: to, events: change(1, name, credit), expected: target.revision },
  ];
  const transaction = client.begin();
  if (isInSteps)
    for (const { stream, events, expected } of parts) await transaction.append(stream, events, { expected });
  for (;;) {
    try {
      const { revisions } = await (isInSteps ? transaction.commit() : client.transact(parts));
      expect(revisions).toEqual([source.revision + 1, target.revision + 1]);
      return true;
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      if (error.code === 'wrong-expected-revision') {
        if (isInSteps) await transaction.abandon();
        return false;
      }
      if (error.code !== 'timeout' && error.code !== 'connection-lost') throw error;
    }
  }
}

async function allEvents(client: Client): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of client.readAll({ consistency: 'linearizable' })) events.push(event);
  return events;
}

test('transfers are whole, once, and side by side in the log, whoever is killed meanwhile', async () => {
  const first = await clientOf(0);
  const opening = Array.from({ length: ACCOUNTS }, (_, i) => ({
    stream: account(i),
    events: change(OPENING, 'opening', randomUUID()),
    expected: 'none' as const,
  }));
  const opened = await first.transact(opening);
  expect(opened).toMatchObject({ duplicate: false, revisions: opening.map(() => 0) });
  expect(await first.transact(opening)).toEqual({ ...opened, duplicate: true });

  let moved = 0;
  let asked = 0;
  const teller = async (number: number) => {
    const client = await clientOf(number);
    const random = new SeededRandom(number);
    for (let i = 0; i < TRANSFERS_EACH; i++) {
      const from = random.below(ACCOUNTS);
      const to = (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS;
      if (await transfer(client, account(from), account(to), random.below(2) === 0)) moved++;
      asked++;
      if (asked === TRANSFERS_EACH) await cluster.members[await cluster.untilLed()]!.kill();
      if (asked === 3 * TRANSFERS_EACH) await cluster.start();
    }
  };
  const tellers = Array.from({ length: TELLERS }, (_, number) => teller(number));
  await within(DEADLINE_MS, 'all transfers are decided', Promise.all(tellers));

  expect(moved).toBeGreaterThan(TRANSFERS_EACH);
  const log = await allEvents(await clientOf(1));
  const transfers = log.slice(ACCOUNTS).map((event) => event.json() as { amount: number; transfer: string });
  expect(transfers).toHaveLength(2 * moved);
  for (let i = 0; i < transfers.length; i += 2) {
    expect([transfers[i]!.amount, transfers[i + 1]!.amount]).toEqual([-1, 1]);
    expect(transfers[i + 1]!.transfer).toBe(transfers[i]!.transfer);
  }
  expect(new Set(transfers.map((one) => one.transfer)).size).toBe(moved);
  const balances = await Promise.all(opening.map(({ stream }) => balanceOf(first, stream)));
  expect(balances.reduce((sum, { amount }) => sum + amount, 0)).toBe(ACCOUNTS * OPENING);
});
