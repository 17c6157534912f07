import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChainState, VERIFY_STOP, type VerifyStop } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { naiveCrc } from './naive-records.js';
import { SampleLog } from './sample-log.js';

const START: Readonly<ChainState> = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
const { seal, verify } = javascriptKernel;

/** A log of some records of every usual type. */
function sample(): SampleLog {
  return new SampleLog().epoch().event(5).event(0).commit().event(600).commit();
}

/** Unseals: removes what seal fills in. */
function framed(log: SampleLog): Uint8Array {
  const bytes = new Uint8Array(log.bytes);
  for (const { position } of log.records) {
    bytes.fill(0xee, position, position + 4);
    bytes.fill(0xee, position + 28, position + 40);
  }
  return bytes;
}

/** The sample with record 2 changed by `change` and its header checksum made right again. */
function changed(change: (record: DataView) => void): { bytes: Uint8Array; position: number } {
  const log = sample();
  const bytes = new Uint8Array(log.bytes);
  const { position } = log.records[2]!;
  const view = new DataView(bytes.buffer, position);
  change(view);
  view.setUint32(0, naiveCrc(bytes.subarray(position + 4, position + 44)), true);
  return { bytes, position };
}

describe('seal', () => {
  test('makes the bytes that the naive implementation makes, in any split into batches', () => {
    const log = sample();
    fc.assert(
      fc.property(fc.subarray([...log.records.keys()].slice(1)), (cuts) => {
        const bytes = framed(log);
        const state = { ...START };
        const ends = [...cuts.map((cut) => log.records[cut]!.position), bytes.length];
        let count = 0;
        for (const end of ends) count += seal(bytes, state.position, end - state.position, state);
        expect(count).toBe(log.records.length);
        expect(Buffer.compare(bytes, log.bytes)).toBe(0);
      }),
    );
  });

  test('refuses a record out of place: that is a bug, and the process must not go on', () => {
    const bytes = framed(sample());
    expect(() => seal(bytes, 0, bytes.length, { ...START, position: 8 })).toThrow('not in its place');
    expect(() => seal(bytes, 0, bytes.length - 8, { ...START })).toThrow('ends inside a record');
  });
});

describe('verify', () => {
  test('accepts what the naive implementation sealed, and advances over it', () => {
    const log = sample();
    const state = { ...START };
    expect(verify(log.bytes, 0, log.end, state)).toBe(VERIFY_STOP.end);
    const last = log.records.at(-1)!;
    const chain = last.bytes.readUInt32LE(0);
    expect(state).toEqual({ position: log.end, chain, previousLength: last.length, epoch: 1 });
  });

  test('of an empty range is at its end, of zeros at a bad header', () => {
    expect(verify(new Uint8Array(0), 0, 0, { ...START })).toBe(VERIFY_STOP.end);
    expect(verify(new Uint8Array(44), 0, 44, { ...START })).toBe(VERIFY_STOP.badHeader);
    expect(verify(new Uint8Array(43), 0, 43, { ...START })).toBe(VERIFY_STOP.partial);
  });

  test('stops before the record that a cut range ends in', () => {
    const log = sample();
    for (let length = 0; length <= log.end; length++) {
      const state = { ...START };
      const isWhole = log.recordEndBefore(length) === length;
      expect(verify(log.bytes, 0, length, state)).toBe(isWhole ? VERIFY_STOP.end : VERIFY_STOP.partial);
      expect(state.position).toBe(log.recordEndBefore(length));
    }
  });

  test.each<[string, (record: DataView) => void, VerifyStop]>([
    ['length 43', (record) => record.setUint32(4, 43, true), VERIFY_STOP.badHeader],
    ['length above 32 MiB', (record) => record.setUint32(4, 33_554_433, true), VERIFY_STOP.badHeader],
    ['type 0', (record) => record.setUint8(40, 0), VERIFY_STOP.badHeader],
    ['type 8', (record) => record.setUint8(40, 8), VERIFY_STOP.badHeader],
    ['version 2', (record) => record.setUint8(41, 2), VERIFY_STOP.badHeader],
    ['another position', (record) => record.setUint8(8, record.getUint8(8) + 8), VERIFY_STOP.badPosition],
    ['a position above 2^32', (record) => record.setUint8(12, 1), VERIFY_STOP.badPosition],
    ['an older epoch', (record) => record.setUint32(24, 0, true), VERIFY_STOP.badPosition],
    ['another chain', (record) => record.setUint8(28, record.getUint8(28) ^ 1), VERIFY_STOP.badChain],
    ['another previousLength', (record) => record.setUint32(32, 45, true), VERIFY_STOP.badChain],
    ['a length beyond the range', (record) => record.setUint32(4, 33_554_432, true), VERIFY_STOP.partial],
    ['another body', (record) => record.setUint8(50, 99), VERIFY_STOP.badBody],
    ['bytes behind its end', (record) => record.setUint8(record.getUint32(4, true), 1), VERIFY_STOP.badBody],
  ])('with %s under a right header checksum stops at the record, with the reason', (_, change, stop) => {
    const { bytes, position } = changed(change);
    const state = { ...START };
    expect(verify(bytes, 0, bytes.length, state)).toBe(stop);
    expect(state.position).toBe(position);
  });

  test('notices every single flipped bit', () => {
    const log = sample();
    for (let bit = 0; bit < log.end * 8; bit++) {
      const bytes = new Uint8Array(log.bytes);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const state = { ...START };
      expect(verify(bytes, 0, bytes.length, state)).not.toBe(VERIFY_STOP.end);
      expect(state.position).toBe(log.recordEndBefore(bit >> 3));
    }
  });

  test('lets the epoch rise and notices a record moved from elsewhere', () => {
    const log = sample();
    log.epochNumber = 7;
    log.epoch().event();
    const state = { ...START };
    expect(verify(log.bytes, 0, log.end, state)).toBe(VERIFY_STOP.end);
    expect(state.epoch).toBe(7);
    const [, first, second] = log.records;
    const moved = new Uint8Array(log.bytes);
    moved.set(second!.bytes, first!.position);
    expect(verify(moved, 0, moved.length, { ...START })).toBe(VERIFY_STOP.badPosition);
  });
});
