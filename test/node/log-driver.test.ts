/** What is to be written to the log while there is no room for it. */
import { expect, test } from 'vitest';
import type { ChainState } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { LogDriver, type LogDriverHost } from '../../src/node/log-driver.js';
import { frame, stateAt } from '../native/framed-records.js';

const CHUNK_BYTES = 65_536;

/** As much of a store as a driver asks of it. */
class ScantStore {
  readonly kernel = javascriptKernel;
  readonly chunkSize = CHUNK_BYTES;
  room = 0;
  written = new Uint8Array(0);
  readonly producer = {
    framed: 0,
    memory: { descriptor: { apronBytes: CHUNK_BYTES } },
    take: (bytes: Uint8Array, _records: number, end: ChainState) => {
      this.written = Buffer.concat([this.written, bytes]);
      this.room -= bytes.length;
      this.producer.framed = end.position;
    },
  };

  get durable(): number {
    return this.producer.framed;
  }

  hasRoom(length: number): boolean {
    return length <= this.room;
  }

  readonly hurryIndex = () => undefined;
  readonly notePublished = () => undefined;
}

/** Some records as they come over a connection, and go on from the ones before. */
function ranges(count: number): Uint8Array[] {
  const records = Array.from({ length: 3 * count }, () => ({ length: 120, epoch: 1 }));
  const { bytes } = frame(0, records);
  javascriptKernel.seal(bytes, 0, bytes.length, stateAt(0));
  return Array.from({ length: count }, (_, i) => bytes.slice(360 * i, 360 * (i + 1)));
}

test('a range that has to wait is the one that came, whatever happens to the memory that it came in', () => {
  const store = new ScantStore();
  const unwanted = () => {
    throw new Error('nothing of this kind was asked for');
  };
  const host = { store, appendRecord: unwanted, truncated: unwanted, failed: unwanted };
  const driver = new LogDriver(host as unknown as LogDriverHost, 0);
  const whole = Buffer.concat(ranges(6));
  const memory = Buffer.alloc(360);
  // The first is written at once, the others wait.
  store.room = 360;
  for (const [i, range] of ranges(6).entries()) {
    memory.set(range);
    driver.add({ kind: 'write', bytes: memory, isCatchUp: i % 2 === 1 });
    memory.fill(0xee);
  }
  expect(driver.isIdle).toBe(false);
  expect(store.written.length).toBe(360);
  for (const room of [360, 720, 0, 720]) {
    store.room = room;
    driver.pump();
  }
  expect(driver.isIdle).toBe(true);
  expect(Buffer.compare(store.written, whole)).toBe(0);
});
