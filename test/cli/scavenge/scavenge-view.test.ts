import { expect, test } from 'vitest';
import { isOver, scavengeIn, scavengeJson, scavengeLines } from '../../../src/cli/scavenge/scavenge-view.js';
import type { ScavengeStatus } from '../../../src/net/node-port.js';

const RUNNING: ScavengeStatus = {
  ...{
    state: 'running',
    why: null,
    chunksDone: 3,
    chunksTotal: 8,
    bytesBefore: 3 * 1024 ** 3,
    bytesAfter: 1_536,
  },
  point: { position: 9_000, writtenAt: '2026-01-01T00:00:00.000Z', throttlePercent: 30 },
  ...{ bytesPerSecond: 200 * 1024 ** 2, secondsLeft: 3_700, lastEndedAt: null },
  ...{ chunks: 4, rewrittenChunks: 2, removedRecords: 70, freedBytes: 15_000 },
};
const IDLE: ScavengeStatus = { ...RUNNING, state: 'idle', bytesPerSecond: null, secondsLeft: null };

test('the table has a line for each node, and says why nodes wait', () => {
  const lines = scavengeLines([
    { name: 'node-1:2113', scavenge: RUNNING },
    { name: 'node-2:2113', scavenge: { ...IDLE, state: 'waiting', why: 'chunk 5 is damaged' } },
    { name: 'node-3:2113', scavenge: null },
  ]);
  expect(lines).toEqual([
    'NAME             STATE              POINT       CHUNKS     BEFORE      AFTER        RATE      LEFT',
    'node-1:2113      running             9000          3/8    3.0 GiB    1.5 KiB   200 MiB/s     1h 1m',
    'node-2:2113      waiting             9000          3/8    3.0 GiB    1.5 KiB',
    'node-3:2113      no answer',
    'node-2:2113 waits: chunk 5 is damaged',
  ]);
});

test('it is over when every node that answers is through, or was stopped, and has heard of the point', () => {
  const nodes = (...states: (ScavengeStatus | null)[]) => states.map((scavenge) => ({ name: 'n', scavenge }));
  expect(isOver(nodes(IDLE, null, { ...RUNNING, state: 'stopped' }), 9_000)).toBe(true);
  expect(isOver(nodes(IDLE, RUNNING))).toBe(false);
  expect(isOver(nodes(IDLE, { ...IDLE, state: 'waiting' }))).toBe(false);
  expect(isOver(nodes(IDLE), 9_001)).toBe(false);
  expect(isOver(nodes({ ...IDLE, point: null }))).toBe(true);
});

test('for programs it is one JSON object; what is no status is none', () => {
  const text = scavengeJson([{ name: 'n', scavenge: IDLE }], new Date(0));
  expect(JSON.parse(text)).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    isOver: true,
    nodes: [{ name: 'n', scavenge: IDLE }],
  });
  expect(scavengeIn({ ...IDLE })).toEqual(IDLE);
  for (const value of [null, 5, 'x', {}, { code: 'not-ready' }]) expect(scavengeIn(value)).toBeNull();
});
