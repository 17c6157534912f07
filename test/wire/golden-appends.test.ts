/** The golden Append frames, understood by the cursor that the server reads them with. */
import { expect, test } from 'vitest';
import { formatUuid } from '../../src/base/bytes.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { EXPECTED_REVISION, OPCODE, STEP_ACTION } from '../../src/wire/frames.js';
import { openFrame, readGolden } from './golden-frames.js';

test('the golden Append is understood', () => {
  const { bytes, view, length, opcode } = openFrame(readGolden('append'));
  expect(opcode).toBe(OPCODE.append);
  const cursor = new AppendCursor();
  const text = (at: number, size: number) => new TextDecoder().decode(bytes.subarray(at, at + size));
  expect(cursor.open(bytes, view, 0, length)).toBeUndefined();
  expect([cursor.requestId, cursor.expectedRevision, cursor.eventCount]).toEqual([7, 2 ** 33 + 1, 2]);
  expect(text(cursor.streamAt, cursor.streamLength)).toBe('bestellung-ü1');
  expect(cursor.nextEvent()).toBe(true);
  expect(formatUuid(bytes, cursor.idAt)).toBe('00112233-4455-4677-8899-aabbccddeeff');
  expect([cursor.isJson, text(cursor.typeAt, cursor.typeLength)]).toEqual([true, 'Placed']);
  expect(text(cursor.metadataAt, cursor.metadataLength)).toBe('{"by":"anna"}');
  expect(text(cursor.dataAt, cursor.dataLength)).toBe('{"total":12.5}');
  expect(cursor.nextEvent()).toBe(true);
  expect([cursor.isJson, cursor.metadataLength, cursor.dataLength]).toEqual([false, 0, 8]);
  expect(bytes[cursor.dataAt]).toBe(0xf8);
  expect(cursor.nextEvent()).toBe(false);
});

test('the golden Append without data is understood', () => {
  const { bytes, view, length } = openFrame(readGolden('append-any'));
  const cursor = new AppendCursor();
  expect(cursor.open(bytes, view, 0, length)).toBeUndefined();
  expect([cursor.requestId, cursor.expectedRevision]).toEqual([0xffffffff, EXPECTED_REVISION.any]);
  expect(cursor.nextEvent()).toBe(true);
  expect([cursor.typeLength, cursor.metadataLength, cursor.dataLength, cursor.isJson]).toEqual([
    1,
    0,
    0,
    false,
  ]);
});

test('the golden Append with flags is understood', () => {
  const { bytes, view, length } = openFrame(readGolden('append-leader-only'));
  const cursor = new AppendCursor();
  expect(cursor.open(bytes, view, 0, length)).toBeUndefined();
  expect([cursor.ackPolicy, cursor.requiresLeader]).toEqual(['quorum-and-zone', true]);
  expect([cursor.frameAt, cursor.frameLength]).toEqual([0, length]);
});

test('the golden Append to two streams is understood, part by part', () => {
  const { bytes, view, length } = openFrame(readGolden('append-parts'));
  const cursor = new AppendCursor();
  const text = (at: number, size: number) => new TextDecoder().decode(bytes.subarray(at, at + size));
  expect(cursor.open(bytes, view, 0, length)).toBeUndefined();
  expect([cursor.partCount, cursor.totalEvents]).toEqual([2, 3]);
  const parts: unknown[] = [];
  do {
    const types: string[] = [];
    while (cursor.nextEvent()) types.push(text(cursor.typeAt, cursor.typeLength));
    parts.push([text(cursor.streamAt, cursor.streamLength), cursor.expectedRevision, types]);
  } while (cursor.nextPart());
  expect(parts).toEqual([
    ['account-1', 4, ['Debited']],
    ['account-2', EXPECTED_REVISION.noStream, ['Opened', 'Credited']],
  ]);
});

test('the golden steps of an open transaction are understood', () => {
  const cursor = new AppendCursor();
  for (const [name, step, action, events] of [
    ['append-step', 3, STEP_ACTION.write, 1],
    ['append-step-commit', 4, STEP_ACTION.commit, 0],
  ] as const) {
    const { bytes, view, length } = openFrame(readGolden(name));
    expect(cursor.open(bytes, view, 0, length)).toBeUndefined();
    expect([cursor.isStep, cursor.step, cursor.action, cursor.totalEvents]).toEqual([
      true,
      step,
      action,
      events,
    ]);
    expect(formatUuid(bytes, cursor.transactionAt)).toBe('018f4e5c-0000-7000-8000-000000000b01');
  }
});
