import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES, CutRig } from './cut-rig.js';

function filled(events: number): CutRig {
  const rig = new CutRig();
  rig.grow((log) => log.reign(1).event(100));
  rig.writeAll();
  rig.commit();
  for (let i = 0; i < events; i++) rig.grow((log) => log.event(3_000));
  return rig;
}

describe('a cut', () => {
  test('leaves the log before it, and zeros; what is written next stands there', () => {
    const rig = filled(5);
    const to = rig.log.places.at(-3)!;
    const truncation = rig.cut(to);
    expect(truncation).toMatchObject({ kind: 'truncated', end: { position: to }, recordsInActiveChunk: 5 });
    expect(rig.durable).toBe(to);
    rig.checkDisk();
    rig.grow((log) => log.reign(2).event(500).event(5_000));
    rig.writeAll();
    rig.checkDisk();
    expect(rig.recover().end.epoch).toBe(2);
  });

  test('takes the footers of full chunks with it, and they are full again later', () => {
    const rig = filled(30);
    expect(rig.log.end).toBeGreaterThan(CHUNK_BYTES);
    rig.writeAll();
    expect(rig.recover().chunks.filter(({ sealed }) => sealed)).toHaveLength(1);
    rig.cut(rig.committed);
    expect(rig.recover().chunks.filter(({ sealed }) => sealed)).toHaveLength(0);
    rig.checkDisk();
    rig.grow((log) => log.reign(2));
    for (let i = 0; i < 30; i++) rig.grow((log) => log.event(2_900));
    rig.writeAll();
    expect(rig.recover().chunks.filter(({ sealed }) => sealed)).toHaveLength(1);
    rig.checkDisk();
  });

  test('at the end of the log cuts nothing', () => {
    const rig = filled(3);
    const { end } = rig.log;
    expect(rig.cut(end)).toMatchObject({ kind: 'truncated', end: rig.log.stateAt(end) });
    rig.checkDisk();
  });

  test('may take all of a log', () => {
    const rig = new CutRig();
    rig.grow((log) => log.reign(1).event(100));
    expect(rig.cut(0)).toEqual({
      kind: 'truncated',
      end: { position: 0, chain: 0, previousLength: 0, epoch: 0 },
      recordsInActiveChunk: 0,
      lastTimestampUs: 0,
    });
    rig.grow((log) => log.reign(3).event(9));
    rig.writeAll();
    rig.checkDisk();
  });

  test('is done once, and until main goes on from there the writer does nothing else', () => {
    const rig = filled(5);
    rig.writeAll();
    const to = rig.committed;
    rig.askForCut(to);
    expect(rig.writer.doWork()).toBeGreaterThan(0);
    const { syncs } = rig.disk;
    for (let i = 0; i < 3; i++) expect(rig.writer.doWork()).toBe(0);
    expect(rig.reports).toHaveLength(1);
    expect(rig.disk.syncs).toBe(syncs);
    expect(rig.durable).toBe(to);
    // A stop waits until what is published is the log as it is.
    rig.stop();
    expect(rig.writer.isDone()).toBe(false);
    rig.log.truncate(to);
    rig.goOn();
    expect(rig.writer.doWork()).toBe(0);
    expect(rig.writer.isDone()).toBe(true);
  });

  test('can follow a cut', () => {
    const rig = filled(8);
    for (const back of [2, 2, 2]) rig.cut(rig.log.places.at(-1 - back)!);
    expect(rig.reports).toHaveLength(3);
    rig.checkDisk();
  });
});

describe('a cut that must not be', () => {
  test('is refused if a record behind it says that more was committed; then nothing is changed', () => {
    const rig = filled(3);
    const to = rig.log.end;
    rig.grow((log) => log.event(10));
    const committed = rig.log.end;
    rig.writeAll();
    rig.grow((log) => log.commit(committed));
    const position = rig.log.places.at(-2)!;
    rig.writeAll();
    const before = rig.disk.clone();
    rig.askForCut(to);
    rig.writeAll();
    expect(rig.reports).toEqual([{ kind: 'refused', position, committed }]);
    expect(rig.disk.differences(before)).toEqual([]);
    expect(rig.durable).toBe(rig.log.end);
  });

  test('ends the thread if what is to be kept or cut is damaged; then nothing is changed', () => {
    for (const place of [1, 3]) {
      const rig = filled(5);
      rig.writeAll();
      const file = rig.disk.files.get('/data/chunk-000000.000000')!;
      file[4096 + rig.log.places[place]! + 90]! ^= 0xff;
      const before = rig.disk.clone();
      rig.askForCut(rig.log.places.at(-3)!);
      expect(() => rig.writeAll()).toThrow();
      expect(rig.disk.differences(before)).toEqual([]);
      expect(rig.reports).toEqual([]);
    }
  });

  test('is never asked for while something is not durable: that is a bug of this node', () => {
    const rig = filled(5);
    rig.askForCut(rig.committed);
    expect(() => rig.writer.doWork()).toThrow(/durable/);
  });
});

test('whatever is written and cut, in whatever order, the disk has the log and zeros behind it', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const sizes = fc.array(fc.oneof(fc.nat(200), fc.nat(7_000)), { minLength: 1, maxLength: 10 });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('grow' as const), sizes }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const), batches: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('prepare' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), share }) },
  );
  let cuts = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 90 }), (steps) => {
      const rig = new CutRig();
      rig.grow((log) => log.reign(1));
      for (const one of steps) {
        if (one.kind === 'grow') rig.grow((log) => one.sizes.reduce((grown, size) => grown.event(size), log));
        else if (one.kind === 'write') for (let i = 0; i < one.batches; i++) rig.writer.doWork();
        else if (one.kind === 'prepare') rig.prepare();
        else if (one.kind === 'commit') {
          rig.commit();
          rig.grow((log) => log.commit(rig.committed));
        } else {
          const places = rig.log.places.filter((place) => place >= rig.committed);
          expect(rig.cut(places[Math.floor(one.share * (places.length - 1))]!).kind).toBe('truncated');
          rig.grow((log) => log.reign(log.epoch + 1));
          cuts++;
        }
      }
      rig.writeAll();
      expect(rig.durable).toBe(rig.log.end);
      rig.checkDisk();
      rig.writer.close();
      expect(rig.disk.openCount).toBeLessThanOrEqual(1);
    }),
    { numRuns: 40 },
  );
  expect(cuts).toBeGreaterThan(40);
});
