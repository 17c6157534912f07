/** Scavenging in a cluster: whoever was away carries out what it has missed. */
import { expect, test } from 'vitest';
import type { ScavengeStatus } from '../../src/net/node-port.js';
import { DEADLINE_MS, FreshCluster } from './cluster/fresh-cluster.js';
import { until } from './within.js';

const cluster = FreshCluster.forEachTest();
const EVENT = { type: 'T', data: { text: 'x'.repeat(20_000) } };
/** Transactions are as long as that, so that many a chunk ends in the middle of one. */
const TRANSACTION = Array.from({ length: 5 }, () => EVENT);
/** A chunk and a ring are filled by it. */
const TRANSACTIONS = 12;
const TIMES = 4;

async function statusOf(name: string): Promise<ScavengeStatus> {
  return (await (await fetch(`http://${name}/admin/scavenge`)).json()) as ScavengeStatus;
}

async function scavenge(name: string): Promise<number> {
  const url = `http://${name}/admin/scavenge/start?throttlePercent=100`;
  const answer = await fetch(url, { method: 'POST' });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { readonly position: number }).position;
}

test('a node that was down while the ring was filled several times catches up, and carries out the last point though nothing is written any more', {
  timeout: 120_000,
}, async () => {
  const { members } = cluster.now;
  const leader = await cluster.now.untilLed();
  const away = members[(leader + 1) % members.length]!;
  const client = await cluster.connected();
  await client.append('stream', TRANSACTION);
  await away.stop();
  let point = 0;
  for (let time = 0; time < TIMES; time++) {
    for (let i = 0; i < TRANSACTIONS; i++) await client.append('stream', TRANSACTION);
    await client.deleteStream('stream');
    point = await scavenge(members[leader]!.name);
  }
  await away.start();
  for (const { name } of members) {
    await until(DEADLINE_MS, `${name} is through`, async () => {
      const { state, point: last, chunksDone, chunksTotal } = await statusOf(name);
      const isThrough = state === 'idle' && chunksDone === chunksTotal && chunksTotal >= TIMES;
      return isThrough && last?.position === point;
    });
  }
});
