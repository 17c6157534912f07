/**
 * Seal and verify: every implementation does to the same bytes the same as the plain-JavaScript kernel, for whole batches and
 * damaged ones, and each kind of damage has its own answer.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssertionFailure } from '../../src/base/assert.js';
import { crc32c } from '../../src/base/crc32c.js';
import { type ChainState, type RecordKernel, VERIFY_STOP } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { RECORD, RECORD_LENGTH_MAX } from '../../src/log/record.js';
import { kernelsByName } from '../../src/native/platform.js';
import { type Framed, frame, stateAt } from './framed-records.js';

/** Short ones, and bodies around the lengths at which implementations change their ways. */
const lengths = fc.oneof(
  fc.integer({ min: 44, max: 400 }),
  fc.integer({ min: 44, max: 3000 }),
  fc.integer({ min: 12_000, max: 13_000 }),
);

const batches = fc
  .record({
    position: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 40 })),
    records: fc.array(fc.record({ length: lengths, type: fc.integer({ min: 1, max: 7 }) }), {
      maxLength: 12,
    }),
    epochs: fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 12, maxLength: 12 }),
    chain: fc.nat(0xffff_ffff),
    previousLength: fc.integer({ min: 44, max: RECORD_LENGTH_MAX }),
  })
  .map(({ position, records, epochs, chain, previousLength }) => {
    const ascending = epochs.sort((a, b) => a - b);
    const start = position * 8;
    const framed = frame(
      start,
      records.map((record, index) => ({ ...record, epoch: ascending[index]! })),
    );
    const before = start === 0 ? {} : { chain, previousLength, epoch: 1 };
    return { framed, state: stateAt(start, before) };
  });

/** Seals a copy; returns the bytes, the count and the state behind them. */
function sealed(kernel: RecordKernel, framed: Framed, from: ChainState) {
  const bytes = framed.bytes.slice();
  const state = { ...from };
  const count = kernel.seal(bytes, 0, bytes.length, state);
  return { bytes, count, state };
}

