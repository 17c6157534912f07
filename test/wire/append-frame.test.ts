import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { APPEND_PARTS, EXPECTED_REVISION, OPCODE, PARTS_MAX } from '../../src/wire/frames.js';

interface Event {
  readonly id: Uint8Array;
  readonly type: string;
  readonly flags: number;
  readonly metadata: Uint8Array;
  readonly data: Uint8Array;
}

interface Append {
  readonly requestId: number;
  readonly expected: number;
  readonly stream: string;
  readonly events: readonly Event[];
}

const UTF8 = new TextEncoder();

function write(writer: FrameWriter, append: Append): void {
  writer.begin(OPCODE.append, 0, append.requestId);
  writePart(writer, append);
  writer.end();
}

function writePart(writer: FrameWriter, append: Append): void {
  const stream = UTF8.encode(append.stream);
  writer.i64(append.expected);
  writer.u16(stream.length);
  writer.u16(append.events.length);
  writer.bytes(stream);
  for (const event of append.events) {
    const type = UTF8.encode(event.type);
    writer.bytes(event.id);
    writer.u16(type.length);
    writer.u16(event.flags);
    writer.u32(event.metadata.length);
    writer.u32(event.data.length);
    writer.bytes(type);
    writer.bytes(event.metadata);
    writer.bytes(event.data);
  }
}

/** An Append to several streams. */
function encodeParts(parts: readonly Append[], count = parts.length): Uint8Array {
  const writer = new FrameWriter();
  writer.begin(OPCODE.append, APPEND_PARTS, 7);
  writer.u32(count);
  for (const part of parts) writePart(writer, part);
  writer.end();
  return writer.take();
}

function encode(append: Append): Uint8Array {
  const writer = new FrameWriter();
  write(writer, append);
  return writer.take();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readBack(cursor: AppendCursor): Append {
  const { bytes } = cursor;
  const text = (at: number, length: number) => new TextDecoder().decode(bytes.subarray(at, at + length));
  const events: Event[] = [];
  while (cursor.nextEvent()) {
    expect(cursor.bodyLength).toBe(cursor.typeLength + cursor.metadataLength + cursor.dataLength);
    events.push({
      id: bytes.slice(cursor.idAt, cursor.idAt + 16),
      type: text(cursor.typeAt, cursor.typeLength),
      flags: cursor.isJson ? 1 : 0,
      metadata: bytes.slice(cursor.metadataAt, cursor.metadataAt + cursor.metadataLength),
      data: bytes.slice(cursor.dataAt, cursor.dataAt + cursor.dataLength),
    });
  }
  const stream = text(cursor.streamAt, cursor.streamLength);
  return { requestId: cursor.requestId, expected: cursor.expectedRevision, stream, events };
}

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const event: fc.Arbitrary<Event> = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  type: name,
  flags: fc.constantFrom(0, 1),
  metadata: fc.uint8Array({ maxLength: 40 }),
  data: fc.uint8Array({ maxLength: 300 }),
});
const append: fc.Arbitrary<Append> = fc.record({
  requestId: fc.integer({ min: 1, max: 0xffffffff }),
  expected: fc.oneof(fc.constantFrom(-1, -2, -4), fc.maxSafeNat()),
  stream: name,
  events: fc.array(event, { minLength: 1, maxLength: 5 }),
});

const small: Append = {
  requestId: 7,
  expected: EXPECTED_REVISION.any,
  stream: 'orders-1',
  events: [
    {
      id: new Uint8Array(16).fill(1),
      type: 'Placed',
      flags: 1,
      metadata: new Uint8Array(2),
      data: UTF8.encode('{}'),
    },
    {
      id: new Uint8Array(16).fill(2),
      type: 'Paid',
      flags: 0,
      metadata: new Uint8Array(0),
      data: new Uint8Array(0),
    },
  ],
};

test('what was written is read back, wherever in a message the frame stands', () => {
  fc.assert(
    fc.property(append, fc.nat(50), fc.nat(50), (written, before, after) => {
      const frame = encode(written);
      const message = new Uint8Array(before + frame.length + after).fill(0xff);
      message.set(frame, before);
      const cursor = new AppendCursor();
      expect(cursor.open(message, viewOf(message), before, frame.length)).toBeUndefined();
      expect(readBack(cursor)).toEqual(written);
      cursor.rewind();
      expect(readBack(cursor)).toEqual(written);
    }),
  );
});

test('a frame that is cut anywhere, or longer by anything, is refused', () => {
  const frame = encode(small);
  const cursor = new AppendCursor();
  const longer = new Uint8Array(frame.length + 30);
  longer.set(frame);
  for (let length = 0; length < longer.length; length++) {
    if (length === frame.length) continue;
    expect(cursor.open(longer, viewOf(longer), 0, length), `length ${length}`).toBeTypeOf('string');
    expect(cursor.nextEvent()).toBe(false);
  }
});

