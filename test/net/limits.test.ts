/** What one client, or many, may cost a node: every limit has an answer, and whoever stays within it is served all the while. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { decodeAppended, decodeError } from '../../src/wire/answer-frames.js';
import { EVENTS_CANCELLED, EVENTS_LAST, OPCODE } from '../../src/wire/frames.js';
import { encodeCancel, encodeCredit } from '../../src/wire/read-frames.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from '../process/node-process.js';
import { readEvents } from '../process/reading.js';
import { until } from '../process/within.js';
import { appendFrame, joined, randomEvent, readAllFrame, writeAppend, written } from './frames.js';
import { RawClient } from './raw-client.js';

let folder: string;
let node: NodeProcess;

/** Chunks and a ring that let appends be as large as they are by default; limits low enough to reach. */
const FLAGS = [
  ['--chunk-size', '16MiB'],
  ['--ring-size', '16MiB'],
  ['--max-connections', '12'],
  ['--max-in-flight-appends', '60000'],
  ['--max-open-reads', '64'],
].flat();

beforeAll(async () => {
  folder = temporaryFolder();
  node = await NodeProcess.start({ folder, flags: FLAGS });
});

afterAll(async () => {
  await endAllNodes();
  removeFolder(folder);
});

async function connected(): Promise<RawClient> {
  const { client } = await RawClient.greeted(node.url);
  onTestFinished(async () => {
    client.socket.terminate();
    await client.closed;
  });
  return client;
}

/** Appends of one event each, as small as can be, with request ids from 1, as one message. */
function smallAppends(count: number, stream: string): Uint8Array {
  const ids = randomBytes(16 * count);
  const data = new Uint8Array(0);
  return written((writer) => {
    for (let i = 0; i < count; i++) {
      const id = ids.subarray(16 * i, 16 * i + 16);
      writeAppend(writer, { requestId: i + 1, stream, events: [{ id, type: 't', data }] });
    }
  });
}

async function appendAndWait(client: RawClient, requestId: number): Promise<void> {
  client.send(appendFrame({ requestId, stream: 'other', events: [randomEvent(0)] }));
  expect(await client.next()).toMatchObject({ opcode: OPCODE.appended, requestId });
}

test('an append of 10,000 events is taken as one', async () => {
  const client = await connected();
  const events = Array.from({ length: 10_000 }, () => randomEvent(20));
  client.send(appendFrame({ requestId: 1, stream: 'ten-thousand', expected: -1, events }));
  const answer = decodeAppended((await client.next())!);
  expect(answer).toMatchObject({ kind: 'ok', frame: { revision: 9_999 } });
  let next = 0;
  await readEvents(client, { stream: 'ten-thousand' }, ({ body }) => {
    expect(body.revision).toBe(next);
    if (Buffer.compare(body.data, events[next++]!.data) !== 0) throw new Error(`event ${next - 1} differs`);
  });
  expect(next).toBe(10_000);
});

test('50,000 appends in one message are taken in order, and the next 50,000 as well', async () => {
  const client = await connected();
  for (let round = 0; round < 2; round++) {
    client.send(smallAppends(50_000, 'pipelined'));
    for (let i = 0; i < 50_000; i++) {
      const frame = (await client.next())!;
      const answer = decodeAppended(frame);
      const isRight =
        frame.requestId === i + 1 && answer.kind === 'ok' && answer.frame.revision === round * 50_000 + i;
      if (!isRight) throw new Error(`answer ${i} is not in order`);
    }
  }
});

test('one append more than may be in flight is refused, the others take effect', async () => {
  const client = await connected();
  client.send(smallAppends(60_010, 'too-many'));
  let taken = 0;
  const refused: number[] = [];
  for (let i = 0; i < 60_010; i++) {
    const frame = (await client.next())!;
    if (frame.opcode === OPCODE.appended) {
      taken++;
      continue;
    }
    const error = decodeError(frame);
    expect(error).toMatchObject({
      kind: 'ok',
      frame: { code: 'too-many-requests', details: { limit: 60_000 } },
    });
    refused.push(frame.requestId);
  }
  expect(taken).toBe(60_000);
  expect(refused).toEqual(Array.from({ length: 10 }, (_, i) => 60_001 + i));
  await appendAndWait(client, 1);
});

