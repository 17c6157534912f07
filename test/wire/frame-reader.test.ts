import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';

interface Frame {
  readonly opcode: number;
  readonly flags: number;
  readonly requestId: number;
  readonly body: Uint8Array;
}

const frame: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.nat(255),
  flags: fc.nat(255),
  requestId: fc.integer({ min: 1, max: 0xffffffff }),
  body: fc.uint8Array({ maxLength: 64 }),
});

function write(writer: FrameWriter, { opcode, flags, requestId, body }: Frame): void {
  writer.begin(opcode, flags, requestId);
  writer.bytes(body);
  writer.end();
}

function messageOf(frames: readonly Frame[]): Uint8Array {
  const writer = new FrameWriter();
  for (const each of frames) write(writer, each);
  return writer.take();
}

function readAll(reader: FrameReader, message: Uint8Array): Frame[] {
  reader.open(message);
  const frames: Frame[] = [];
  while (reader.next()) {
    const { at, length, opcode, flags, requestId } = reader;
    expect(at + length).toBeLessThanOrEqual(message.length);
    frames.push({ opcode, flags, requestId, body: message.slice(at + 12, at + length) });
  }
  return frames;
}

test('the frames of a message come back in order', () => {
  const reader = new FrameReader();
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 10 }), (frames) => {
      expect(readAll(reader, messageOf(frames))).toEqual(frames);
      expect(reader.fault).toBeUndefined();
    }),
  );
});

test('a message that ends inside a frame gives the frames before, and a fault', () => {
  const reader = new FrameReader();
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), frame, fc.nat(), (before, last, cut) => {
      const start = messageOf(before);
      const rest = messageOf([last]);
      const message = new Uint8Array([...start, ...rest.subarray(0, 1 + (cut % (rest.length - 1)))]);
      expect(readAll(reader, message)).toEqual(before);
      expect(reader.fault).toBeTypeOf('string');
      expect(reader.next()).toBe(false);
    }),
  );
});

test.each<[string, (view: DataView) => void]>([
  ['a length below that of a header', (view) => view.setUint32(0, 11, true)],
  ['a length of 0', (view) => view.setUint32(0, 0, true)],
  ['a length beyond the message', (view) => view.setUint32(0, 17, true)],
  ['a length of 4 GiB', (view) => view.setUint32(0, 0xffffffff, true)],
  ['something in the zero field', (view) => view.setUint8(6, 1)],
  ['request id 0 in a request', (view) => view.setUint32(8, 0, true)],
])('malformed: %s', (_, damage) => {
  const message = messageOf([{ opcode: 2, flags: 0, requestId: 1, body: new Uint8Array(4) }]);
  damage(new DataView(message.buffer, message.byteOffset, message.length));
  const reader = new FrameReader();
  expect(readAll(reader, message)).toEqual([]);
  expect(reader.fault).toBeTypeOf('string');
});

test('an empty message is malformed', () => {
  const reader = new FrameReader();
  expect(readAll(reader, new Uint8Array(0))).toEqual([]);
  expect(reader.fault).toBeTypeOf('string');
});

test('garbage ends in a fault or at the end, never out of bounds', () => {
  const reader = new FrameReader();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (message) => void readAll(reader, message)));
});

test('a message taken from a writer is never changed by what is written afterwards', () => {
  fc.assert(
    fc.property(fc.array(fc.array(frame, { minLength: 1, maxLength: 20 }), { maxLength: 40 }), (messages) => {
      const writer = new FrameWriter();
      const taken = messages.map((frames) => {
        for (const each of frames) write(writer, each);
        const message = writer.take();
        return { message, copy: message.slice(), frames };
      });
      const reader = new FrameReader();
      for (const { message, copy, frames } of taken) {
        expect(message).toEqual(copy);
        expect(readAll(reader, message)).toEqual(frames);
      }
    }),
    { numRuns: 50 },
  );
});

test('frames larger than a slab move along whole', () => {
  const writer = new FrameWriter();
  const big = { opcode: 2, flags: 0, requestId: 5, body: new Uint8Array(300_000).fill(7) };
  write(writer, { ...big, requestId: 4, body: new Uint8Array(9) });
  write(writer, big);
  expect(writer.length).toBe(21 + 300_012);
  const frames = readAll(new FrameReader(), writer.take());
  expect(frames[1]).toEqual(big);
  expect(writer.length).toBe(0);
  expect(writer.take().length).toBe(0);
});