test('totals of the events are known before the first step', () => {
  const cursor = new AppendCursor();
  const frame = encode(small);
  expect(cursor.open(frame, viewOf(frame), 0, frame.length)).toBeUndefined();
  expect([cursor.eventCount, cursor.largestEventBytes, cursor.totalEventBytes]).toEqual([2, 10, 14]);
});

test('the flags say when to answer, and whether only the leader may', () => {
  const cursor = new AppendCursor();
  const frame = encode(small);
  const seen = Array.from({ length: 9 }, (_, flags) => {
    frame[5] = flags;
    expect(cursor.open(frame, viewOf(frame), 0, frame.length)).toBeUndefined();
    return [cursor.ackPolicy, cursor.saysAckPolicy, cursor.requiresLeader];
  });
  const policies = [
    ['quorum', false],
    ['leader', true],
    ['all', true],
    ['quorum-and-zone', true],
  ];
  expect(seen).toEqual([
    ...policies.map((policy) => [...policy, false]),
    ...policies.map((policy) => [...policy, true]),
    ['quorum', true, false],
  ]);
});

test.each<[string, (view: DataView) => void]>([
  ['a flag in the header that no version knows', (view) => view.setUint8(5, 32)],
  ['parts that are none', (view) => view.setUint8(5, APPEND_PARTS)],
  ['something in the zero field', (view) => view.setUint8(7, 1)],
  ['expected revision −3', (view) => view.setBigInt64(12, -3n, true)],
  ['expected revision −5', (view) => view.setBigInt64(12, -5n, true)],
  ['expected revision 2^53', (view) => view.setBigInt64(12, 2n ** 53n, true)],
  ['an empty stream name', (view) => view.setUint16(20, 0, true)],
  ['a stream name beyond the frame', (view) => view.setUint16(20, 1024, true)],
  ['a stream name of 1025 bytes', (view) => view.setUint16(20, 1025, true)],
  ['no events', (view) => view.setUint16(22, 0, true)],
  ['more events than there are', (view) => view.setUint16(22, 3, true)],
  ['fewer events than there are', (view) => view.setUint16(22, 1, true)],
  ['a stream name that is not UTF-8', (view) => view.setUint8(24, 0xff)],
  ['an empty type', (view) => view.setUint16(32 + 16, 0, true)],
  ['an unknown event flag', (view) => view.setUint16(32 + 18, 2, true)],
  ['metadata of 4 GiB', (view) => view.setUint32(32 + 20, 0xffffffff, true)],
  ['data of 4 GiB', (view) => view.setUint32(32 + 24, 0xffffffff, true)],
  ['a type that is not UTF-8', (view) => view.setUint8(32 + 28, 0xc0)],
])('refused: %s', (_, damage) => {
  const frame = encode(small);
  damage(viewOf(frame));
  const cursor = new AppendCursor();
  expect(cursor.open(frame, viewOf(frame), 0, frame.length)).toBeTypeOf('string');
  expect(cursor.requestId).toBe(7);
  expect(cursor.nextEvent()).toBe(false);
});

test('garbage, or a frame with any byte changed, is never read out of bounds', () => {
  const cursor = new AppendCursor();
  const check = (bytes: Uint8Array) => {
    if (cursor.open(bytes, viewOf(bytes), 0, bytes.length) !== undefined) return;
    if (cursor.totalEvents === 0) {
      expect([cursor.isStep, cursor.nextEvent(), bytes.length]).toEqual([true, false, 36]);
      return;
    }
    let events = 0;
    while (cursor.nextEvent()) {
      events++;
      expect(cursor.dataAt + cursor.dataLength).toBeLessThanOrEqual(bytes.length);
    }
    expect(events).toBe(cursor.eventCount);
    expect(cursor.dataAt + cursor.dataLength).toBe(bytes.length);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check));
  fc.assert(
    fc.property(append, fc.nat(), fc.nat(255), (written, place, byte) => {
      const bytes = encode(written);
      bytes[place % bytes.length] = byte;
      check(bytes);
    }),
  );
});

