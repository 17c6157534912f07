/** What the core wants done to the log, carried out on a real store. */
import { afterEach, describe, expect, test } from 'vitest';
import type { EngineOptions } from '../../src/node/engine-options.js';
import { timestampAt } from '../log/naive-records.js';
import { CHUNK_BYTES } from './engine-rig.js';
import { StoreRig } from './store-rig.js';

const EPOCH = { type: 'epoch', epoch: 2 } as const;

let rig: StoreRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

function open(changes: Partial<EngineOptions> = {}): StoreRig {
  rig = new StoreRig(changes);
  return rig;
}

describe('ranges', () => {
  test('of any size, over many chunks and rings, become the log that the leader has', async () => {
    const rig = open();
    rig.onProgress = () => rig.commit();
    rig.write((log) => log.reign(1));
    for (let i = 0; i < 300; i++) {
      rig.write((log) => {
        for (let n = 0; n <= i % 7; n++) log.event((i * 977 + n * 331) % 7_500);
        if (i % 4 === 0) log.commit(rig.store.committed);
      });
    }
    await rig.untilDurable();
    expect(rig.log.end).toBeGreaterThan(2 * 1024 * 1024);
    expect(rig.driver.isIdle).toBe(true);
    expect(rig.driver.lastTimestampUs).toBe(timestampAt(rig.log.places.at(-2)!));
    await rig.stopAndCheck();
  });

  test('that go over the end of a chunk are taken as far as chunks exist, and then the rest', async () => {
    const rig = open();
    rig.write((log) => {
      log.reign(1);
      while (log.end < 3 * CHUNK_BYTES) log.event(5_000);
    });
    expect(rig.store.producer.published).toBe(CHUNK_BYTES);
    await rig.untilDurable();
    await rig.stopAndCheck();
  });

  test('may be many and small while nothing is committed, and the ring is full', async () => {
    const rig = open();
    rig.write((log) => log.reign(1));
    const begin = rig.log.end;
    const bytes = rig.grow((log) => {
      for (let i = 0; i < 12_000; i++) log.event(0);
    });
    const ends = [...rig.log.places.filter((place) => place > begin), rig.log.end];
    let from = begin;
    for (const end of ends) {
      const range = bytes.subarray(from - begin, end - begin);
      rig.driver.add({ kind: 'write', isCatchUp: false, bytes: range });
      from = end;
    }
    expect(rig.driver.isIdle).toBe(false);
    rig.onProgress = () => rig.commit();
    rig.commit();
    await rig.untilDurable();
    expect(rig.driver.isIdle).toBe(true);
    await rig.stopAndCheck();
  });

  test('that end with a Removed record go on with what the removed one was followed by', async () => {
    const rig = open();
    rig.onProgress = () => rig.commit();
    rig.write((log) => log.reign(1));
    for (let i = 0; i < 60; i++) {
      rig.write((log) => {
        log
          .event(i * 100)
          .event(50)
          .removeLast();
      });
      rig.write((log) => {
        if (i % 3 === 0) log.commit(rig.store.committed).removeLast();
        else log.event(2_000);
      });
      // Also where a chunk ends, whose footer says how the next one goes on.
      const left = CHUNK_BYTES - (rig.log.end % CHUNK_BYTES);
      if (left < 8_000) {
        rig.write((log) => {
          log.event(left - 87).removeLast();
        });
        expect(rig.log.end % CHUNK_BYTES).toBe(0);
      }
    }
    await rig.untilDurable();
    expect(rig.driver.isIdle).toBe(true);
    await rig.stopAndCheck();
  });

  test('without a record are nothing to wait for', () => {
    const rig = open();
    rig.driver.add({ kind: 'write', isCatchUp: false, bytes: new Uint8Array(0) });
    expect(rig.driver.isIdle).toBe(true);
  });
});

describe('a Commit record', () => {
  test('waits no longer once something behind it is written by a node that catches up', async () => {
    const rig = open();
    rig.write((log) => log.reign(1));
    const bytes = rig.grow((log) => {
      for (let i = 0; i < 50; i++) log.event(100).commit(log.end);
    });
    const end = rig.log.end;
    const more = rig.grow((log) => log.event(200));
    rig.driver.add({ kind: 'write', isCatchUp: false, bytes });
    // Each Commit waits for a sync: so many can not have been made by now.
    expect(rig.store.producer.published).toBeLessThan(end);
    rig.driver.add({ kind: 'write', isCatchUp: true, bytes: more });
    expect(rig.store.producer.published).toBe(rig.log.end);
    await rig.untilDurable();
    await rig.stopAndCheck();
  });

  test('waits until what it names is durable, and all behind it with it', async () => {
    const rig = open();
    rig.write((log) => log.reign(1).event(100));
    await rig.untilDurable();
    const named = rig.log.end;
    let [committed, fence] = [0, 0];
    const bytes = rig.grow((log) => {
      log.commit(named).event(200);
      committed = log.end;
      log.event(300);
      fence = log.end;
      log.commit(committed).event(400);
    });
    const more = rig.grow((log) => log.event(500));
    const check = () => {
      const { published } = rig.store.producer;
      // In this order: what is not durable now was not durable before.
      if (rig.store.durable < committed) expect(published).toBeLessThanOrEqual(fence);
    };
    rig.onProgress = check;
    rig.driver.add({ kind: 'write', isCatchUp: false, bytes });
    check();
    rig.driver.add({ kind: 'write', isCatchUp: false, bytes: more });
    check();
    expect(rig.store.producer.published).toBeGreaterThanOrEqual(fence);
    await rig.untilDurable();
    expect(rig.driver.isIdle).toBe(true);
    await rig.stopAndCheck();
  });
});

