/** Metadata, deletes and tombstones in a cluster of real nodes, of which the leader goes away. */
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.js';
import { DEADLINE_MS, FreshCluster } from './cluster/fresh-cluster.js';
import { within } from './within.js';

const cluster = FreshCluster.forEachTest();
const { connected } = cluster;

const event = (i: number) => ({ type: 'Placed', data: { i } });

async function codeOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => 'none',
    ({ code }: { code: string }) => code,
  );
}

async function revisionsIn(client: Client, stream: string): Promise<number[]> {
  const events = await client.readStream(stream, { consistency: 'linearizable' }).toArray();
  return events.map(({ revision }) => revision);
}

async function streamsIn(client: Client): Promise<string[]> {
  const events = await client.readAll({ consistency: 'linearizable' }).toArray();
  return events
    .map(({ stream, revision }) => `${stream}@${revision}`)
    .filter((name) => !name.startsWith('$$'));
}

test('what is said and deleted holds on every node at once, and after the leader was killed', async () => {
  await cluster.now.untilLed();
  const writer = await connected();
  for (const stream of ['deleted', 'ended', 'short'])
    await Promise.all(Array.from({ length: 5 }, (_, i) => writer.append(stream, event(i))));
  // While events come, each delete takes exactly what was there.
  const writing = Promise.all(Array.from({ length: 200 }, (_, i) => writer.append('busy', event(i))));
  await writing;
  await writer.deleteStream('deleted', { expected: 4 });
  await writer.tombstoneStream('ended', { expected: 4 });
  await writer.setMetadata('short', { $maxCount: 2, owner: 'me' });
  const others = await Promise.all(
    (['leader', 'follower', 'random'] as const).map((nodePreference) => connected({ nodePreference })),
  );
  const check = async (client: Client, revisions: readonly number[]) => {
    const reads = [revisionsIn(client, 'deleted'), revisionsIn(client, 'ended')];
    const codes = await Promise.all(reads.map(codeOf));
    expect(codes).toEqual(['stream-not-found', 'stream-deleted']);
    expect(await revisionsIn(client, 'short')).toEqual(revisions);
    const wanted = [...revisions.map((revision) => `short@${revision}`)];
    expect((await streamsIn(client)).filter((name) => !name.startsWith('busy'))).toEqual(wanted);
    expect(await client.metadata('short')).toMatchObject({ metadata: { $maxCount: 2, owner: 'me' } });
  };
  for (const client of others) await check(client, [3, 4]);

  const leader = await cluster.now.untilLed();
  await cluster.now.members[leader]!.kill();
  const appended = writer.append('short', event(5));
  expect(await within(DEADLINE_MS, 'another one leads', appended)).toMatchObject({ revision: 5 });
  expect(await codeOf(writer.append('ended', event(9)))).toBe('stream-deleted');
  expect(await codeOf(writer.setMetadata('ended', {}))).toBe('stream-deleted');
  await cluster.now.members[leader]!.start();
  for (const client of [writer, ...others]) await check(client, [4, 5]);
  expect(await writer.append('deleted', event(5), { expected: 4 })).toMatchObject({ revision: 5 });
  expect(await revisionsIn(writer, 'deleted')).toEqual([5]);
});

test('who follows a stream, on any node, is told of its tombstone behind the events before it', async () => {
  await cluster.now.untilLed();
  const writer = await connected();
  await writer.append('ending', event(0));
  const caughtUp: Promise<void>[] = [];
  const following: Promise<[number[], string]>[] = [];
  for (const nodePreference of ['leader', 'follower', 'random'] as const) {
    const messages = (await connected({ nodePreference })).subscribe('ending').messages();
    const revisions: number[] = [];
    caughtUp.push(
      new Promise((resolve) => {
        const follow = async () => {
          for await (const message of messages) {
            if (message.kind === 'events') revisions.push(...message.events.map(({ revision }) => revision));
            else if (message.kind === 'caught-up') resolve();
          }
        };
        following.push(codeOf(follow()).then((code) => [revisions, code]));
      }),
    );
  }
  await within(DEADLINE_MS, 'all have caught up', Promise.all(caughtUp));
  for (let i = 1; i < 5; i++) await writer.append('ending', event(i));
  await writer.tombstoneStream('ending');
  const ends = await within(DEADLINE_MS, 'all are told', Promise.all(following));
  expect(ends).toEqual(Array.from({ length: 3 }, () => [[0, 1, 2, 3, 4], 'stream-deleted']));
});

test('a delete among appends of others deletes what was before it, and nothing else', async () => {
  await cluster.now.untilLed();
  const [writer, deleter] = [await connected(), await connected()];
  await writer.append('busy', event(0));
  let last = 0;
  const writing = (async () => {
    for (let i = 1; i < 300; i++) last = (await writer.append('busy', event(i))).revision;
  })();
  const deleted: number[] = [];
  for (let i = 0; i < 5; i++) deleted.push((await deleter.deleteStream('busy')).lastRevision);
  await writing;
  expect(deleted).toEqual(deleted.toSorted((a, b) => a - b));
  const left = await revisionsIn(writer, 'busy').catch(() => []);
  expect(left).toEqual(Array.from({ length: last - deleted.at(-1)! }, (_, i) => deleted.at(-1)! + 1 + i));
});
