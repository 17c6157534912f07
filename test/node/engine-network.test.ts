/** What engines do together, on real folders and threads: found, lead, replicate, part, and find together again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineNetwork } from './engine-network.js';
import { append } from './engine-rig.js';

const MIB = 1024 * 1024;

let folder: string;
let network: EngineNetwork;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-engines-'));
  // Larger chunks than the ring, so that it is what fills up.
  network = new EngineNetwork(folder, 3, { chunkSize: 4 * MIB });
});
afterEach(async () => {
  await network.stopAll();
  rmSync(folder, { recursive: true });
});

/** Appends `count` events with ids from `first` on, one after the other is answered. */
async function appendAll(name: string, first: number, count: number, bytes = 100): Promise<void> {
  for (let id = first; id < first + count; id += 50) {
    const batch = Array.from({ length: Math.min(50, first + count - id) }, (_, i) =>
      append(network.engine(name), id + i, { bytes }),
    );
    for (const outcome of await Promise.all(batch)) expect(outcome).toEqual(expect.any(Number));
  }
}

function othersThan(name: string): string[] {
  return network.names.filter((other) => other !== name);
}

/** More than the ring holds: those for which there was room wait for a commit that doesn't come, the others for room. */
async function fillRing(name: string): Promise<Promise<number | string>[]> {
  const engine = network.engine(name);
  const outcomes = Array.from({ length: 300 }, (_, i) => append(engine, i + 1, { bytes: 7_000 }));
  await network.until('the ring is full', () => !engine.store!.producer.hasRoomForEvents(16_000));
  return outcomes;
}

describe('three nodes', () => {
  test('found a cluster, and what is acknowledged is on all of them', async () => {
    const leader = await network.leader();
    await appendAll(leader, 0, 200);
    await network.settled();
    for (const name of network.names) {
      const { reader } = network.engine(name).store!;
      expect((await reader.streamInfo(Buffer.from('s'))).revision).toBe(199);
    }
    expect(
      network
        .engine(leader)
        .progress()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(
      othersThan(leader)
        .map((name) => network.engine(name).memberId)
        .sort(),
    );
  });

  test('go on without the leader that was stopped, know its events again, and it theirs', async () => {
    const first = await network.leader();
    await appendAll(first, 0, 60);
    await network.stop(first);
    const second = await network.leader();
    expect(second).not.toBe(first);
    // Retries: of the first and of the last event that was acknowledged by the other.
    expect(await append(network.engine(second), 0)).toBe(0);
    expect(await append(network.engine(second), 59)).toBe(59);
    await appendAll(second, 60, 40);
    network.start(first);
    await network.settled();
    expect((await network.engine(first).store!.reader.streamInfo(Buffer.from('s'))).revision).toBe(99);
  });

  test('all have what was acknowledged when they have been stopped, and are started again', async () => {
    const leader = await network.leader();
    await appendAll(leader, 0, 100, 5_000);
    await network.stopAll();
    for (const name of network.names) network.start(name);
    const next = await network.leader();
    expect(await append(network.engine(next), 99, { bytes: 5_000 })).toBe(99);
    expect(await append(network.engine(next), 100)).toBe(100);
    await network.settled();
  });
});

test('a node that was away for more than a ring catches up from the chunk files', async () => {
  const leader = await network.leader();
  const [away] = othersThan(leader);
  await appendAll(leader, 0, 10);
  await network.stop(away!);
  await appendAll(leader, 10, 800, 7_000);
  const { producer } = network.engine(leader).store!;
  expect(producer.floor).toBeGreaterThan(4 * MIB);
  network.start(away!);
  await network.settled();
  expect((await network.engine(away!).store!.reader.streamInfo(Buffer.from('s'))).revision).toBe(809);
});

describe('a leader that is cut off', () => {
  test('says neither yes nor no of what it can not know any more, and gives no read index', async () => {
    const first = await network.leader();
    const engine = network.engine(first);
    await appendAll(first, 0, 5);
    await network.settled();
    network.isolate(first);
    // It still believes that it leads, and that the stream has five events.
    expect(engine.isLeading).toBe(true);
    const [yes, no] = [append(engine, 5), append(engine, 6, { expected: 77 })];
    const read = engine.readIndex();
    const second = await network.leader();
    await appendAll(second, 7, 1);
    expect(await yes).toBe('outcome-unknown');
    expect(['outcome-unknown', 'no-leader']).toContain(await no);
    expect(await read).toMatchObject({ code: 'no-leader' });
    network.heal();
    await network.settled();
    // The event of the old leader is gone: this id is new.
    expect(await append(network.engine(await network.leader()), 5)).toBe(6);
  });

  test('and whose ring was full of what nobody else had cuts all of that, and follows', async () => {
    const first = await network.leader();
    await appendAll(first, 0, 1);
    await network.settled();
    network.isolate(first);
    const outcomes = await fillRing(first);
    const second = await network.leader();
    expect(second).not.toBe(first);
    await appendAll(second, 1_000, 1);
    network.heal();
    await network.settled();
    const codes = new Set(await Promise.all(outcomes));
    expect([...codes].filter((code) => typeof code === 'number')).toEqual([]);
  });

  test('and filled its ring can be elected again, and write what begins a reign; what was unknown is there', async () => {
    const first = await network.leader();
    const engine = network.engine(first);
    await appendAll(first, 0, 1);
    await network.settled();
    for (const name of othersThan(first)) network.isolate(name);
    const outcomes = await fillRing(first);
    await network.until('it gives up', () => !engine.isLeading);
    const codes = new Set(await Promise.all(outcomes));
    expect([...codes].every((code) => code === 'outcome-unknown' || code === 'no-leader')).toBe(true);
    await network.until('it knows why', () => !engine.hearsQuorum);
    expect(await append(engine, 4_999)).toBe('no-quorum');
    // With one of the others it is a quorum, in which it has the better log.
    network.rejoin(othersThan(first)[0]!);
    expect(await network.leader()).toBe(first);
    await appendAll(first, 5_000, 1);
    network.heal();
    await network.settled();
    // A retry has the answer that was unknown: the first of them was written by then.
    expect(await append(network.engine(await network.leader()), 1, { bytes: 7_000 })).toBe(1);
  });
});
