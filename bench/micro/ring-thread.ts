/**
 * The consuming thread of the ring benchmarks: reads the number in each record and posts their sum once a run's worth has
 * come. Its own worker thread; ends when it is terminated.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RingBuffer } from 'ringbuf.js';
import { assert } from '../../src/base/assert.js';
import { Cursor } from '../../src/ring/cursor.js';
import { Doorbell } from '../../src/ring/doorbell.js';
import { CONTROL, type RingDescriptor, RingMemory } from '../../src/ring/layout.js';
import { type ConsumerData, RECORD_BYTES, RECORDS_PER_RUN } from './ring.js';

let sum = 0;
let count = 0;

function consume(number: number): void {
  sum += number;
  count++;
  if (count < RECORDS_PER_RUN) return;
  parentPort?.postMessage(sum);
  sum = 0;
  count = 0;
}

/** Reads records where they lie, and moves both cursors that the producer's space depends on. */
function followLogRing(ring: RingDescriptor): never {
  const memory = new RingMemory(ring);
  const bell = new Doorbell(memory.control, CONTROL.writerBell);
  const published = new Cursor(memory.control, CONTROL.published, 0);
  const durable = new Cursor(memory.control, CONTROL.durable, 0);
  const indexed = new Cursor(memory.control, CONTROL.indexed, 0);
  for (;;) {
    const rings = bell.rings();
    const end = published.load();
    let at = durable.position;
    if (at === end) bell.park(rings, Number.POSITIVE_INFINITY);
    for (; at < end; at += RECORD_BYTES) {
      const number = memory.words[memory.offsetOf(at) >>> 2]!;
      if (at + RECORD_BYTES === end) free(end);
      consume(number);
    }
  }

  /** Before the last record is consumed: the producer may go on as soon as it hears that the run is over. */
  function free(position: number): void {
    durable.store(position);
    indexed.store(position);
  }
}

function followRingbufJs(buffer: SharedArrayBuffer, start: Int32Array): never {
  const ring = new RingBuffer(buffer, Uint8Array);
  const record = new Uint8Array(RECORD_BYTES);
  const words = new Uint32Array(record.buffer);
  for (let run = 0; ; run++) {
    Atomics.wait(start, 0, run);
    for (let left = RECORDS_PER_RUN; left > 0; left--) {
      while (ring.pop(record, RECORD_BYTES) === 0);
      consume(words[0]!);
    }
  }
}

function followMessages(): void {
  parentPort?.on('message', (record: Uint8Array<ArrayBuffer>) => {
    consume(new Uint32Array(record.buffer, record.byteOffset, 1)[0]!);
  });
}

const data = workerData as ConsumerData | null;
assert(data !== null, 'started as a worker thread');
if (data.kind === 'log-ring') followLogRing(data.ring);
else if (data.kind === 'ringbuf.js') followRingbufJs(data.buffer, data.start);
else followMessages();
