import { afterEach, expect, test, vi } from 'vitest';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { OPCODE } from '../../src/wire/frames.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A message of one frame that ends in `bytes` times `value`. */
function message(writer: FrameWriter, bytes: number, value: number): Uint8Array<ArrayBuffer> {
  writer.begin(OPCODE.append, 0, 1);
  writer.bytes(new Uint8Array(bytes).fill(value));
  writer.end();
  return writer.take();
}

test('a long message written in small steps is moved a few times, not at each step', () => {
  const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, 0, 1);
  for (let i = 0; i < 4_000_000; i++) writer.u16(i & 0xffff);
  writer.end();
  const bytes = writer.take();
  expect(bytes.length).toBe(8_000_012);
  expect(new DataView(bytes.buffer, bytes.byteOffset).getUint16(12 + 2 * 70_000, true)).toBe(70_000 & 0xffff);
  expect(allocate.mock.calls.length).toBeLessThan(16);
});

test('messages keep their bytes while later ones are written, unless their memory was given back', () => {
  const writer = new FrameWriter();
  const messages = Array.from({ length: 200 }, (_, i) => message(writer, 3_000, i));
  for (const [i, bytes] of messages.entries())
    expect(bytes.subarray(12).every((byte) => byte === i)).toBe(true);
});

test('memory that was given back is written again; that which is being written is not taken back', () => {
  const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
  const writer = new FrameWriter();
  const first = message(writer, 10_000, 1);
  writer.recycle(first.buffer);
  const second = message(writer, 100, 2);
  expect(second.buffer).toBe(first.buffer);
  expect(first.subarray(12).every((byte) => byte === 1)).toBe(true);
  let current = second;
  for (let i = 0; i < 100; i++) {
    const next = message(writer, 10_000, i);
    if (next.buffer !== current.buffer) writer.recycle(current.buffer);
    current = next;
  }
  expect(allocate.mock.calls.length).toBeLessThan(5);
});

test('what is kept is bounded', () => {
  const writer = new FrameWriter();
  const messages = Array.from({ length: 100 }, (_, i) => message(writer, 200_000, i));
  const buffers = new Set(messages.map(({ buffer }) => buffer));
  for (const buffer of buffers) writer.recycle(buffer);
  const reused = Array.from({ length: 100 }, (_, i) => message(writer, 200_000, i));
  const used = new Set(reused.map(({ buffer }) => buffer).filter((buffer) => buffers.has(buffer)));
  expect(used.size).toBeGreaterThan(2);
  expect([...used].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(6 * 1024 * 1024);
});
