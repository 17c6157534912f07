/** Chunks as other nodes get them: piece by piece, wherever records end. */
import { expect, onTestFinished, test } from 'vitest';
import { SampleLog } from '../indexer/sample-log.js';
import { CHUNK_BYTES, RING_BYTES } from './any-log.js';
import { LiveLog } from './live-log.js';

test('what was removed is in all pieces of a chunk alike, though the ring still has the end of it as it was', async () => {
  const sample = new SampleLog(CHUNK_BYTES);
  const grow = (end: number) => {
    while (sample.end < end) sample.transaction([{ stream: 'a', dataBytes: 900 }]);
  };
  grow(CHUNK_BYTES / 2);
  const live = new LiveLog(sample, RING_BYTES);
  onTestFinished(() => live.close());
  grow(CHUNK_BYTES + 4000);
  live.advance();
  expect(live.producer.floor).toBeLessThan(CHUNK_BYTES);
  live.remove(sample.events.filter(({ position }) => position < CHUNK_BYTES));
  const { bytes, end } = sample;
  for (const pieceBytes of [700, 5000, CHUNK_BYTES]) {
    const given = new Uint8Array(end);
    for (let at = 0; at < end; ) {
      const piece = given.subarray(
        at,
        Math.min(at + pieceBytes, CHUNK_BYTES * Math.ceil((at + 1) / CHUNK_BYTES)),
      );
      await live.reader.readPiece(at, piece.subarray(0, end - at));
      at += piece.length;
    }
    expect(Buffer.compare(given, bytes.subarray(0, end))).toBe(0);
  }
});
