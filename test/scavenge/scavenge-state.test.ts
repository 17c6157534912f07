import { expect, test } from 'vitest';
import { decodeScavengeState, encodeScavengeState } from '../../src/scavenge/scavenge-state.js';

const LOG_ID = '10111213-1415-1617-1819-1a1b1c1d1e1f';
const CHUNKS = [
  { chunkId: '00000000-0000-0000-0000-000000000001', through: 123_456_789_012 },
  undefined,
  { chunkId: '00000000-0000-0000-0000-000000000003', through: 64 },
];

test('says which chunks were gone over, and through which point', () => {
  expect(decodeScavengeState(encodeScavengeState(LOG_ID, CHUNKS), LOG_ID)).toEqual(CHUNKS);
  expect(decodeScavengeState(encodeScavengeState(LOG_ID, []), LOG_ID)).toEqual([]);
});

test('is as docs/formats.md says', () => {
  const file = encodeScavengeState(LOG_ID, [CHUNKS[2], undefined]);
  expect(Buffer.from(file).toString('hex')).toBe(
    [
      '434149524e534356', // CAIRNSCV
      '01000000', // version
      '02000000', // chunks
      '101112131415161718191a1b1c1d1e1f',
      '00000000000000000000000000000003',
      '4000000000000000',
      '00'.repeat(24),
      Buffer.from(file.subarray(-4)).toString('hex'),
    ].join(''),
  );
});

test('says nothing if a byte of it is wrong or missing, or if it is of another log', () => {
  const file = encodeScavengeState(LOG_ID, CHUNKS);
  for (let at = 0; at < file.length; at++) {
    const damaged = file.slice();
    damaged[at]! ^= 1;
    expect(decodeScavengeState(damaged, LOG_ID)).toBeUndefined();
    expect(decodeScavengeState(file.subarray(0, at), LOG_ID)).toBeUndefined();
  }
  expect(decodeScavengeState(file, '10111213-1415-1617-1819-1a1b1c1d1e20')).toBeUndefined();
});
