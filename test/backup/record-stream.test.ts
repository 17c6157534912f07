/** Records that are verified while they go by: the same verdict for pieces of any size, and no byte changes unnoticed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecordStream } from '../../src/backup/record-stream.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { LOG_START } from '../../src/log/record.js';
import { CHUNK_SIZE, SampleLog } from '../log/sample-log.js';

const LOG = new SampleLog().epoch().event(100).event(9_000, 'large').commit();
LOG.transaction([
  { stream: 'a', data: new Uint8Array(10) },
  { stream: 'b', data: new Uint8Array(20) },
]).commit();

function streamOver(bytes: Uint8Array, sizes: readonly number[]): RecordStream {
  const stream = new RecordStream({ kernel, chunkSize: CHUNK_SIZE, file: 'file', before: LOG_START });
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    stream.push(bytes.subarray(at, at + size));
    at += size;
  }
  stream.end();
  return stream;
}

const sizes = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 10 });

test('pieces of any size come to the same end', () => {
  const whole = streamOver(LOG.bytes, [LOG.bytes.length]);
  expect(whole.recordCount).toBe(LOG.records.length);
  expect(whole.state.position).toBe(LOG.end);
  fc.assert(
    fc.property(sizes, (some) => {
      const stream = streamOver(LOG.bytes, some);
      expect(stream.state).toEqual(whole.state);
      expect(stream.recordCount).toBe(whole.recordCount);
      expect(stream.isInTransaction).toBe(false);
    }),
  );
});

test('one bit that is wrong is found, at or behind the record that holds it, in pieces of any size', () => {
  fc.assert(
    fc.property(sizes, fc.nat(LOG.bytes.length - 1), fc.nat(7), (some, at, bit) => {
      const bytes = Uint8Array.from(LOG.bytes);
      bytes[at]! ^= 1 << bit;
      const record = LOG.records.findLast(({ position }) => position <= at)!;
      expect(() => streamOver(bytes, some)).toThrow(
        expect.objectContaining({
          code: 'log-corrupt',
          details: expect.objectContaining({
            file: 'file',
            position: record.position,
            offset: 4096 + record.position,
          }),
        }),
      );
    }),
  );
});

test('a log that ends inside a record, or inside a transaction, is not whole', () => {
  const last = LOG.records.at(-1)!;
  expect(() => streamOver(LOG.bytes.subarray(0, last.position + 16), [1000])).toThrow(
    /longer than what follows/,
  );
  const open = new SampleLog().epoch().transaction(
    [
      { stream: 'a', data: new Uint8Array(10) },
      { stream: 'b', data: new Uint8Array(1) },
    ],
    1,
  );
  expect(streamOver(open.bytes, [1000]).isInTransaction).toBe(true);
});
