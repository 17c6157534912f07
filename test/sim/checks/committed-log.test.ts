/** What nodes call committed, held against each other: the bytes of the first are the truth. */
import { expect, test } from 'vitest';
import type { AnomalyKind } from '../../../src/sim/checks/anomaly.js';
import { CommittedLog } from '../../../src/sim/checks/committed-log.js';
import { RawLog } from '../disk/raw-log.js';

const IDS = Array.from({ length: 9 }, (_, i) => `0000000${i}-0000-4000-8000-000000000000`);

function event(revision: number, stream = 's') {
  return { stream, revision, eventId: IDS[revision]! };
}

function newCommittedLog(): CommittedLog {
  let sequence = 0;
  return new CommittedLog(() => ++sequence);
}

function kinds(anomalies: readonly { kind: AnomalyKind }[]): AnomalyKind[] {
  return anomalies.map(({ kind }) => kind);
}

test('nodes that commit the same bytes in pieces of their own agree', () => {
  const log = new RawLog();
  log.epoch();
  log.transaction([event(0)]);
  const middle = log.end;
  log.transaction([event(1), event(2)]);
  log.commit();
  const truth = newCommittedLog();
  expect(truth.commit('n0', 0, log.bytes(0, middle))).toEqual([]);
  expect(truth.commit('n1', 0, log.bytes())).toEqual([]);
  expect(truth.commit('n0', middle, log.bytes(middle))).toEqual([]);
  expect(truth.commit('n2', 0, log.bytes(0, middle))).toEqual([]);
  expect(truth.end).toBe(log.end);
  expect(Buffer.compare(truth.bytes(0, log.end), log.bytes())).toBe(0);
  expect(
    truth.events.map(({ revision, position, isFirst, isLast }) => [revision, position, isFirst, isLast]),
  ).toEqual([
    [0, 64, true, true],
    [1, middle, true, false],
    [2, log.records[3]!.position, false, true],
  ]);
  expect(truth.marks).toEqual([
    { sequence: 1, end: middle },
    { sequence: 2, end: log.end },
  ]);
});

test('a log that outgrows its memory is kept', () => {
  const log = new RawLog();
  const truth = newCommittedLog();
  for (let revision = 0; revision < 1000; revision++) {
    const at = log.end;
    expect(truth.commit('n0', at, log.transaction([{ ...event(0), revision }]))).toEqual([]);
  }
  expect(truth.commit('n1', 0, log.bytes())).toEqual([]);
});

test('every byte in which two nodes differ is noticed', () => {
  const log = new RawLog();
  log.transaction([event(0)]);
  for (let at = 0; at < log.end; at++) {
    const truth = newCommittedLog();
    truth.commit('n0', 0, log.bytes());
    const other = Buffer.concat([log.bytes(), log.bytes()]);
    other[at]! ^= 1;
    const [anomaly, ...others] = truth.commit('n1', 0, other);
    expect(anomaly).toMatchObject({
      kind: 'committed-bytes-differ',
      message: expect.stringMatching(` ${at}$`),
    });
    expect(others).toEqual([]);
  }
});

test('a commit inside a transaction is noticed, and one inside a record', () => {
  const log = new RawLog();
  log.transaction([event(0), event(1)]);
  const { position } = log.records[1]!;
  expect(kinds(newCommittedLog().commit('n0', 0, log.bytes(0, position)))).toEqual(['split-transaction']);
  expect(kinds(newCommittedLog().commit('n0', 0, log.bytes().subarray(0, log.end - 8)))).toEqual([
    'malformed-record',
    'split-transaction',
  ]);
});

test('a transaction that something interrupts is noticed', () => {
  const log = new RawLog();
  log.transaction([event(0), event(1)], 1);
  log.commit(0);
  log.transaction([event(1)]);
  expect(kinds(newCommittedLog().commit('n0', 0, log.bytes()))).toEqual([
    'split-transaction',
    'split-transaction',
  ]);
});

test('what a leader left open and the next one ended never happened', () => {
  const log = new RawLog();
  log.transaction([event(0), event(1)], 1);
  log.epoch();
  log.transaction([{ ...event(2), revision: 0 }]);
  const truth = newCommittedLog();
  expect(truth.commit('n0', 0, log.bytes())).toEqual([]);
  expect(truth.events.map(({ eventId }) => eventId)).toEqual([IDS[2]]);
});

test('a record that stands where another one should be is noticed', () => {
  const log = new RawLog();
  log.transaction([event(0)]);
  log.transaction([event(1)]);
  expect(kinds(newCommittedLog().commit('n0', 0, log.bytes(log.records[1]!.position)))).toEqual([
    'malformed-record',
  ]);
});
