import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_DELAY } from '../../../bench/zones/link-shape.js';
import { DueList } from '../../../bench/zones/proxy/due-list.js';
import { FrameSplitter, type Piece, payloadOf } from '../../../bench/zones/proxy/frame-splitter.js';
import { LinkPipe, PipeOrder } from '../../../bench/zones/proxy/link-pipe.js';
import { Random } from '../../../src/sim/random.js';

const HEAD = 'GET /peer HTTP/1.1\r\nupgrade: websocket\r\n\r\n';

function frame(payload: Buffer, mask?: Buffer): Buffer {
  const flag = mask === undefined ? 0 : 0x80;
  const length = payload.length;
  const header =
    length < 126
      ? Buffer.from([0x82, flag | length])
      : length < 65_536
        ? Buffer.from([0x82, flag | 126, length >> 8, length & 0xff])
        : Buffer.concat([
            Buffer.from([0x82, flag | 127, 0, 0, 0, 0]),
            Buffer.from(Uint32Array.of(length).buffer).reverse(),
          ]);
  if (mask === undefined) return Buffer.concat([header, payload]);
  return Buffer.concat([header, mask, payload.map((byte, at) => byte ^ mask[at & 3]!)]);
}

/** What comes out if `bytes` arrive in parts that end at `cuts`. */
function split(bytes: Buffer, cuts: readonly number[]): Piece[] {
  const splitter = new FrameSplitter();
  const pieces: Piece[] = [];
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  let from = 0;
  for (const end of ends) {
    splitter.push(bytes.subarray(from, end), (piece) => {
      if (piece.kind === 'head') splitter.switched(true);
      pieces.push(piece);
    });
    from = end;
  }
  return pieces;
}

describe('a connection is cut', () => {
  const payloads = fc.array(
    fc.tuple(
      fc.constantFrom(0, 1, 125, 126, 300, 65_535, 65_536, 70_000),
      fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 })),
    ),
    { maxLength: 4 },
  );

  test('into its head and its frames, however the bytes come in, and nothing is lost', () => {
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(200_000), { maxLength: 12 }), (sizes, cuts) => {
        const contents = sizes.map(([size], index) => Buffer.alloc(size, index + 1));
        const frames = contents.map((content, index) =>
          frame(content, sizes[index]![1] === null ? undefined : Buffer.from(sizes[index]![1]!)),
        );
        const bytes = Buffer.concat([Buffer.from(HEAD), ...frames]);
        const pieces = split(bytes, cuts);
        expect(pieces.map(({ kind }) => kind)).toEqual(['head', ...frames.map(() => 'frame')]);
        expect(Buffer.concat(pieces.map((piece) => piece.bytes)).equals(bytes)).toBe(true);
        pieces.slice(1).forEach((piece, index) => {
          expect(payloadOf(piece).equals(contents[index]!)).toBe(true);
        });
      }),
      { numRuns: 60 },
    );
  });

  test('into what came, after the head of a plain request', () => {
    const splitter = new FrameSplitter();
    const pieces: [string, string][] = [];
    const take = (piece: Piece) => {
      if (piece.kind === 'head') splitter.switched(false);
      pieces.push([piece.kind, piece.bytes.toString()]);
    };
    splitter.push(Buffer.from('POST /gossip HTTP/1.1\r\n'), take);
    splitter.push(Buffer.from('\r\n{"from"'), take);
    splitter.push(Buffer.from(':1}'), take);
    expect(pieces).toEqual([
      ['head', 'POST /gossip HTTP/1.1\r\n\r\n'],
      ['raw', '{"from"'],
      ['raw', ':1}'],
    ]);
  });
});

describe('a link', () => {
  test('holds each message for its delay', () => {
    const pipe = new LinkPipe({ ...NO_DELAY, delayMs: 5 }, new Random(1));
    expect([0, 1, 1, 7].map((nowMs) => pipe.leaves(nowMs, 100))).toEqual([5, 6, 6, 12]);
  });

  test('sends one after the other at its bandwidth', () => {
    const pipe = new LinkPipe({ ...NO_DELAY, delayMs: 5, bandwidthMbps: 8 }, new Random(1));
    // 1000 bytes take a millisecond.
    expect([0, 0, 10].map((nowMs) => pipe.leaves(nowMs, 1000))).toEqual([6, 7, 16]);
  });

  test('keeps the order on a connection, whatever its jitter and its losses', () => {
    const pipe = new LinkPipe({ ...NO_DELAY, delayMs: 1, jitterMs: 20, loss: 0.3 }, new Random(2));
    const order = new PipeOrder();
    const times = Array.from({ length: 300 }, (_, index) => order.leaves(pipe, index, 10));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    times.forEach((time, index) => {
      expect(time).toBeGreaterThanOrEqual(index + 1);
    });
  });

  test('can become another one while it is used', () => {
    const pipe = new LinkPipe(NO_DELAY, new Random(1));
    expect(pipe.leaves(3, 10)).toBe(3);
    pipe.shape = { ...NO_DELAY, delayMs: 2 };
    expect(pipe.leaves(4, 10)).toBe(6);
  });
});

describe('what is due', () => {
  test('is done in the order of its time, and of its coming, and not before', () => {
    const list = new DueList();
    const done: string[] = [];
    for (const [atMs, name] of [
      [5, 'c'],
      [3, 'a'],
      [5, 'd'],
      [4, 'b'],
    ] as const)
      list.add(atMs, () => done.push(name));
    list.run(2.9);
    expect(done).toEqual([]);
    list.run(5);
    expect(done).toEqual(['a', 'b', 'c', 'd']);
    expect(list.nextMs).toBe(Number.POSITIVE_INFINITY);
  });
});
