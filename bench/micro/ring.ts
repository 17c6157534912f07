/**
 * The log ring beside two others: 320-byte records from this thread to a second one, which reads the number in each. A run
 * is a fixed count of records that fits into the ring, published a turn's worth at a time, and ends when the other thread
 * has said so; that one message costs all contenders the same. Sealing is left out: it is the CRC's benchmark.
 */
import { Worker } from 'node:worker_threads';
import { RingBuffer } from 'ringbuf.js';
import { assert } from '../../src/base/assert.js';
import type { ChainState, RecordKernel } from '../../src/base/ports.js';
import { createRing, type RingDescriptor } from '../../src/ring/layout.js';
import { RingProducer } from '../../src/ring/producer.js';
import type { MicroBenchmark } from './suite.js';

/** A 256-byte event with its header and short names. */
export const RECORD_BYTES = 320;
/** 5 MiB of records: enough to make the two wake-ups of a run a small part of it, and fits into the ring. */
export const RECORDS_PER_RUN = 16_384;
const RING_BYTES = 8 * 1024 * 1024;
/** What a busy turn of the event loop frames before it publishes. */
const RECORDS_PER_TURN = 64;
/** Records of a run are numbered from 0: their sum proves that each arrived once. */
const EXPECTED_SUM = (RECORDS_PER_RUN * (RECORDS_PER_RUN - 1)) / 2;

/** What the consuming thread is started with. */
export type ConsumerData =
  | { readonly kind: 'log-ring'; readonly ring: RingDescriptor }
  | { readonly kind: 'ringbuf.js'; readonly buffer: SharedArrayBuffer; readonly start: Int32Array }
  | { readonly kind: 'postMessage' };

/** The contenders. */
export function ringBenchmarks(): MicroBenchmark[] {
  return [logRing(), ringbufJs(), messages()];
}

function logRing(): MicroBenchmark {
  const shape = { ringBytes: RING_BYTES, recordBytesMax: 4096, chunkBytes: 2 ** 30, start: 0 };
  const ring = createRing({ ...shape, alignmentGap: () => 0 });
  const start = { position: 0, chain: 0, previousLength: 0, epoch: 1 };
  const producer = new RingProducer(ring, UNSEALED, start, 0);
  const { bytes, words } = producer.memory;
  const record = sampleRecord();
  return across('log ring (batched publish, read in place)', { kind: 'log-ring', ring }, () => {
    for (let number = 0; number < RECORDS_PER_RUN; number++) {
      assert(producer.hasRoom(RECORD_BYTES), 'a run fits into the ring');
      const at = producer.claim(RECORD_BYTES);
      bytes.set(record, at);
      words[at >>> 2] = number;
      if (number % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) producer.publish();
    }
    producer.publish();
  });
}

function ringbufJs(): MicroBenchmark {
  const buffer = RingBuffer.getStorageForCapacity(RING_BYTES, Uint8Array);
  const start = new Int32Array(new SharedArrayBuffer(4));
  const ring = new RingBuffer(buffer, Uint8Array);
  const record = sampleRecord();
  const words = new Uint32Array(record.buffer);
  // It has no way to wake a consumer: this one is woken once a run and then spins, which is the best case for it.
  return across('ringbuf.js (push and pop, consumer spins)', { kind: 'ringbuf.js', buffer, start }, () => {
    Atomics.add(start, 0, 1);
    Atomics.notify(start, 0);
    for (let number = 0; number < RECORDS_PER_RUN; number++) {
      words[0] = number;
      assert(ring.push(record, RECORD_BYTES) === RECORD_BYTES, 'a run fits into the ring');
    }
  });
}

function messages(): MicroBenchmark {
  const record = sampleRecord();
  const words = new Uint32Array(record.buffer);
  return across('postMessage', { kind: 'postMessage' }, (worker) => {
    for (let number = 0; number < RECORDS_PER_RUN; number++) {
      words[0] = number;
      worker.postMessage(record);
    }
  });
}

/** A benchmark whose consumer is a thread that posts the sum of a run's numbers when it has seen them all. */
function across(name: string, data: ConsumerData, produce: (worker: Worker) => void): MicroBenchmark {
  let worker: Worker | undefined;
  return {
    name,
    units: RECORDS_PER_RUN,
    unit: 'records',
    open: () => {
      worker = new Worker(new URL('./ring-thread.js', import.meta.url), { workerData: data });
    },
    runAcross: () =>
      new Promise((resolve, reject) => {
        assert(worker !== undefined, 'opened');
        worker.once('error', reject);
        worker.once('message', (sum: number) => {
          worker?.off('error', reject);
          if (sum === EXPECTED_SUM) resolve(sum);
          else reject(new Error(`${name}: records got lost, doubled or mixed up`));
        });
        produce(worker);
      }),
    close: async () => {
      await worker?.terminate();
    },
  };
}

/** Seals nothing. The real one is in the CRC's benchmark. */
const UNSEALED: RecordKernel = {
  crc32c: () => 0,
  seal: (_bytes, _at, length, state: ChainState) => {
    state.position += length;
    return 0;
  },
  verify: () => 0,
  copyRuns: () => undefined,
  survey: () => undefined,
  findEvents: () => 0,
};

function sampleRecord(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(RECORD_BYTES).fill(7);
}
