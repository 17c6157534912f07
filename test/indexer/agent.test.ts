import { afterEach, describe, expect, test } from 'vitest';
import { NameTable } from '../../src/base/name-table.js';
import { IndexerAgent } from '../../src/indexer/agent.js';
import type { IndexerReport, IndexSnapshot, StreamQuery } from '../../src/indexer/commands.js';
import { sendOutcome } from '../../src/indexer/messages.js';
import { createMetadataMemory } from '../../src/indexer/metadata-streams.js';
import { QueryDesk } from '../../src/indexer/query-desk.js';
import { runJob } from '../../src/indexer/run-job.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { recoverLog } from '../../src/log/recovery.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { Cursor } from '../../src/ring/cursor.js';
import { CONTROL } from '../../src/ring/layout.js';
import { createMailbox, MailboxSender } from '../../src/ring/mailbox.js';
import { LiveLog } from '../reader/live-log.js';
import { hashOf, LOG_ID, SampleLog, type SampleRecord } from './sample-log.js';

const CHUNK_BYTES = 65_536;
const RING_BYTES = 1_048_576;

const open: Bench[] = [];
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
});

describe('IndexerAgent, at the start', () => {
  test('reports names, last revisions and positions of all streams, and the last event ids', () => {
    const bench = new Bench(filled(300), 50);
    bench.work();
    expect(bench.reports).toEqual([{ kind: 'ready' }]);
    bench.expectSnapshot(50);
  });

  test('is ready at once on an empty log', () => {
    const bench = new Bench(new SampleLog(CHUNK_BYTES), 8);
    bench.work();
    expect(bench.reports).toEqual([{ kind: 'ready' }]);
    expect(NameTable.fromTransfer(bench.snapshot().heads!.names).size).toBe(0);
  });

  test('reports damage in a sealed chunk with file, offset and position, and then waits', () => {
    const sample = filled(1500);
    const victim = sample.events[40]!;
    const bench = new Bench(sample, 8, (live) => live.damage(victim.position + 90, Uint8Array.of(255, 255)));
    bench.work();
    const details = { position: victim.position, offset: victim.position + 4096 };
    expect(bench.reports).toMatchObject([{ kind: 'damaged', code: 'log-corrupt', details }]);
    expect(bench.agent.doWork()).toBe(0);
    expect(bench.agent.isDone()).toBe(false);
    bench.stop();
    expect(bench.agent.isDone()).toBe(true);
  });

  test('reads on in the new files when a chunk was mended, as if nothing had been', () => {
    const sample = filled(1500);
    const victim = sample.events[400]!;
    let whole: () => void = () => undefined;
    const bench = new Bench(sample, 8, (live) => {
      whole = live.keepCopy(victim.position);
      live.damage(victim.position + 90, Uint8Array.of(255, 255));
    });
    bench.work();
    bench.mended();
    bench.work();
    expect(bench.reports.map(({ kind }) => kind)).toEqual(['damaged', 'damaged']);
    whole();
    bench.mended();
    bench.work();
    expect(bench.reports.at(-1)).toEqual({ kind: 'ready' });
    const { names, revisions } = bench.snapshot().heads!;
    const untouched = new Bench(filled(1500), 8);
    untouched.work();
    expect(NameTable.fromTransfer(names).size).toBe(3);
    expect(new Float64Array(revisions)).toEqual(new Float64Array(untouched.snapshot().heads!.revisions));
  });
});