test('one read more than may be open is refused, and taken when another has ended', async () => {
  const client = await connected();
  const other = await connected();
  await appendAndWait(other, 1);
  // Without a window none of them gets anywhere.
  for (let requestId = 1; requestId <= 65; requestId++)
    client.send(readAllFrame(requestId, { windowBytes: 0 }));
  expect(await client.nextError()).toMatchObject({
    code: 'too-many-requests',
    requestId: 65,
    details: { limit: 64 },
  });
  client.send(written((writer) => encodeCancel(writer, 3)));
  expect(await client.next()).toMatchObject({
    opcode: OPCODE.events,
    requestId: 3,
    flags: EVENTS_LAST | EVENTS_CANCELLED,
  });
  client.send(readAllFrame(65, { count: 1, windowBytes: 1 }));
  expect(await client.next()).toMatchObject({ opcode: OPCODE.events, requestId: 65, flags: EVENTS_LAST });
  await appendAndWait(other, 2);
});

test('a read sends no more than its window and one frame, and goes on with credit', async () => {
  const client = await connected();
  client.send(appendFrame({ requestId: 1, stream: 'windowed', events: [randomEvent(1_000_000)] }));
  client.send(appendFrame({ requestId: 2, stream: 'windowed', events: [randomEvent(1_000_000)] }));
  await client.next();
  await client.next();
  client.send(
    readAllFrame(3, { windowBytes: 1, isBackwards: true, from: Number.POSITIVE_INFINITY, count: 2 }),
  );
  const first = await client.next();
  expect(first).toMatchObject({ opcode: OPCODE.events, requestId: 3, flags: 0 });
  // The answer to a later request is there, the second frame of the read is not.
  await appendAndWait(client, 4);
  client.send(written((writer) => encodeCredit(writer, 3, first!.length)));
  expect(await client.next()).toMatchObject({ requestId: 3, flags: EVENTS_LAST });
});

test('connections beyond the limit are closed at once, and there is room again when others have gone', async () => {
  const clients: RawClient[] = [];
  const refused = await until(10_000, 'a connection is refused', async () => {
    try {
      clients.push(await connected());
      return undefined;
    } catch (error) {
      return error;
    }
  });
  expect(refused).toBeInstanceOf(Error);
  expect(clients.length).toBeGreaterThan(8);
  expect(clients.length).toBeLessThanOrEqual(12);
  await appendAndWait(clients[0]!, 1);
  await clients.pop()!.close();
  await until(10_000, 'there is room for another connection', async () => {
    const again = await connected().catch(() => undefined);
    return again !== undefined;
  });
});

test('clients that open all the reads they may and never read cost a few megabytes each, and nobody else', async () => {
  const writer = await connected();
  // 30 MB, so that much of it is read from files.
  for (let i = 1; i <= 30; i++) {
    writer.send(appendFrame({ requestId: i, stream: 'large', events: [randomEvent(1_000_000)] }));
    expect(await writer.next()).toMatchObject({ opcode: OPCODE.appended });
  }
  const before = node.residentKiB();
  for (let i = 0; i < 4; i++) {
    const deaf = await connected();
    deaf.socket.pause();
    const reads = Array.from({ length: 64 }, (_, read) =>
      readAllFrame(read + 1, { windowBytes: 0xffff_ffff }),
    );
    deaf.send(joined(reads));
  }
  // Everything that these reads will make the node hold, it holds long before others have been served so often.
  for (let i = 1; i <= 200; i++) await appendAndWait(writer, i);
  await readEvents(writer, { stream: 'large' }, () => undefined);
  const growthMiB = (node.residentKiB() - before) / 1024;
  expect(growthMiB).toBeLessThan(64);
});
