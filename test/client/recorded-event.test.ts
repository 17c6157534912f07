import { expect, test } from 'vitest';
import { EVENTS_LAST } from '../../src/wire/frames.js';
import { commitRecord, eventRecord } from './fake-records.js';
import { pair } from './pair.js';

test('an event tells everything that was recorded', async () => {
  const { client, connection } = await pair();
  const read = client.readStream('bücher').toArray();
  const { requestId } = await connection.next();
  const id = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
  const json = eventRecord({
    stream: 'bücher',
    type: 'Verliehen',
    revision: 2 ** 33,
    position: 2 ** 41,
    id,
    metadata: '{"by":"ada"}',
    data: '{"titel":"Krabat"}',
    createdUs: 1_700_000_000_123_456,
  });
  const bytes = eventRecord({
    stream: 'bücher',
    revision: 1,
    isJson: false,
    metadata: 'plain',
    data: Uint8Array.of(0, 255),
  });
  connection.sendEvents({ requestId, flags: EVENTS_LAST }, [commitRecord(), json, commitRecord(), bytes]);
  const [first, second, ...rest] = await read;
  expect(rest).toEqual([]);
  expect(first).toMatchObject({
    stream: 'bücher',
    type: 'Verliehen',
    revision: 2 ** 33,
    position: 2 ** 41,
    id: '00112233-4455-6677-8899-aabbccddeeff',
    isJson: true,
    createdUs: 1_700_000_000_123_456,
    dataLength: 18,
    metadataLength: 12,
  });
  expect(first!.created.toISOString()).toBe('2023-11-14T22:13:20.123Z');
  expect(first!.json<{ titel: string }>().titel).toBe('Krabat');
  expect(first!.metadataJson()).toEqual({ by: 'ada' });
  expect([second!.isJson, second!.data, second!.text()]).toEqual([false, Uint8Array.of(0, 255), '\0\ufffd']);
  expect(new TextDecoder().decode(second!.metadata)).toBe('plain');
  expect(() => second!.json()).toThrow(SyntaxError);
  expect(JSON.parse(JSON.stringify([first, second]))).toEqual([
    {
      stream: 'bücher',
      revision: 2 ** 33,
      position: 2 ** 41,
      id: '00112233-4455-6677-8899-aabbccddeeff',
      type: 'Verliehen',
      created: '2023-11-14T22:13:20.123Z',
      data: { titel: 'Krabat' },
      metadata: { by: 'ada' },
    },
    expect.objectContaining({ data: { base64: 'AP8=' }, metadata: { base64: 'cGxhaW4=' } }),
  ]);
});

test('data that was said to be JSON and is not comes as base64, an event without metadata has none', async () => {
  const { client, connection } = await pair();
  const read = client.readAll().toArray();
  const { requestId } = await connection.next();
  const large = new Uint8Array(20_000).fill(0xfe);
  const almostText = Uint8Array.of(0x22, 0xff, 0x22);
  connection.sendEvents({ requestId, flags: EVENTS_LAST }, [
    eventRecord({ revision: 0, data: large }),
    eventRecord({ revision: 1, data: almostText }),
  ]);
  const [event, almost] = await read;
  expect(almost!.toJSON().data).toEqual({ base64: 'Iv8i' });
  expect(event!.metadata.length).toBe(0);
  expect(event!.metadataJson()).toBeUndefined();
  expect(event!.toJSON()).toMatchObject({
    data: { base64: Buffer.from(large).toString('base64') },
    metadata: null,
  });
});