describe('a snapshot of the index', () => {
  test('has all that was committed when it was asked for: heads, and the last event ids, of then and not of the start', () => {
    const bench = new Bench(filled(30), 50);
    bench.work();
    for (let round = 0; round < 5; round++) {
      bench.grow(40);
      bench.expectSnapshot(50);
    }
  });

  test('waits until the index is that far, and queries behind it too', async () => {
    const bench = new Bench(filled(30), 8);
    bench.grow(4_000);
    bench.work();
    bench.grow(3_000);
    bench.desk.askSnapshot();
    const answer = bench.desk.lookup(queryOf('s1', 'backwards'));
    // What has come goes over the end of the ring, so one step is not enough.
    bench.agent.doWork();
    expect(bench.reports.map(({ kind }) => kind)).toEqual(['ready']);
    bench.turns(100);
    expect((await answer).head).toBe(bench.sample.eventsOf('s1').length - 1);
    expect(bench.reports.map(({ kind }) => kind)).toEqual(['ready', 'snapshot']);
  });

  test('leaves the index as it was: it can be asked for again, and goes on', async () => {
    const bench = new Bench(filled(100), 20);
    bench.work();
    bench.expectSnapshot(20);
    bench.expectSnapshot(20);
    bench.grow(25);
    const { runs, expected } = await bench.ask('s2', 'forwards');
    expect(runs.head).toBe(expected.length - 1);
    bench.expectSnapshot(20);
  });

  test('is made while the log is still being read at the start, once that is done', () => {
    const bench = new Bench(filled(300), 8);
    bench.desk.askSnapshot();
    bench.work();
    expect(bench.reports.map(({ kind }) => kind)).toEqual(['ready', 'snapshot']);
  });

  test('has streams of one reign and of the next, but not what the older one left unfinished', () => {
    const bench = new Bench(filled(10), 8);
    bench.work();
    bench.sample.transaction([{ stream: 'ghost' }, { stream: 'other' }], true);
    bench.sample.epoch();
    bench.live.advance();
    bench.grow(6);
    const { names, revisions } = bench.snapshot().heads!;
    const table = NameTable.fromTransfer(names);
    const heads = new Float64Array(revisions);
    const ofStream = new Map(Array.from(heads, (head, stream) => [table.nameOf(stream), head]));
    expect(ofStream.get('s0')).toBe(bench.sample.eventsOf('s0').length - 1);
    expect(ofStream.get('ghost') ?? -1).toBe(-1);
  });

  test('is asked for as often as one likes, though the mailbox holds fewer', () => {
    const bench = new Bench(filled(10), 8);
    bench.work();
    for (let i = 0; i < 300; i++) bench.desk.askSnapshot();
    bench.turns(500);
    expect(bench.reports.filter(({ kind }) => kind === 'snapshot')).toHaveLength(300);
  });
});

describe('IndexerAgent, at work', () => {
  test('answers with what was committed when it was asked, old and new', async () => {
    const bench = new Bench(filled(50), 8);
    for (let round = 0; round < 30; round++) {
      bench.grow(20);
      const { runs, expected } = await bench.ask('s1', 'backwards');
      expect(runs.head).toBe(expected.length - 1);
      const last = expected.at(-1)!;
      expect(runs.positions[0]! + runs.bytes[0]!).toBe(last.position + last.bytes);
      expect(sum(runs.events)).toBe(expected.length);
      expect(sum(runs.bytes)).toBe(expected.reduce((bytes, event) => bytes + event.bytes, 0));
      expect(runs.next).toBe(-1);
    }
  });

  test('says -1 of a stream that does not exist, or could not', async () => {
    const bench = new Bench(filled(10), 8);
    const { runs } = await bench.ask('nothing', 'forwards');
    expect(runs).toMatchObject({ head: -1, runCount: 0 });
    for (const name of ['', 'x'.repeat(1024), 'x'.repeat(65_535)]) {
      expect((await bench.ask(name, 'backwards')).runs).toMatchObject({ head: -1, runCount: 0 });
    }
  });

  test('answers a thousand queries at once, though neither mailbox holds as many', async () => {
    const bench = new Bench(filled(400), 8);
    const answers = Promise.all(Array.from({ length: 1000 }, (_, i) => bench.ask(`s${i % 3}`, 'forwards')));
    bench.turns(2000);
    for (const { runs, expected } of await answers) expect(sum(runs.events)).toBe(expected.length);
  });

  test('moves `indexed` to what is committed and never beyond', () => {
    const bench = new Bench(filled(10), 8);
    const indexed = new Cursor(
      bench.live.producer.memory.control,
      CONTROL.indexed,
      bench.live.producer.published,
    );
    bench.work();
    bench.grow(5);
    const middle = bench.sample.end;
    bench.work();
    expect(indexed.load()).toBe(middle);
  });

  test('follows a log that goes round its ring many times', async () => {
    const bench = new Bench(new SampleLog(CHUNK_BYTES), 8);
    for (let round = 0; round < 60; round++) {
      bench.grow(150, 700);
      bench.work();
    }
    expect(bench.sample.end).toBeGreaterThan(3 * RING_BYTES);
    for (const stream of ['s0', 's1', 's2']) {
      const { runs, expected } = await bench.ask(stream, 'forwards');
      expect(runs.head).toBe(expected.length - 1);
    }
  });

  test('rejects what is asked when nobody will answer any more', async () => {
    const bench = new Bench(filled(10), 8);
    const waiting = bench.desk.lookup(queryOf('s0', 'forwards'));
    const error = Object.assign(new Error('gone'), { code: 'shutting-down' });
    bench.desk.close(error as never);
    await expect(waiting).rejects.toBe(error);
    await expect(bench.desk.lookup(queryOf('s0', 'forwards'))).rejects.toBe(error);
  });
});

/** A log of single events in three streams, with commits between. */
function filled(events: number): SampleLog {
  const sample = new SampleLog(CHUNK_BYTES);
  appendTo(sample, events, 100);
  return sample;
}

