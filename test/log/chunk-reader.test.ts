import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChainState, VERIFY_STOP } from '../../src/base/ports.js';
import { ChunkReader } from '../../src/log/chunk-reader.js';
import { verifyRun } from '../../src/log/chunk-scan.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { firstNonZero, lastNonZero } from '../../src/log/zeros.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from './sample-log.js';

/** Two blocks: small, so that records and ranges are larger. */
const WINDOW_BYTES = 8_192;

const LOG = new SampleLog()
  .epoch()
  .event(50)
  .event(30_000)
  .event(200)
  .commit()
  .fillChunk()
  .event(9_000)
  .fillChunk();

describe('the window over a chunk', () => {
  test('shows every byte of the range in order, in whatever steps it is moved', () => {
    const disk = LOG.disk();
    const steps = fc.array(fc.record({ want: fc.nat(20_000), skip: fc.nat(20_000) }), { maxLength: 30 });
    const range = fc.tuple(fc.nat(CHUNK_SIZE), fc.nat(CHUNK_SIZE));
    fc.assert(
      fc.property(fc.nat(1), range, steps, (chunk, [a, b], moves) => {
        const start = chunk * CHUNK_SIZE;
        const from = start + Math.min(a, b);
        const to = start + Math.max(a, b);
        const reader = new ChunkReader({ disk, kernel }, WINDOW_BYTES);
        reader.open(chunkPath(chunk), start, from, to);
        for (const { want, skip } of moves) {
          const isThere = reader.require(want);
          expect(isThere).toBe(reader.position + want <= to);
          const expected = LOG.bytes.subarray(reader.position, reader.position + reader.length);
          const shown = reader.bytes.subarray(reader.at, reader.at + reader.length);
          expect(Buffer.compare(shown, expected)).toBe(0);
          expect(reader.position + reader.length).toBeLessThanOrEqual(to);
          reader.skip(Math.min(skip, reader.length));
        }
        while (reader.more());
        expect(reader.position + reader.length).toBe(to);
        reader.close();
      }),
    );
    expect(disk.openCount).toBe(0);
  });

  test('holds a record that is longer than itself', () => {
    const reader = new ChunkReader({ disk: LOG.disk(), kernel }, WINDOW_BYTES);
    reader.open(chunkPath(0), 0, 0, CHUNK_SIZE);
    const state: ChainState = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    let bytes = Buffer.alloc(0);
    for (;;) {
      const stop = verifyRun(kernel, reader, state);
      const length = state.position - reader.position;
      if (length === 0) {
        expect(stop).toBe(VERIFY_STOP.end);
        break;
      }
      bytes = Buffer.concat([bytes, reader.bytes.subarray(reader.at, reader.at + length)]);
      reader.skip(length);
    }
    reader.close();
    expect(Buffer.compare(bytes, LOG.bytes.subarray(0, CHUNK_SIZE))).toBe(0);
  });

  test('says so if the file is shorter than it should be', () => {
    const disk = LOG.disk();
    disk.files.set(chunkPath(0), disk.files.get(chunkPath(0))!.slice(0, 20_000));
    const reader = new ChunkReader({ disk, kernel }, WINDOW_BYTES);
    reader.open(chunkPath(0), 0, 0, CHUNK_SIZE);
    expect(() => reader.require(CHUNK_SIZE)).toThrow('cut short');
  });
});

describe('among zeros', () => {
  test('the first and the last other byte are found', () => {
    const places = fc.array(fc.nat(199_999), { maxLength: 3 });
    fc.assert(
      fc.property(places, fc.nat(1_000), (others, margin) => {
        const bytes = new Uint8Array(200_000);
        for (const place of others) bytes[place] = 1;
        const inside = others.filter((place) => place >= margin && place < 200_000 - margin);
        const length = 200_000 - 2 * margin;
        expect(firstNonZero(bytes, margin, length)).toBe(inside.length === 0 ? -1 : Math.min(...inside));
        expect(lastNonZero(bytes, margin, length)).toBe(inside.length === 0 ? -1 : Math.max(...inside));
      }),
    );
  });
});
