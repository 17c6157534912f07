import { expect, test } from 'vitest';
import { decodeRecord } from '../../src/log/decoded-record.js';
import { scavengeEventIn, scavengePointData } from '../../src/scavenge/scavenge-events.js';
import { naiveSeal, prepareBody } from '../log/naive-records.js';

function said(type: string, data: string) {
  const body = prepareBody({ stream: '$scavenges', type, data: Buffer.from(data) }, 0, 0);
  return scavengeEventIn(decodeRecord(naiveSeal({ type: 1, flags: 3, epoch: 1, body }, undefined).bytes, 0));
}

test('a point has its place and its time from its record, and its pace from its data', () => {
  const point = { position: 0, timestampUs: 1_700_000_000_000_000 };
  expect(said('$scavengePoint', scavengePointData(20))).toEqual({
    kind: 'point',
    point: { ...point, throttlePercent: 20 },
  });
  expect(said('$scavengePoint', '{}')).toEqual({ kind: 'point', point: { ...point, throttlePercent: 50 } });
  expect(said('$scavengeStop', '')).toEqual({ kind: 'stop' });
});

test('what else a client may have written there is not valid', () => {
  for (const data of [
    '',
    'x',
    '[]',
    '{"throttlePercent":0}',
    '{"throttlePercent":101}',
    '{"throttlePercent":"5"}',
  ])
    expect(said('$scavengePoint', data)).toMatchObject({ kind: 'invalid' });
  expect(said('anything', '{}')).toMatchObject({ kind: 'invalid' });
});
