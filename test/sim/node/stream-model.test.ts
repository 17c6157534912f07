/** The state that a simulated node's decisions rest on: always what its log amounts to, whatever was cut from it meanwhile. */
import { expect, test } from 'vitest';
import { extendDigest, NO_EVENTS } from '../../../src/sim/clients/client-messages.js';
import { type AppendQuestion, type Decision, StreamModel } from '../../../src/sim/node/stream-model.js';
import { Random } from '../../../src/sim/random.js';
import { RawLog } from '../disk/raw-log.js';

const IDS = Array.from({ length: 9 }, (_, i) => `0000000${i}-0000-4000-8000-000000000000`);
const [A, B, C, D] = IDS as [string, string, string, string];

/** A model of s@0 (A), s@1 and s@2 (B, C: one transaction). */
function modelOfThree(): { log: RawLog; model: StreamModel } {
  const log = new RawLog();
  const model = new StreamModel();
  model.append(log.epoch());
  model.append(log.transaction([{ stream: 's', revision: 0, eventId: A }]));
  model.append(
    log.transaction([
      { stream: 's', revision: 1, eventId: B },
      { stream: 's', revision: 2, eventId: C },
    ]),
  );
  return { log, model };
}

const rejected = (current: number, dependsOn: number): Decision => ({ kind: 'rejected', current, dependsOn });

test.each<[AppendQuestion, (log: RawLog) => Decision]>([
  [
    { stream: 's', expected: 2, eventIds: [D] },
    () => ({ kind: 'append', firstRevision: 3, events: [{ stream: 's', revision: 3, eventId: D }] }),
  ],
  [
    { stream: 't', expected: 'none', eventIds: [D] },
    () => ({ kind: 'append', firstRevision: 0, events: [{ stream: 't', revision: 0, eventId: D }] }),
  ],
  [{ stream: 's', expected: 'none', eventIds: [D] }, (log) => rejected(2, log.end)],
  [{ stream: 's', expected: 1, eventIds: [D] }, (log) => rejected(2, log.end)],
  [{ stream: 't', expected: 'exists', eventIds: [D] }, () => rejected(-1, 0)],
  [
    // The expected revision no longer holds, but the ids say that this is what made it so.
    { stream: 's', expected: 0, eventIds: [B, C] },
    (log) => {
      const { position } = log.records[2]!;
      return { kind: 'duplicate', firstRevision: 1, position, end: log.end, dependsOn: log.end };
    },
  ],
  [{ stream: 's', expected: 'any', eventIds: [C, B] }, (log) => ({ kind: 'conflict', dependsOn: log.end })],
  [{ stream: 's', expected: 'any', eventIds: [C, D] }, (log) => ({ kind: 'conflict', dependsOn: log.end })],
  [{ stream: 't', expected: 'any', eventIds: [B, C] }, (log) => ({ kind: 'conflict', dependsOn: log.end })],
])('%j is decided by heads and ids', (question, decision) => {
  const { log, model } = modelOfThree();
  expect(model.decide(question)).toEqual(decision(log));
});

test('a stream is read as it is in the log before a position', () => {
  const { log, model } = modelOfThree();
  const [, , second] = log.records;
  const digest = extendDigest(0, A);
  expect(model.stateAt('s', 0)).toEqual(NO_EVENTS);
  expect(model.stateAt('s', second!.position)).toEqual({ revision: 0, digest, lastEventId: A });
  expect(model.stateAt('s', log.end)).toMatchObject({ revision: 2, lastEventId: C });
  expect(model.stateAt('t', log.end)).toEqual(NO_EVENTS);
});

test('a transaction without its end is not there, and its ids are free', () => {
  const { log, model } = modelOfThree();
  const events = [3, 4].map((revision) => ({ stream: 's', revision, eventId: IDS[revision]! }));
  model.append(log.transaction(events, 1));
  model.append(log.epoch());
  expect(model.stateAt('s', log.end).revision).toBe(2);
  expect(model.decide({ stream: 's', expected: 2, eventIds: [D] }).kind).toBe('append');
});

test('a transaction that a leader left open goes on when the record that ended it is cut off', () => {
  const { log, model } = modelOfThree();
  const events = [3, 4].map((revision) => ({ stream: 's', revision, eventId: IDS[revision]! }));
  const at = log.end;
  const whole = log.transaction(events);
  const cut = log.records.at(-1)!.position;
  model.append(whole.subarray(0, cut - at));
  log.truncate(cut);
  const { length } = log.epoch();
  model.append(log.bytes(cut));
  expect(model.end).toBe(cut + length);
  model.truncate(cut);
  model.append(whole.subarray(cut - at));
  expect(model.stateAt('s', model.end)).toMatchObject({ revision: 4, lastEventId: IDS[4] });
});

test('whatever is cut, the model is that of the log that remains', () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed);
    const log = new RawLog();
    const model = new StreamModel();
    const ids: string[] = [];
    for (let step = 0; step < 40; step++) {
      takeStep(random, log, model, ids);
      const fresh = new StreamModel();
      fresh.append(log.bytes());
      expect(model.end).toBe(log.end);
      for (const stream of ['s', 't']) {
        expect(model.stateAt(stream, log.end), `seed ${seed}`).toEqual(fresh.stateAt(stream, log.end));
        const question: AppendQuestion = { stream, expected: 0, eventIds: [random.pick(ids) ?? A] };
        expect(model.decide(question), `seed ${seed}`).toEqual(fresh.decide(question));
      }
    }
  }
});

/** Appends something to the log and the model, or cuts both. */
function takeStep(random: Random, log: RawLog, model: StreamModel, ids: string[]): void {
  const draw = random.below(10);
  if (draw < 3 && log.records.length > 0) {
    const { position } = random.pick(log.records.slice(-6));
    log.truncate(position);
    model.truncate(position);
  } else if (draw === 3) model.append(log.commit());
  else if (draw === 4) model.append(log.epoch());
  else {
    const stream = random.pick(['s', 't']);
    const revision = model.stateAt(stream, log.end).revision + 1;
    const count = random.between(1, 3);
    const events = Array.from({ length: count }, (_, i) => {
      const eventId = random.uuid();
      ids.push(eventId);
      return { stream, revision: revision + i, eventId };
    });
    const missing = random.chance(0.3) ? 1 : 0;
    model.append(log.transaction(events, missing));
    // Nothing but an epoch follows an open transaction.
    if (missing > 0) model.append(log.epoch());
  }
}