describe('a step of an open transaction', () => {
  const stepOf = (action: number, frame: Uint8Array) => {
    const step = new Uint8Array(frame.length + 24);
    step.set(frame.subarray(0, 12));
    step.set(frame.subarray(12), 36);
    const view = viewOf(step);
    view.setUint32(0, step.length, true);
    view.setUint8(5, frame[5]! | 32);
    step.fill(0xab, 12, 28);
    view.setUint32(28, 9, true);
    view.setUint32(32, action, true);
    return step;
  };
  const header = encode(small).slice(0, 12);

  test('that writes is an append behind its prefix, to one stream or to several', () => {
    for (const frame of [encode(small), encodeParts([small, { ...small, stream: 'b' }])]) {
      const plain = new AppendCursor();
      plain.open(frame, viewOf(frame), 0, frame.length);
      const step = stepOf(0, frame);
      const cursor = new AppendCursor();
      expect(cursor.open(step, viewOf(step), 0, step.length)).toBeUndefined();
      expect([cursor.isStep, cursor.step, cursor.action, cursor.transactionAt]).toEqual([true, 9, 0, 12]);
      expect([cursor.partCount, cursor.totalEvents]).toEqual([plain.partCount, plain.totalEvents]);
      do expect(readBack(cursor)).toEqual(readBack(plain));
      while (cursor.nextPart() && plain.nextPart());
    }
  });

  test('that ends it has no content, whatever the cursor saw before', () => {
    const cursor = new AppendCursor();
    const before = encode(small);
    cursor.open(before, viewOf(before), 0, before.length);
    for (const action of [1, 2]) {
      const step = stepOf(action, header);
      expect(cursor.open(step, viewOf(step), 0, step.length)).toBeUndefined();
      expect([cursor.action, cursor.eventCount, cursor.totalEvents, cursor.nextEvent()]).toEqual([
        action,
        0,
        0,
        false,
      ]);
    }
    expect(cursor.open(before, viewOf(before), 0, before.length)).toBeUndefined();
    expect(cursor.isStep).toBe(false);
  });

  test.each([
    ['that does something unknown', stepOf(3, encode(small))],
    ['that ends it and has content', stepOf(1, encode(small))],
    ['that ends it and says that it has parts', stepOf(1, encodeParts([]).slice(0, 12))],
    ['that writes nothing', stepOf(0, header)],
    ['that writes without events', stepOf(0, encode({ ...small, events: [] }))],
  ])('is refused: %s', (_, frame) => {
    expect(new AppendCursor().open(frame, viewOf(frame), 0, frame.length)).toBeTypeOf('string');
  });

  test('is refused when cut anywhere, or longer by anything', () => {
    for (const [action, content] of [
      [0, encode(small)],
      [1, header],
    ] as const) {
      const frame = stepOf(action, content);
      const longer = new Uint8Array(frame.length + 30);
      longer.set(frame);
      const cursor = new AppendCursor();
      for (let length = 0; length < longer.length; length++) {
        if (length === frame.length) continue;
        expect(cursor.open(longer, viewOf(longer), 0, length), `length ${length}`).toBeTypeOf('string');
      }
    }
  });
});

describe('an append to several streams', () => {
  const open = (frame: Uint8Array) => {
    const cursor = new AppendCursor();
    return { cursor, fault: cursor.open(frame, viewOf(frame), 0, frame.length) };
  };
  const named = (name: string, events = 1): Append => ({
    ...small,
    stream: name,
    events: Array.from({ length: events }, (_, i) => small.events[i % 2]!),
  });
  const manyParts = fc
    .uniqueArray(append, { minLength: 2, maxLength: 6, selector: ({ stream }) => stream })
    .map((parts) => parts.map((part) => ({ ...part, requestId: 7 })));

  test('is read back part by part, as often as one likes', () => {
    fc.assert(
      fc.property(manyParts, (parts) => {
        const { cursor, fault } = open(encodeParts(parts));
        expect(fault).toBeUndefined();
        for (let time = 0; time < 2; time++) {
          const found: Append[] = [];
          do found.push(readBack(cursor));
          while (cursor.nextPart());
          expect(found).toEqual(parts);
          cursor.rewindParts();
        }
      }),
    );
  });

  test('has totals over all parts', () => {
    const { cursor } = open(encodeParts([named('a', 2), named('long-name', 1)]));
    expect([cursor.partCount, cursor.totalEvents, cursor.totalEventBytes]).toEqual([2, 3, 24]);
    expect([cursor.totalNameBytes, cursor.longestName, cursor.largestEventBytes]).toEqual([11, 9, 10]);
    expect([cursor.eventCount, cursor.streamLength]).toEqual([2, 1]);
  });

  test('is refused when cut anywhere, or longer by anything', () => {
    const frame = encodeParts([named('a', 2), named('b')]);
    const longer = new Uint8Array(frame.length + 30);
    longer.set(frame);
    const cursor = new AppendCursor();
    for (let length = 0; length < longer.length; length++) {
      if (length === frame.length) continue;
      expect(cursor.open(longer, viewOf(longer), 0, length), `length ${length}`).toBeTypeOf('string');
    }
  });

  test.each([
    ['of one part', encodeParts([named('a')])],
    ['of none', encodeParts([])],
    ['of more parts than it has', encodeParts([named('a'), named('b')], 3)],
    ['of fewer parts than it has', encodeParts([named('a'), named('b'), named('c')], 2)],
    ['to the same stream twice', encodeParts([named('a'), named('b'), named('a')])],
    ['of too many parts', encodeParts(Array.from({ length: PARTS_MAX + 1 }, (_, i) => named(`s${i}`)))],
    ['with a part without events', encodeParts([named('a'), named('b', 0)])],
  ])('is refused: %s', (_, frame) => {
    const { cursor, fault } = open(frame);
    expect(fault).toBeTypeOf('string');
    expect(cursor.requestId).toBe(7);
  });

  test('may have as many parts as there may be', () => {
    const { fault } = open(encodeParts(Array.from({ length: PARTS_MAX }, (_, i) => named(`s${i}`))));
    expect(fault).toBeUndefined();
  });
});