describe('a full ring', () => {
  test('makes ranges wait until more is committed, and then they go on by themselves', async () => {
    const rig = open();
    rig.write((log) => log.reign(1));
    const { ringBytes } = rig.store;
    while (rig.log.end < 1.5 * ringBytes) rig.write((log) => log.event(7_000).event(3_000));
    await rig.until('the ring is full', () => {
      const { published } = rig.store.producer;
      return rig.store.durable === published && published > ringBytes - 30_000;
    });
    rig.driver.pump();
    expect(rig.driver.isIdle).toBe(false);
    expect(rig.store.producer.published).toBeLessThanOrEqual(ringBytes);
    rig.onProgress = () => rig.commit();
    rig.commit();
    await rig.untilDurable();
    await rig.stopAndCheck();
  });

  test('is not waited for by a record that is too large for this node: it says so', () => {
    const rig = open();
    rig.write((log) => log.reign(1));
    const { published } = rig.store.producer;
    rig.write((log) => log.event(20_000));
    expect(rig.failures).toMatchObject([{ code: 'invalid-configuration', details: { bytes: 20_088 } }]);
    expect(rig.store.producer.published).toBe(published);
    rig.failures.length = 0;
  });
});

describe('a cut', () => {
  test('waits until the log is durable, what comes behind it waits for it, and then the log goes on from there', async () => {
    const rig = open();
    rig.write((log) => log.reign(1).event(100));
    await rig.untilDurable();
    const to = rig.log.end;
    rig.write((log) => {
      for (let i = 0; i < 40; i++) log.event(3_000);
    });
    const before = rig.log.end;
    rig.driver.add({ kind: 'truncate', to });
    rig.log.truncate(to);
    rig.write((log) => log.reign(2).event(700));
    expect(rig.truncated).toEqual([]);
    expect(before).toBeGreaterThan(CHUNK_BYTES);
    await rig.until('it is cut', () => rig.truncated.length > 0);
    expect(rig.truncated).toEqual([rig.log.stateAt(to)]);
    await rig.untilDurable();
    expect(rig.store.producer.end).toEqual(rig.log.stateAt(rig.log.end));
    await rig.stopAndCheck();
  });

  test('can come again and again, with what is committed left alone', async () => {
    const rig = open();
    rig.write((log) => log.reign(1));
    for (let round = 0; round < 8; round++) {
      rig.write((log) => log.event(2_000));
      await rig.untilDurable();
      rig.commit();
      const to = rig.log.end;
      rig.write((log) => {
        for (let i = 0; i < 10 * round; i++) log.event(1_500);
      });
      rig.driver.add({ kind: 'truncate', to });
      rig.log.truncate(to);
      rig.write((log) => log.reign(round + 2));
      await rig.until('it is cut', () => rig.truncated.length === round + 1);
    }
    await rig.untilDurable();
    await rig.stopAndCheck();
  });

  test('gives the time of the last record that is left', async () => {
    const rig = open();
    rig.write((log) => log.reign(1).event(100));
    const to = rig.log.end;
    const kept = timestampAt(rig.log.places.at(-2)!);
    rig.write((log) => log.event(5));
    expect(rig.driver.lastTimestampUs).toBe(timestampAt(to));
    rig.driver.add({ kind: 'truncate', to });
    rig.log.truncate(to);
    await rig.until('it is cut', () => rig.truncated.length > 0);
    expect(rig.driver.lastTimestampUs).toBe(kept);
  });

  test('that would cut what a Commit record calls committed ends the node, and changes nothing', async () => {
    const rig = open();
    rig.write((log) => log.reign(1).event(100));
    const to = rig.log.end;
    rig.write((log) => log.event(5));
    const committed = rig.log.end;
    rig.write((log) => log.commit(committed).event(6));
    await rig.untilDurable();
    rig.driver.add({ kind: 'truncate', to });
    rig.write((log) => log.event(7));
    await rig.until('it is refused', () => false).catch(() => undefined);
    expect(rig.failures).toMatchObject([{ code: 'log-corrupt', details: { to, committed } }]);
    expect(rig.truncated).toEqual([]);
    rig.log.truncate(rig.log.places.at(-2)!);
    await rig.stopAndCheck();
  });
});

describe('a record of its own', () => {
  test('waits for room, and what comes behind it for the record', async () => {
    const rig = open();
    rig.hasRoomForOwn = false;
    rig.write((log) => log.reign(1));
    rig.driver.add({ kind: 'append', record: EPOCH });
    const { published } = rig.store.producer;
    rig.driver.pump();
    expect(rig.appended).toEqual([]);
    rig.hasRoomForOwn = true;
    rig.driver.pump();
    expect(rig.appended).toEqual([EPOCH]);
    expect(rig.store.producer.published).toBeGreaterThan(published);
    rig.write((log) => log.event(10));
    await rig.untilDurable();
    await rig.stopAndCheck();
  });
});
