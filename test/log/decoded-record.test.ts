import { describe, expect, test } from 'vitest';
import { decodeRecord } from '../../src/log/decoded-record.js';
import { readGolden } from './golden-formats.js';

/** The golden record with some bytes replaced. */
function altered(name: string, at: number, bytes: readonly number[]): Uint8Array {
  const record = readGolden(name);
  record.set(bytes, at);
  return record;
}

describe('a record whose fields contradict each other is called malformed, with the reason', () => {
  test.each([
    ['no stream name', altered('record-prepare.hex', 72, [0, 0]), 'stream name of 0 bytes'],
    ['too long a name', altered('record-prepare.hex', 72, [1, 4]), 'stream name of 1025 bytes'],
    ['no type', altered('record-prepare.hex', 74, [0, 0]), 'event type of 0 bytes'],
    [
      'metadata beyond the end',
      altered('record-prepare.hex', 76, [255, 255, 255, 255]),
      'stream, type and metadata are longer than the record',
    ],
    ['a short Prepare', altered('record-prepare.hex', 4, [79, 0, 0, 0]), 'a Prepare of 79 bytes'],
    [
      'a Commit of the future',
      altered('record-commit.hex', 48, [0, 2]),
      'a Commit that reaches beyond itself, to 512',
    ],
    ['a long Commit', altered('record-commit.hex', 4, [55, 0, 0, 0]), 'a Commit of 55 bytes'],
    ['a short Epoch', altered('record-epoch.hex', 4, [63, 0, 0, 0]), 'an Epoch record of 63 bytes'],
    ['Padding with content', altered('record-padding.hex', 1000, [1]), 'Padding that is not zeros'],
    ['an unknown type', altered('record-commit.hex', 40, [8]), 'unknown record type 8'],
  ])('%s', (_, record, reason) => {
    expect(decodeRecord(record, 0).body).toEqual({ kind: 'malformed', reason });
  });

  test('shared memory can be decoded in place', () => {
    const golden = readGolden('record-prepare.hex');
    const shared = new Uint8Array(new SharedArrayBuffer(512));
    shared.set(golden, 64);
    expect(decodeRecord(shared, 64).body).toMatchObject({ stream: 'bücher-1', eventType: 'Ordered' });
  });
});
