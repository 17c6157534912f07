import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amqpFrameEnd, Confirms, encodePublish } from '../../../bench/peers/amqp-client.js';
import { encodeFrame, encodeHeaders, encodePut, http2FrameEnd } from '../../../bench/peers/etcd-client.js';
import { type FrameEnd, FrameSocket } from '../../../bench/peers/frame-socket.js';
import { natsFrameEnd } from '../../../bench/peers/nats-client.js';
import {
  encodeInsert,
  encodeMessage,
  encodeStartup,
  errorText,
  postgresFrameEnd,
} from '../../../bench/peers/postgres-client.js';
import { AppendGroups, encodeCommand, redisReplyEnd } from '../../../bench/peers/redis-client.js';
import { encodeCreate, encodeSession, juteFrameEnd } from '../../../bench/peers/zookeeper-client.js';
import { CairnError } from '../../../src/base/errors.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('what goes out', () => {
  test('to Redis: arrays of bulk strings', () => {
    expect(encodeCommand(['WAIT', '1', Buffer.from([0, 255])])).toEqual(
      Buffer.from('*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$2\r\n\0\xff\r\n', 'latin1'),
    );
  });

  test('to ZooKeeper: a session, and a node with open permissions', () => {
    expect(hex(encodeSession())).toBe(
      `0000002d${'00'.repeat(12)}00009c40${'00'.repeat(8)}00000010${'00'.repeat(17)}`,
    );
    expect(hex(encodeCreate(5, '/a', Buffer.from([7]), 2))).toBe(
      '00000032' +
        '0000000500000001' +
        '000000022f61' +
        '0000000107' +
        '000000010000001f' +
        '00000005776f726c64' +
        '00000006616e796f6e65' +
        '00000002',
    );
  });

  test('to PostgreSQL: a startup, and bind, execute and sync in one go', () => {
    expect(encodeStartup().toString('latin1', 4)).toBe('\0\x03\0\0user\0bench\0database\0postgres\0\0');
    expect(encodeStartup().readInt32BE(0)).toBe(encodeStartup().length);
    expect(hex(encodeInsert(3, Buffer.from([9])))).toBe(
      `42${'00000021'}00${hex(Buffer.from('insert\0'))}00010001000200000004000000030000000109` +
        '0000' +
        '4500000009' +
        '0000000000' +
        '5300000004',
    );
  });

  test('to etcd: a put as protobuf behind the prefix of gRPC, lengths above 127 in two bytes', () => {
    expect(hex(encodePut('k', Buffer.from([1, 2])))).toBe('00000000070a016b12020102');
    expect(hex(encodePut('k', Buffer.alloc(300))).slice(0, 24)).toBe('00000001320a016b12ac0200');
    expect(hex(encodeFrame(0, 1, 5, Buffer.from([9])))).toBe('00000100010000000509');
    expect(encodeHeaders('h').toString('latin1')).toBe(
      '\x83\x86\x04\x14/etcdserverpb.KV/Put\x01\x01h\x0f\x10\x10application/grpc\0\x02te\x08trailers',
    );
  });

  test('to RabbitMQ: publish, header and body, persistent', () => {
    expect(hex(encodePublish(Buffer.from([9])))).toBe(
      `010001${'0000000e'}003c0028000000${hex(Buffer.from('\x05bench'))}00ce` +
        `020001${'0000000f'}003c0000000000000000000110${'0002'}ce` +
        '030001' +
        '00000001' +
        '09ce',
    );
  });
});

/** A frame of each protocol with so many bytes of content. */
const FRAMES: readonly (readonly [name: string, end: FrameEnd, frame: (content: Uint8Array) => Buffer])[] = [
  ['NATS', natsFrameEnd, (content) => natsMessage(content)],
  ['Redis', redisReplyEnd, (content) => bulk(content)],
  ['ZooKeeper', juteFrameEnd, (content) => encodeCreate(1, '/a', content, 2)],
  ['PostgreSQL', postgresFrameEnd, (content) => encodeMessage('D', content)],
  ['RabbitMQ', amqpFrameEnd, (content) => encodePublish(content)],
  ['etcd', http2FrameEnd, (content) => encodeFrame(0, 0, 1, content)],
];

