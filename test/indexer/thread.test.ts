import { afterEach, expect, test } from 'vitest';
import type { CairnError } from '../../src/base/errors.js';
import { NameTable } from '../../src/base/name-table.js';
import type { IndexSnapshot } from '../../src/indexer/commands.js';
import { type IndexerProxy, startIndexer } from '../../src/indexer/proxy.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { recoverLog } from '../../src/log/recovery.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { Doorbell } from '../../src/ring/doorbell.js';
import { CONTROL } from '../../src/ring/layout.js';
import { LiveLog } from '../reader/live-log.js';
import { LOG_ID, SampleLog } from './sample-log.js';

const CHUNK_BYTES = 65_536;
const RING_BYTES = 1_048_576;

const open: Bench[] = [];
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
});

test('the index thread reads the log, follows it, answers, and ends when the ring stops', async () => {
  const bench = new Bench(filled(1000));
  await bench.indexer.ready;
  const snapshot = await bench.indexer.snapshot();
  expect(NameTable.fromTransfer(snapshot.heads!.names).size).toBe(3);
  expect(snapshot.recent.streams.byteLength).toBe(4 * 64);
  for (let round = 0; round < 20; round++) {
    bench.grow(30);
    const runs = await bench.indexer.lookup({
      stream: encode('s2'),
      direction: 'backwards',
      from: Infinity,
      eventsMax: 1,
      bytesMax: 1,
    });
    const last = bench.live.sample.eventsOf('s2').at(-1)!;
    expect([runs.head, runs.positions[0]]).toEqual([last.revision, last.position]);
  }
  bench.stop();
  expect(await bench.ended).toEqual({ thread: 'indexer', error: undefined });
  const late = bench.indexer.lookup({
    stream: encode('s2'),
    direction: 'forwards',
    from: 0,
    eventsMax: 1,
    bytesMax: 1,
  });
  await expect(late).rejects.toMatchObject({ code: 'shutting-down' });
});

test('snapshots come in the order of asking, and each has what was committed then', async () => {
  const bench = new Bench(filled(30));
  const snapshots: Promise<IndexSnapshot>[] = [];
  const heads: number[] = [];
  for (let round = 0; round < 10; round++) {
    snapshots.push(bench.indexer.snapshot());
    heads.push(bench.live.sample.eventsOf('s0').length - 1);
    bench.grow(30);
  }
  for (const [round, { heads: all }] of (await Promise.all(snapshots)).entries()) {
    const { names, revisions } = all!;
    const table = NameTable.fromTransfer(names);
    const stream = Array.from({ length: table.size }, (_, i) => table.nameOf(i)).indexOf('s0');
    expect(new Float64Array(revisions)[stream]).toBeGreaterThanOrEqual(heads[round]!);
  }
  bench.stop();
  await bench.ended;
});

test('a damaged log is reported with where the damage is', async () => {
  const sample = filled(1500);
  const victim = sample.events[100]!;
  const bench = new Bench(sample, (live) => live.damage(victim.position + 90, Uint8Array.of(255, 255)));
  const details = { position: victim.position };
  expect(await bench.damaged).toMatchObject({ code: 'log-corrupt', details });
});

test('an index thread that dies is reported, and whoever waits for it is told', async () => {
  const bench = new Bench(filled(10));
  await bench.indexer.ready;
  bench.stopListening();
  // Its last turn is over before the question comes: otherwise it might still answer.
  const terminated = bench.indexer.worker.terminate();
  const waiting = bench.indexer.lookup({
    stream: encode('s0'),
    direction: 'forwards',
    from: 0,
    eventsMax: 1,
    bytesMax: 1,
  });
  const refused = expect(waiting).rejects.toMatchObject({ code: 'thread-died' });
  await terminated;
  await refused;
  expect((await bench.ended).error).toBeInstanceOf(Error);
});

function filled(events: number): SampleLog {
  const sample = new SampleLog(CHUNK_BYTES);
  append(sample, events);
  return sample;
}

function append(sample: SampleLog, events: number): void {
  for (let i = 0; i < events; i++) sample.transaction([{ stream: `s${i % 3}`, dataBytes: 100 }]);
  sample.commit();
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A real index thread on a log. */
class Bench {
  readonly live: LiveLog;
  readonly indexer: IndexerProxy;
  readonly ended: Promise<{ thread: string; error: Error | undefined }>;
  /** The first damage that it reports. */
  readonly damaged: Promise<CairnError>;
  readonly #control: Int32Array;
  #isListening = true;

  constructor(sample: SampleLog, prepare?: (live: LiveLog) => void) {
    this.live = new LiveLog(sample, RING_BYTES);
    prepare?.(this.live);
    const ring = this.live.producer.memory.descriptor;
    this.#control = this.live.producer.memory.control;
    const recovered = recoverLog({
      disk: new JavascriptDisk(),
      kernel: javascriptKernel,
      folder: this.live.folder,
    });
    if (recovered.kind === 'empty') expect.fail('the log has chunks');
    let indexer: IndexerProxy | undefined;
    let damaged: (error: CairnError) => void = () => undefined;
    this.damaged = new Promise((resolve) => {
      damaged = resolve;
    });
    this.ended = new Promise((resolve) => {
      const ended = (thread: string, error: Error | undefined) => resolve({ thread, error });
      const { folder } = this.live;
      const place = { folder, logId: LOG_ID, indexCacheBytes: 1024 * 1024 };
      indexer = startIndexer({ ring, recovered, ...place, retryWindowEvents: 64 }, { ended, damaged });
    });
    this.indexer = indexer!;
    this.#listen(new Doorbell(this.#control, CONTROL.mainBell));
    open.push(this);
  }

  grow(events: number): void {
    append(this.live.sample, events);
    this.live.advance();
    this.#ring();
  }

  stop(): void {
    Atomics.store(this.#control, CONTROL.stopping, 1);
    this.#ring();
  }

  /** From now on answers stay where they are. */
  stopListening(): void {
    this.#isListening = false;
  }

  async close(): Promise<void> {
    this.stop();
    await this.ended;
    await this.indexer.close();
    this.stopListening();
    await this.live.close();
  }

  #ring(): void {
    new Doorbell(this.#control, CONTROL.indexerBell).ring();
  }

  #listen(bell: Doorbell): void {
    if (!this.#isListening) return;
    const seen = bell.rings();
    this.indexer.deliver();
    bell.whenRung(seen, () => this.#listen(bell));
  }
}