function appendTo(sample: SampleLog, events: number, dataBytes: number): void {
  for (let i = 0; i < events; i++) {
    sample.transaction([{ stream: `s${i % 3}`, dataBytes }]);
    if (i % 10 === 9) sample.commit();
  }
}

function queryOf(stream: string, direction: StreamQuery['direction']): StreamQuery {
  const from = direction === 'forwards' ? 0 : Number.POSITIVE_INFINITY;
  return { stream: new TextEncoder().encode(stream), direction, from, eventsMax: 1e6, bytesMax: 1e9 };
}

function sum(values: Uint32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** An index agent on this thread, with a log to follow and a desk to ask it from. */
class Bench {
  readonly sample: SampleLog;
  readonly live: LiveLog;
  readonly agent: IndexerAgent;
  readonly desk: QueryDesk;
  readonly reports: IndexerReport[] = [];

  constructor(sample: SampleLog, retryWindowEvents: number, prepare?: (live: LiveLog) => void) {
    this.sample = sample;
    this.live = new LiveLog(sample, RING_BYTES);
    prepare?.(this.live);
    const ring = this.live.producer.memory.descriptor;
    const disk = new JavascriptDisk();
    const log = recoverLog({ disk, kernel: javascriptKernel, folder: this.live.folder });
    const [queries, answers] = [createMailbox(4096), createMailbox(65_536)];
    const recovered = log.kind === 'empty' ? undefined : log;
    const outcomes = createMailbox(65_536);
    const mailboxes = { queries, answers, outcomes };
    const place = { folder: this.live.folder, logId: LOG_ID, indexCacheBytes: 1 << 20 };
    const seed = { low: 1, high: 2 };
    const metadata = createMetadataMemory(seed);
    const start = { ring, recovered, ...place, retryWindowEvents, ...mailboxes, seed, metadata };
    const sender = new MailboxSender(outcomes);
    const report = (message: IndexerReport) => {
      if (message.kind === 'job')
        sendOutcome(sender, runJob({ disk: new JavascriptDisk(), kernel: javascriptKernel }, message.job));
      else this.reports.push(message);
    };
    this.agent = new IndexerAgent(start, { disk, kernel: javascriptKernel, report });
    this.desk = new QueryDesk(ring, queries, answers);
    open.push(this);
  }

  /** Asks for a snapshot as of now, and works until it is there. */
  snapshot(): IndexSnapshot {
    this.desk.askSnapshot();
    this.work();
    const report = this.reports.at(-1);
    if (report?.kind !== 'snapshot') expect.fail(`no snapshot: ${JSON.stringify(report)}`);
    return report.snapshot;
  }

  /** Asks for a snapshot, which must have all that is in the log, and its last `ids` event ids. */
  expectSnapshot(ids: number): void {
    const { heads, recent } = this.snapshot();
    const { names, revisions, positions } = heads!;
    const table = NameTable.fromTransfer(names);
    expect(table.size).toBe(this.sample.heads.size);
    for (let stream = 0; stream < table.size; stream++) {
      const last = this.sample.eventsOf(table.nameOf(stream)).at(-1)!;
      expect(new Float64Array(revisions)[stream]).toBe(last.revision);
      expect(new Float64Array(positions)[stream]).toBe(last.position);
    }
    const bytes = Buffer.from(recent.ids).toString('hex');
    const last = this.sample.events.slice(-ids);
    expect(bytes.match(/.{32}/g)).toEqual(last.map(({ id }) => id.toString('hex')));
    expect([...new Float64Array(recent.positions)]).toEqual(last.map(({ position }) => position));
    expect([...new Float64Array(recent.revisions)]).toEqual(last.map(({ revision }) => revision));
    expect([...new Uint32Array(recent.streams)]).toEqual(last.map(({ stream }) => hashOf(table, stream)));
  }

  /** Works until there is nothing to do. */
  work(): void {
    while (this.agent.doWork() > 0);
  }

  /** Lets agent and desk work in turns, as if on two threads. */
  turns(count: number): void {
    for (let i = 0; i < count; i++) {
      this.agent.doWork();
      this.desk.deliver();
    }
  }

  grow(events: number, dataBytes = 100): void {
    appendTo(this.sample, events, dataBytes);
    this.live.advance();
  }

  async ask(stream: string, direction: StreamQuery['direction']) {
    const expected: SampleRecord[] = this.sample.eventsOf(stream);
    const answer = this.desk.lookup(queryOf(stream, direction));
    this.turns(100);
    return { runs: await answer, expected };
  }

  mended(): void {
    Atomics.add(this.live.producer.memory.control, CONTROL.repairs, 1);
  }

  stop(): void {
    Atomics.store(this.live.producer.memory.control, CONTROL.stopping, 1);
  }

  async close(): Promise<void> {
    this.agent.close();
    await this.live.close();
  }
}
