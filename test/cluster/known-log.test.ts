/** What a node knows of its own log, and where two logs part. */
import { expect, it } from 'vitest';
import { commonEnd, KnownLog } from '../../src/cluster/known-log.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { RecordBuilder } from '../../src/sim/node/record-bytes.js';
import { idOf } from './ids.js';

const CHUNK_SIZE = 65_536;
const LOG_BEGIN = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
/** Too little room for an Epoch record behind it, enough for Padding. */
const FILLED_TO = CHUNK_SIZE - 56;

function prepare(dataBytes: number) {
  return { stream: 's', type: 't', eventId: idOf(1), revision: 0, data: new Uint8Array(dataBytes) };
}

/** A builder whose log ends at {@link FILLED_TO}, and the log's records. */
function nearlyFull(): { builder: RecordBuilder; log: KnownLog } {
  const builder = new RecordBuilder(javascriptKernel, {
    end: LOG_BEGIN,
    chunkSize: CHUNK_SIZE,
    timestampUs: 1,
  });
  const log = new KnownLog(javascriptKernel);
  log.extend(builder.appendEpoch(1, idOf(1)).bytes);
  const overhead = 88;
  log.extend(builder.appendPrepares([prepare(FILLED_TO - builder.end.position - overhead)], 1, 1).bytes);
  expect(log.end).toBe(FILLED_TO);
  return { builder, log };
}

it('finds where logs part before the Padding that an epoch begins with', () => {
  const old = nearlyFull();
  const next = nearlyFull();
  // The old leader went on in its own epoch, the next one began another: both had to pad the chunk first.
  old.log.extend(old.builder.appendPrepares([prepare(100)], 1, 1).bytes);
  const { bytes, position } = next.builder.appendEpoch(2, idOf(2));
  next.log.extend(bytes);
  expect(position).toBe(CHUNK_SIZE);
  expect(next.log.epochs).toEqual([
    { epoch: 1, position: 0 },
    { epoch: 2, position: FILLED_TO },
  ]);
  const told = { epochs: [...old.log.epochs].reverse(), end: old.log.end };
  expect(commonEnd(next.log, told)).toBe(FILLED_TO);
});

it('finds no common record where even the first epochs differ', () => {
  const told = { epochs: [{ epoch: 1, position: 0 }], end: 640 };
  expect(commonEnd({ epochs: [{ epoch: 2, position: 0 }], end: 64 }, told)).toBe(0);
});

it('goes as far as the shorter log where one continues the other', () => {
  const epochs = [{ epoch: 1, position: 0 }];
  expect(commonEnd({ epochs, end: 640 }, { epochs, end: 320 })).toBe(320);
  expect(commonEnd({ epochs, end: 320 }, { epochs, end: 640 })).toBe(320);
});

it('refuses a range that does not continue it, and stays as it was', () => {
  const { builder, log } = nearlyFull();
  const { bytes } = builder.appendPrepares([prepare(100)], 1, 1);
  const bent = bytes.slice();
  bent[bytes.length - 1]! ^= 1;
  expect(log.extend(bent).kind).toBe('bad');
  expect(log.extend(bytes.subarray(0, bytes.length - 8)).kind).toBe('bad');
  expect(log.end).toBe(FILLED_TO);
  expect(log.extend(bytes).kind).toBe('ok');
  expect(log.extend(bytes).kind).toBe('bad');
});