describe.each([...kernelsByName()])('%s', (_name, kernel: RecordKernel) => {
  test('seals as plain JavaScript does, and verifies what it sealed', () => {
    fc.assert(
      fc.property(batches, ({ framed, state }) => {
        const [ours, expected] = [sealed(kernel, framed, state), sealed(javascriptKernel, framed, state)];
        expect(Buffer.compare(ours.bytes, expected.bytes)).toBe(0);
        expect(ours.count).toBe(framed.starts.length);
        expect(ours.state).toEqual(expected.state);
        const walked = { ...state };
        expect(kernel.verify(ours.bytes, 0, ours.bytes.length, walked)).toBe(VERIFY_STOP.end);
        expect(walked).toEqual(ours.state);
      }),
    );
  });

  test('stops where plain JavaScript stops, for the same reason, whatever byte is damaged and wherever it is cut', () => {
    const damage = fc.array(fc.record({ at: fc.nat(), xor: fc.integer({ min: 1, max: 255 }) }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(batches, damage, fc.nat(), ({ framed, state }, flips, cut) => {
        const { bytes } = sealed(javascriptKernel, framed, state);
        if (bytes.length === 0) return;
        for (const { at, xor } of flips) bytes[at % bytes.length]! ^= xor;
        const length = cut % 3 === 0 ? cut % (bytes.length + 1) : bytes.length;
        const [ours, expected] = [{ ...state }, { ...state }];
        const stop = kernel.verify(bytes, 0, length, ours);
        expect(stop).toBe(javascriptKernel.verify(bytes, 0, length, expected));
        expect(ours).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('seals batch after batch as it seals them at once, and from anywhere in memory', () => {
    const framed = frame(
      0,
      [100, 48, 352, 600, 44, 5000].map((length) => ({ length, epoch: 3 })),
    );
    const atOnce = sealed(kernel, framed, stateAt(0));
    const shared = new Uint8Array(new SharedArrayBuffer(framed.bytes.length + 24), 8);
    shared.set(framed.bytes, 16);
    const state = stateAt(0);
    for (const [index, start] of framed.starts.entries()) {
      const end = framed.starts[index + 1] ?? framed.bytes.length;
      expect(kernel.seal(shared, 16 + start, end - start, state)).toBe(1);
    }
    expect(Buffer.compare(shared.subarray(16), atOnce.bytes)).toBe(0);
    expect(state).toEqual(atOnce.state);
  });

  describe('of three records', () => {
    const framed = frame(
      4096,
      [200, 352, 100].map((length) => ({ length, epoch: 7 })),
    );
    const start = stateAt(4096, { chain: 5, previousLength: 48, epoch: 7 });
    const second = framed.starts[1]!;
    const { bytes } = sealed(kernel, framed, start);

    /** Verifies a copy to which `change` was done. The stop, and how far it got. */
    function verified(change: (view: DataView, record: number) => void, length = bytes.length) {
      const copy = bytes.slice();
      change(new DataView(copy.buffer), second);
      const state = { ...start };
      return { stop: kernel.verify(copy, 0, length, state), got: state.position - start.position };
    }

    /** As {@link verified}, with the header's checksum put right again: a record that is whole, but wrong. */
    function verifiedWhole(change: (view: DataView, record: number) => void) {
      return verified((view, record) => {
        change(view, record);
        const header = new Uint8Array(view.buffer, record, RECORD.body);
        view.setUint32(record + RECORD.crc, crc32c(header, 4, 40, 0), true);
      });
    }

    test('the end is the end', () => {
      expect(verified(() => undefined)).toEqual({ stop: VERIFY_STOP.end, got: bytes.length });
    });

    test('a cut inside a header, or inside a body, asks for more bytes', () => {
      for (const length of [second + 1, second + 43, second + 44, second + 351]) {
        expect(verified(() => undefined, length)).toEqual({ stop: VERIFY_STOP.partial, got: second });
      }
    });

    test('damage to any byte of a header is a bad header, and to any byte of a body a bad body', () => {
      for (let at = 0; at < 352; at++) {
        const stop = at < RECORD.body ? VERIFY_STOP.badHeader : VERIFY_STOP.badBody;
        const damaged = verified((view, record) => {
          view.setUint8(record + at, view.getUint8(record + at) ^ 0x10);
        });
        expect(damaged, `byte ${at}`).toEqual({ stop, got: second });
      }
    });

    test('zeros are a bad header', () => {
      const zeroed = verified((view, record) => new Uint8Array(view.buffer).fill(0, record));
      expect(zeroed).toEqual({ stop: VERIFY_STOP.badHeader, got: second });
    });

    test.each([
      ['no length', RECORD.length, 4, 43],
      ['a length above the limit', RECORD.length, 4, RECORD_LENGTH_MAX + 1],
      ['a length of all ones', RECORD.length, 4, 0xffff_ffff],
      ['type 0', RECORD.type, 1, 0],
      ['type 8', RECORD.type, 1, 8],
      ['version 0', RECORD.version, 1, 0],
      ['version 2', RECORD.version, 1, 2],
    ])('%s is a bad header, however right its checksum', (_title, at, size, value) => {
      const stopped = verifiedWhole((view, record) => {
        if (size === 4) view.setUint32(record + at, value, true);
        else view.setUint8(record + at, value);
      });
      expect(stopped).toEqual({ stop: VERIFY_STOP.badHeader, got: second });
    });

    test.each([
      ['another position', RECORD.position, 8, VERIFY_STOP.badPosition],
      ['a position 2^32 further', RECORD.position + 4, 1, VERIFY_STOP.badPosition],
      ['a lower epoch', RECORD.epoch, 6, VERIFY_STOP.badPosition],
      ['another chain', RECORD.chain, 1, VERIFY_STOP.badChain],
      ['another previous length', RECORD.previousLength, 1, VERIFY_STOP.badChain],
      ['another checksum of the body', RECORD.bodyCrc, 1, VERIFY_STOP.badBody],
      ['a length beyond the range', RECORD.length, 100_000, VERIFY_STOP.partial],
    ])('%s is told apart', (_title, at, value, stop) => {
      const stopped = verifiedWhole((view, record) => view.setUint32(record + at, value, true));
      expect(stopped).toEqual({ stop, got: second });
    });

    test('a later epoch is right', () => {
      expect(
        verifiedWhole((view, record) => view.setUint32(record + RECORD.epoch, 8, true)).got,
      ).toBeGreaterThan(second);
    });

    test('what is not whole records, each in its place, is not sealed', () => {
      const refuses = (change: (view: DataView) => void, length = bytes.length, state = start) => {
        const copy = framed.bytes.slice();
        change(new DataView(copy.buffer));
        expect(() => kernel.seal(copy, 0, length, { ...state })).toThrow(AssertionFailure);
      };
      refuses(() => undefined, bytes.length - 8);
      refuses(() => undefined, second + 47);
      refuses(() => undefined, second + 4);
      refuses((view) => view.setUint32(second + RECORD.length, 43, true));
      refuses((view) => view.setUint32(second + RECORD.length, 0, true));
      refuses((view) => view.setUint32(second + RECORD.length, 0xffff_ffff, true));
      refuses((view) => view.setUint32(second + RECORD.length, RECORD_LENGTH_MAX + 1, true));
      refuses((view) => view.setUint32(second + RECORD.position, 0, true));
      refuses(() => undefined, bytes.length, { ...start, position: 8192 });
    });
  });
});
