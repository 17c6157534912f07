import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryPart } from '../../src/indexer/memory-part.js';
import { RecentEvents } from '../../src/indexer/recent-events.js';
import { RecordFollower } from '../../src/indexer/record-follower.js';
import { RunCollector } from '../../src/indexer/run-collector.js';
import { type SampleEvent, SampleLog } from './sample-log.js';

const CHUNK_BYTES = 65_536;

describe('RecordFollower', () => {
  test('enters the events of any log, whatever stands between them, cut into runs anywhere', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 60 }), fc.array(fc.nat(300)), (steps, cuts) => {
        const log = logOf(steps);
        const followed = new Followed();
        followed.follow(log, cuts);
        followed.expectAll(log);
      }),
      { numRuns: 100 },
    );
  });

  test('lets nobody see a transaction before its end', () => {
    const log = new SampleLog(CHUNK_BYTES);
    log.transaction([{ stream: 'a' }]);
    log.transaction([{ stream: 'a' }, { stream: 'b' }, { stream: 'a' }], true);
    const followed = new Followed();
    followed.follow(log);
    expect(followed.head('a')).toBe(0);
    expect(followed.head('b')).toBe(-1);
    expect(followed.follower.isInTransaction).toBe(true);
  });

  test('drops a transaction that a new epoch or another transaction cuts off', () => {
    for (const cut of ['epoch', 'transaction']) {
      const log = new SampleLog(CHUNK_BYTES);
      log.transaction([{ stream: 'a' }, { stream: 'b' }], true);
      log.heads.clear();
      if (cut === 'epoch') log.epoch();
      log.transaction([{ stream: 'a' }, { stream: 'c' }]);
      const followed = new Followed();
      followed.follow(log);
      expect([followed.head('a'), followed.head('b'), followed.head('c')]).toEqual([0, -1, 0]);
      expect(followed.ids()).toEqual(log.events.slice(1).map((event) => event.id.toString('hex')));
    }
  });

  test('remembers the ids of the last events, oldest first', () => {
    for (const events of [0, 3, 8, 9, 50]) {
      const log = new SampleLog(CHUNK_BYTES);
      for (let i = 0; i < events; i++) log.transaction([{ stream: `s${i % 3}` }]);
      const followed = new Followed(8);
      followed.follow(log);
      const last = log.events.slice(-8);
      const { streams, revisions, positions } = followed.recent.columns();
      expect(followed.ids()).toEqual(last.map((event) => event.id.toString('hex')));
      expect([...new Uint32Array(streams)].map((stream) => followed.names.nameOf(stream))).toEqual(
        last.map((event) => event.stream),
      );
      expect([...new Float64Array(revisions)]).toEqual(last.map((event) => event.revision));
      expect([...new Float64Array(positions)]).toEqual(last.map((event) => event.position));
    }
  });
});

type Step = SampleEvent[] | 'commit' | 'epoch';

function step(): fc.Arbitrary<Step> {
  const event = fc.record({ stream: fc.constantFrom('a', 'b', 'order-1', 'é'), dataBytes: fc.nat(3000) });
  return fc.oneof(
    { weight: 6, arbitrary: fc.array(event, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.array(event, { minLength: 100, maxLength: 100 }) },
    { weight: 2, arbitrary: fc.constantFrom('commit' as const, 'epoch' as const) },
  );
}

function logOf(steps: readonly Step[]): SampleLog {
  const log = new SampleLog(CHUNK_BYTES);
  for (const step of steps) {
    if (step === 'commit') log.commit();
    else if (step === 'epoch') log.epoch();
    else log.transaction(step);
  }
  return log;
}

class Followed {
  /** One part for all of the log. */
  readonly part = new MemoryPart(0, 2 ** 40, { low: 1, high: 2 });
  readonly names = this.part.names;
  readonly index = this.part.index;
  readonly recent: RecentEvents;
  readonly follower: RecordFollower;

  constructor(recentEvents = 1000) {
    this.recent = new RecentEvents(recentEvents);
    this.follower = new RecordFollower({ partAt: () => this.part }, this.recent);
  }

  /** Follows the log, in runs of the given numbers of records. */
  follow(log: SampleLog, cuts: readonly number[] = []): void {
    const words = new Uint32Array(log.bytes.buffer, 0, log.end / 4);
    let at = 0;
    let record = 0;
    for (const records of [...cuts, log.records.length]) {
      record = Math.min(record + records, log.records.length);
      const limit = log.records[record]?.position ?? log.end;
      at = this.follower.follow(log.bytes, words, at, limit);
      expect(at).toBe(limit);
    }
  }

  head(stream: string): number {
    const bytes = new TextEncoder().encode(stream);
    return this.index.headOf(this.names.find(bytes, 0, bytes.length));
  }

  ids(): string[] {
    const ids = Buffer.from(this.recent.columns().ids.buffer);
    return Array.from({ length: ids.length / 16 }, (_, i) => ids.toString('hex', 16 * i, 16 * i + 16));
  }

  expectAll(log: SampleLog): void {
    for (let stream = 0; stream < this.names.size; stream++) {
      const events = log.eventsOf(this.names.nameOf(stream));
      const collector = new RunCollector();
      let revision = 0;
      for (const event of events) {
        collector.begin('forwards', 1, 1);
        revision = this.index.collect(stream, revision, 'forwards', collector);
        expect([collector.positions[0], collector.bytes[0]]).toEqual([event.position, event.bytes]);
      }
      expect(this.index.headOf(stream)).toBe(events.length - 1);
    }
    expect(this.names.size).toBe(log.heads.size);
  }
}
