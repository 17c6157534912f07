/** Simulated clients against a store that is right, and against ones that are wrong: the first leaves no trace, the others do. */
import { expect, test } from 'vitest';
import type { AnomalyKind } from '../../../src/sim/checks/anomaly.js';
import { History } from '../../../src/sim/clients/history.js';
import { type ClientTurn, SimulatedClient } from '../../../src/sim/clients/workload.js';
import { Random } from '../../../src/sim/random.js';
import { type Defect, NaiveService } from './naive-service.js';

const SEEDS = 15;
const OPERATIONS = 40;

test('a store that is right is found to be so, whatever the network does', () => {
  const outcomes = new Map<string, number>();
  let retried = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const service = new NaiveService(seed, 'none', OPERATIONS);
    expect(service.run(), `seed ${seed}`).toEqual([]);
    expect(service.history.operations).toHaveLength(4 * OPERATIONS);
    for (const { kind, outcome, completed, ...rest } of service.history.operations) {
      expect(completed).toBeDefined();
      outcomes.set(`${kind} ${outcome.kind}`, (outcomes.get(`${kind} ${outcome.kind}`) ?? 0) + 1);
      if (outcome.kind === 'ok' && 'attempts' in rest && rest.attempts > 1) retried++;
    }
  }
  expect(retried).toBeGreaterThan(100);
  for (const kind of ['append ok', 'append rejected', 'append unknown', 'read ok', 'read failed']) {
    expect(outcomes.get(kind), kind).toBeGreaterThan(20);
  }
});

test.each<[Defect, AnomalyKind]>([
  ['forgets-ids', 'doubled-event'],
  ['loses-appends', 'lost-append'],
  ['reads-stale', 'stale-read'],
  ['ignores-expected', 'expected-revision-violated'],
])('a store that %s is found out: %s', (defect, kind) => {
  let found = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const anomalies = new NaiveService(seed, defect, OPERATIONS).run();
    if (anomalies.some((anomaly) => anomaly.kind === kind)) found++;
  }
  // In some runs the defect happens only where nobody can notice it.
  expect(found).toBeGreaterThan(SEEDS / 2);
});

test('the same seed asks for the same things', () => {
  const sent = [1, 1].map((seed) => {
    const service = new NaiveService(seed, 'none', OPERATIONS);
    service.run();
    return service.sent;
  });
  expect(sent[0]).toEqual(sent[1]);
});

/** A client of one node that only appends, and its first request. */
function appendingClient() {
  const history = new History();
  const options = {
    name: 'c',
    nodes: ['n'],
    streams: ['s'],
    operationsMax: 1,
    timeoutMs: 10,
    thinkMsMax: 0,
    readShare: 0,
  };
  const client = new SimulatedClient(options, history, new Random(3));
  const first = sendOf(client.next(0));
  return { history, client, first };
}

function sendOf(turn: ClientTurn) {
  if (turn.kind !== 'send' || turn.request.kind !== 'append')
    throw new Error(`it does not append: ${turn.kind}`);
  return turn.request;
}

test('a retry has the same event ids, and a late yes to an earlier attempt counts', () => {
  const { history, client, first } = appendingClient();
  expect(client.timedOut(first.request, 10)).toBe(true);
  const second = sendOf(client.next(10));
  expect(second).toEqual({ ...first, request: first.request + 1 });
  const answer = {
    kind: 'appendOk',
    request: first.request,
    firstRevision: 0,
    position: 64,
    end: 160,
  } as const;
  expect(client.answered(answer, 11)).toBe(true);
  expect(history.operations[0]).toMatchObject({
    attempts: 2,
    unsettled: 1,
    outcome: { kind: 'ok', position: 64 },
  });
  expect(client.timedOut(second.request, 20)).toBe(false);
  expect(client.next(20)).toEqual({ kind: 'done' });
});

test('a late no to an earlier attempt says nothing', () => {
  const { history, client, first } = appendingClient();
  client.timedOut(first.request, 10);
  client.next(10);
  expect(client.answered({ kind: 'appendRejected', request: first.request, current: 5 }, 11)).toBe(false);
  expect(history.operations[0]!.completed).toBeUndefined();
});

test('a client that is stopped finishes what it has begun', () => {
  const { client, first } = appendingClient();
  client.stop();
  client.timedOut(first.request, 10);
  expect(client.next(10).kind).toBe('send');
  const request = first.request + 1;
  expect(client.answered({ kind: 'appendRejected', request, current: 5 }, 11)).toBe(true);
  expect(client.next(11)).toEqual({ kind: 'done' });
});
