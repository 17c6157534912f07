import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventLine, eventRow } from '../../../src/cli/stream/event-line.js';
import { expectedRevision, newEvent } from '../../../src/cli/stream/new-event.js';
import { NameDecoder } from '../../../src/client/names.js';
import { eventsOf, type RecordedEvent } from '../../../src/client/recorded-event.js';
import { eventRecord, type FakeEvent } from '../../client/fake-records.js';

function recorded(event: Partial<FakeEvent>): RecordedEvent {
  const bytes = eventRecord({ revision: 3, position: 640, id: new Uint8Array(16).fill(0xab), ...event });
  return eventsOf({ bytes, view: new DataView(bytes.buffer), names: new NameDecoder() }, 0, 1)[0]!;
}

test('a line holds all there is, in the documented order', () => {
  const line = eventLine(recorded({ stream: 'größe "1"', type: 'T', metadata: '{"by":1}' }));
  expect(line).toBe(
    '{"stream":"größe \\"1\\"","revision":3,"position":640,"id":"abababab-abab-abab-abab-abababababab","type":"T",' +
      '"created":"2023-11-14T22:13:20.000Z","data":{"n":3},"metadata":{"by":1}}',
  );
});

test.each<[string, Partial<FakeEvent>, string]>([
  [
    'a number that JavaScript can not hold stays as it is',
    { data: '12345678901234567890.10' },
    '12345678901234567890.10',
  ],
  ['JSON over several lines becomes one', { data: '{\r\n  "a": "x\\ny"\n}\n' }, '{   "a": "x\\ny" }'],
  ['text is not JSON', { data: 'grüße', isJson: false }, '{"base64":"Z3LDvMOfZQ=="}'],
  ['what was said to be JSON and is not', { data: '{' }, '{"base64":"ew=="}'],
  ['what is not UTF-8', { data: Uint8Array.of(0x22, 0xff, 0x22) }, '{"base64":"Iv8i"}'],
  ['no data', { data: '', isJson: false }, '{"base64":""}'],
])('data on a line: %s', (_, event, expected) => {
  const line = eventLine(recorded(event));
  expect(line).toContain(`"data":${expected},"metadata":null}`);
  expect(line).not.toContain('\n');
  expect(() => JSON.parse(line)).not.toThrow();
});

test('a row of the table shows text, cut to fit, and counts bytes that are none', () => {
  expect(eventRow(recorded({ data: '{"a":1}' })).data).toBe('{"a":1}');
  expect(eventRow(recorded({ data: 'text', isJson: false })).data).toBe('text');
  expect(eventRow(recorded({ data: Uint8Array.of(0xff, 1), isJson: false })).data).toBe('(2 bytes)');
  expect(String(eventRow(recorded({ data: 'x'.repeat(500), isJson: false })).data)).toMatch(/^x{99}…$/);
});

test('--data and --metadata are stored as written, if they are JSON', async () => {
  expect(await newEvent({ type: 'T', data: '{ "a": 1.0 }', metadata: 'null', id: 'x' })).toEqual({
    type: 'T',
    data: '{ "a": 1.0 }',
    isJson: true,
    metadata: 'null',
    id: 'x',
  });
  for (const flags of [
    { data: '{' },
    { data: '' },
    { data: '1', metadata: 'x' },
    {},
    { data: '1', dataFile: 'f' },
  ]) {
    await expect(newEvent({ type: 'T', ...flags })).rejects.toMatchObject({ code: 'invalid-configuration' });
  }
});

test('--data-file takes JSON as JSON and anything else as bytes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-stream-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dataFile = join(folder, 'data');
  for (const [content, isJson] of [
    [Buffer.from('{"a":1}\n'), true],
    [Buffer.from('text'), false],
    [Buffer.of(0x22, 0xff, 0x22), false],
    [Buffer.alloc(0), false],
  ] as const) {
    writeFileSync(dataFile, content);
    expect(await newEvent({ type: 'T', dataFile })).toEqual({ type: 'T', data: content, isJson });
  }
  const missing = newEvent({ type: 'T', dataFile: join(folder, 'none') });
  await expect(missing).rejects.toMatchObject({ code: 'invalid-configuration' });
});

test('--expected is a word or a revision', () => {
  expect(['any', 'none', 'exists', '0', '17'].map(expectedRevision)).toEqual([
    'any',
    'none',
    'exists',
    0,
    17,
  ]);
  for (const text of ['', '-1', '1.5', 'some', '99999999999999999']) {
    expect(() => expectedRevision(text)).toThrowError(
      expect.objectContaining({ code: 'invalid-configuration' }),
    );
  }
});