function natsMessage(content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`MSG a.b 1 ${content.length}\r\n`), content, Buffer.from('\r\n')]);
}

function bulk(content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`$${content.length}\r\n`), content, Buffer.from('\r\n')]);
}

/** All frames of whole bytes. */
function cut(bytes: Buffer, frameEnd: FrameEnd): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = frameEnd(bytes, at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

describe('what comes in', () => {
  test.each(FRAMES)('from %s is cut where a frame ends, and never too early', (_, frameEnd, frame) => {
    const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(contents, fc.nat(), (all, seed) => {
        const bytes = Buffer.concat(all.map(frame));
        const frames = cut(bytes, frameEnd);
        expect(Buffer.concat(frames)).toEqual(bytes);
        // Half of a frame is no frame: its end is unknown or beyond what is there.
        const [first] = frames;
        const part = first!.subarray(0, seed % first!.length);
        const end = part.length === 0 ? -1 : frameEnd(part, 0);
        expect(end === -1 || end > part.length).toBe(true);
      }),
    );
  });

  test('in pieces of any size it is the same frames, small and larger than the buffer', async () => {
    const contents = [10, 0, 300_000, 5, 700_000, 1].map((length) => Buffer.alloc(length, length & 0xff));
    const bytes = Buffer.concat(contents.map(bulk));
    const server = createServer((socket) => {
      for (let at = 0; at < bytes.length; at += 4099) socket.write(bytes.subarray(at, at + 4099));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = await FrameSocket.connect((server.address() as AddressInfo).port, redisReplyEnd);
    const frames: Buffer[] = [await socket.next(), await socket.next()];
    await new Promise<void>((resolve) => {
      socket.listen((all, start, end) => {
        frames.push(Buffer.from(all.subarray(start, end)));
        if (frames.length === contents.length) resolve();
      });
    });
    expect(Buffer.concat(frames).equals(bytes)).toBe(true);
    socket.close();
    server.close();
  });

  test('an error of PostgreSQL says its message', () => {
    const body = Buffer.from('SERROR\0VERROR\0C42P01\0Mno such table\0Fparse.c\0\0');
    expect(errorText(encodeMessage('E', body))).toBe('no such table');
  });
});

describe('confirms of RabbitMQ', () => {
  test('speak for exactly the messages up to a number, or for one, whatever their order', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat(), fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (all) => {
        const confirms = new Confirms();
        let open: { tag: number; slot: number }[] = [];
        let published = 0;
        for (const [count, pick, isMultiple] of all) {
          for (let i = 0; i < count; i++) {
            confirms.published(100 + published);
            open.push({ tag: ++published, slot: 99 + published });
          }
          if (published === 0) continue;
          const tag = 1 + (pick % published);
          const spokenFor = open.filter((each) => (isMultiple ? each.tag <= tag : each.tag === tag));
          open = open.filter((each) => !spokenFor.includes(each));
          expect(confirms.confirmed(tag, isMultiple)).toEqual(spokenFor.map(({ slot }) => slot));
        }
      }),
    );
  });
});

describe('groups of appends to Redis', () => {
  test('one group is under way; the next gathers until it is over', () => {
    const groups = new AppendGroups();
    expect(groups.gather(1)).toBe(true);
    expect(groups.gather(2)).toBe(false);
    expect(groups.take()).toEqual([1, 2]);
    expect(groups.gather(3)).toBe(false);
    expect(groups.take()).toEqual([]);
    expect(groups.isWaitNext).toBe(false);
    const refusal = new CairnError('invalid-request', 'no');
    groups.appended(undefined);
    groups.appended(refusal);
    expect(groups.isWaitNext).toBe(true);
    expect(groups.end(undefined)).toEqual([
      [1, undefined],
      [2, refusal],
    ]);
    expect(groups.take()).toEqual([3]);
  });
});
