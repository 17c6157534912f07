/** The judge of clusters, judged: a true history passes, and each way to bend it is noticed. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { AnomalyKind } from '../../../src/sim/checks/anomaly.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { checkCluster } from './cluster-check.js';
import {
  type ClusterAppend,
  ClusterHistory,
  type Consistency,
  type ReadQuestion,
} from './cluster-history.js';

const RECORD_BYTES = 100;
let history: ClusterHistory;
let log: LoggedEvent[];

beforeEach(() => {
  history = new ClusterHistory();
  log = [];
});

type Expected = ClusterAppend['expected'];

function ask(stream: string, events = 1, expected: Expected = 'any'): ClusterAppend {
  const number = history.appends.length;
  const eventIds = Array.from({ length: events }, (_, i) => `${number}-${i}`);
  const append = history.ask({ client: 'c', stream, expected, eventIds });
  append.attempts++;
  return append;
}

/** Puts an append's events at the end of the log. */
function write(append: ClusterAppend): void {
  const { stream, eventIds } = append;
  for (const [i, eventId] of eventIds.entries()) {
    const position = log.length * RECORD_BYTES;
    const revision = log.filter((event) => event.stream === stream).length;
    const [isFirst, isLast] = [i === 0, i === eventIds.length - 1];
    log.push({ stream, revision, eventId, position, end: position + RECORD_BYTES, isFirst, isLast });
  }
}

function acknowledge(append: ClusterAppend): void {
  const event = log.find(({ eventId }) => eventId === append.eventIds.at(-1))!;
  history.acknowledge(append, event.revision, event.position);
}

/** An append as it should go. */
function done(stream: string, events = 1, expected: Expected = 'any'): ClusterAppend {
  const append = ask(stream, events, expected);
  write(append);
  acknowledge(append);
  return append;
}

const QUESTION: ReadQuestion = {
  ...{ client: 'c', node: 'n1', life: 1, consistency: 'local', stream: undefined },
  ...{ isBackwards: false, from: undefined, count: Number.POSITIVE_INFINITY },
};

/** A read that shows these events; asked when `begin` says. */
function read(shown: readonly LoggedEvent[], changes: Partial<ReadQuestion> = {}, begun = begin()): void {
  for (const event of shown) history.see(event, 'a read');
  history.completeRead({ ...QUESTION, ...changes }, begun, shown);
}

function begin() {
  return { invoked: history.moment(), invokedMs: 0 };
}

function of(stream: string): LoggedEvent[] {
  return log.filter((event) => event.stream === stream);
}

function found(): AnomalyKind[] {
  return [...new Set(checkCluster(history, log).map(({ kind }) => kind))];
}

test('a true history passes: appends of every kind, reads of every kind, unknown outcomes both ways', () => {
  done('s', 3, 'none');
  const both = [ask('s', 1, 2), ask('s', 1, 2)] as const;
  const begun = begin();
  write(both[0]);
  read(of('s'), { stream: 's', consistency: 'linearizable' }, begun);
  acknowledge(both[0]);
  history.refuse(both[1], 'n2', both[1].invoked, 3);
  const happened = ask('t');
  happened.unsettled++;
  write(happened);
  ask('t', 2).unsettled++;
  const retried = ask('t', 2, 0);
  retried.attempts++;
  retried.unsettled++;
  write(retried);
  acknowledge(retried);
  read(log, { consistency: 'linearizable' });
  read(log.toReversed(), { isBackwards: true, consistency: 'linearizable', node: 'n2' });
  read(of('s').slice(1, 3), { stream: 's', from: 1, count: 2, consistency: 'linearizable' });
  read(log.slice(0, 2), { node: 'n3', count: 2 });
  read([], { stream: 'u', consistency: 'linearizable' });
  expect(checkCluster(history, log)).toEqual([]);
});

test('a follower may be late, but not go back in one life', () => {
  done('s');
  done('s');
  read(of('s').slice(0, 1), { stream: 's' });
  expect(found()).toEqual([]);
  read(of('s'), { stream: 's' });
  read(of('s').slice(0, 1), { stream: 's', life: 2 });
  expect(found()).toEqual([]);
  read(of('s').slice(0, 1), { stream: 's' });
  expect(found()).toEqual(['session-backwards']);
});

test('a lost append is missed', () => {
  done('s');
  done('t');
  log.pop();
  expect(found()).toEqual(['lost-append']);
});

test('a doubled append is noticed', () => {
  const append = done('s');
  write(append);
  expect(found()).toContain('doubled-event');
});

test('an append without an answer that happened twice, or by half, is noticed', () => {
  const twice = ask('s', 2);
  twice.unsettled++;
  write(twice);
  write(twice);
  expect(found()).toContain('doubled-event');
  log.splice(1);
  expect(found()).toContain('partial-append');
});

test('an append that was refused and happened is noticed, unless another attempt was left open', () => {
  const append = ask('s', 1);
  write(append);
  expect(found()).toEqual(['refused-but-present']);
  append.unsettled++;
  expect(found()).toEqual([]);
});

test('an acknowledgement with another revision or position is noticed', () => {
  const append = ask('s');
  write(append);
  history.acknowledge(append, 1, 0);
  expect(found()).toEqual(['wrong-revision']);
  append.acknowledgements.length = 0;
  done('t');
  history.acknowledge(append, 0, RECORD_BYTES);
  expect(found()).toContain('wrong-position');
});

test('two acknowledgements that differ are noticed', () => {
  const append = done('s');
  history.acknowledge(append, 1, 0);
  expect(found()).toEqual(['wrong-revision']);
});

test('an event that only a read has seen is noticed', () => {
  done('s');
  const ghost = { ...log[0]!, eventId: 'ghost', position: 900 };
  history.see(ghost, 'a read');
  expect(found()).toEqual(['read-uncommitted']);
});

test('an event that was read elsewhere, or as another, than it is in the end is noticed', () => {
  done('s');
  history.see({ ...log[0]!, eventId: 'other' }, 'a read');
  expect(found()).toEqual(['read-uncommitted']);
});

test('two reads that show different events at a position are noticed', () => {
  done('s');
  history.see(log[0]!, 'a read');
  history.see({ ...log[0]!, revision: 1 }, 'another');
  expect(found()).toEqual(['read-differs']);
});

const CONSISTENCIES: readonly Consistency[] = ['local', 'leader', 'linearizable'];

test.each(CONSISTENCIES)('a %s read that leaves out an event is noticed', (consistency) => {
  for (let i = 0; i < 4; i++) done('s');
  read([log[0]!, log[2]!, log[3]!], { stream: 's', consistency });
  expect(found()).toContain('read-differs');
});

test.each(CONSISTENCIES)('a %s read that begins too late, or stops early backwards, is noticed', (c) => {
  for (let i = 0; i < 4; i++) done('s');
  read(log.slice(1), { stream: 's', consistency: c });
  expect(found()).toEqual(['read-differs']);
  history.reads.length = 0;
  read(log.slice(1).toReversed(), { stream: 's', consistency: c, isBackwards: true });
  expect(found()).toEqual(['read-differs']);
});

test('a read backwards from an event that its node has not heard of begins with the newest that it has heard of', () => {
  for (let i = 0; i < 4; i++) done('s');
  const backwards = { stream: 's', isBackwards: true, from: 3, count: 10 };
  read([log[1]!, log[0]!], backwards);
  read([], { ...backwards, node: 'n2' });
  expect(found()).toEqual([]);
  read([log[1]!, log[0]!], { ...backwards, consistency: 'linearizable', node: 'n3' });
  expect(found()).toEqual(['stale-read']);
  history.reads.length = 0;
  read(log.toReversed(), backwards);
  read([log[1]!, log[0]!], backwards);
  expect(found()).toEqual(['session-backwards']);
  history.reads.length = 0;
  read(log.toReversed(), { ...backwards, from: 2 });
  expect(found()).toEqual(['read-differs']);
});

test('a linearizable read that misses what was acknowledged before is stale, in every form', () => {
  done('s');
  done('s');
  const shapes: readonly (readonly [LoggedEvent[], Partial<ReadQuestion>])[] = [
    [log.slice(0, 1), { stream: 's' }],
    [log.slice(0, 1), {}],
    [log.slice(0, 1), { isBackwards: true }],
    [log.slice(0, 1), { stream: 's', isBackwards: true, count: 1 }],
    [[], { stream: 's' }],
    [[], { stream: 's', from: 1 }],
    [[], { from: RECORD_BYTES }],
  ];
  for (const [index, [shown, changes]] of shapes.entries()) {
    history.reads.length = 0;
    read(shown, { ...changes, consistency: 'linearizable', node: `n${index}` });
    expect(found(), `${index}`).toEqual(['stale-read']);
  }
});

test('a linearizable read that misses what another read has shown before is stale', () => {
  const append = ask('s');
  append.unsettled++;
  write(append);
  read(log, { node: 'n1' });
  read([], { node: 'n2', consistency: 'linearizable' });
  expect(found()).toEqual(['stale-read']);
});

test('a read of half a transaction is noticed', () => {
  done('s', 2);
  read(log.slice(0, 1), { stream: 's' });
  expect(found()).toEqual(['split-transaction']);
});

test('an event at another revision than the expected one is noticed', () => {
  done('s', 1, 'none');
  const append = ask('s', 1, 5);
  write(append);
  acknowledge(append);
  expect(found()).toEqual(['expected-revision-violated']);
});

test('a refusal that is late, early, wrong, or in the middle of an append is noticed', () => {
  done('s', 2);
  done('s');
  const refused = ask('s', 1, 'none');
  const refusals = { late: 1, early: 7, middle: 0 };
  for (const [what, current] of Object.entries(refusals)) {
    refused.refusals.length = 0;
    history.refuse(refused, 'n1', history.moment(), current);
    expect(found(), what).toEqual(['unjustified-rejection']);
  }
  refused.refusals.length = 0;
  history.refuse(refused, 'n1', refused.invoked, -1);
  expect(found()).toEqual(['unjustified-rejection']);
});

test('a refusal that was true while the answer was on its way is right', () => {
  done('s');
  const refused = ask('s', 1, 'none');
  const invoked = history.moment();
  done('s');
  history.refuse(refused, 'n1', invoked, 0);
  expect(found()).toEqual([]);
});

test('a retry that is refused because of what the first attempt has written is noticed', () => {
  const append = done('s', 1, 'none');
  append.attempts++;
  history.refuse(append, 'n1', history.moment(), 0);
  expect(found()).toEqual(['unjustified-rejection']);
});

test('an append that stands before what was known when it was asked for is noticed', () => {
  const [late, early] = [ask('s'), ask('t')];
  write(late);
  write(early);
  acknowledge(early);
  const after = ask('s');
  log = log.slice(1);
  write(after);
  // The log as if the last append had taken the place of the first, which never happened.
  log = [
    { ...log[1]!, position: 0, end: RECORD_BYTES, revision: 0 },
    { ...log[0]!, position: RECORD_BYTES, end: 2 * RECORD_BYTES },
  ];
  history.acknowledge(after, 0, 0);
  late.unsettled++;
  expect(found()).toEqual(['real-time-order']);
});

test('ids that are said to be there in part are noticed', () => {
  done('s').hasConflict = true;
  expect(found()).toEqual(['id-conflict']);
});

describe('a transaction over several streams', () => {
  /** Puts the events of all parts at the end of the log, as one transaction. */
  function writeParts(parts: readonly ClusterAppend[]): void {
    const from = log.length;
    for (const part of parts) write(part);
    for (const [i, event] of log.entries()) {
      if (i < from) continue;
      log[i] = { ...event, isFirst: i === from, isLast: i === log.length - 1 };
    }
  }

  function askParts(
    ...parts: [stream: string, events: number, expected?: Expected][]
  ): readonly ClusterAppend[] {
    const asked = history.askParts(
      parts.map(([stream, events, expected = 'any']) => {
        const eventIds = Array.from({ length: events }, (_, i) => `${history.appends.length}-${stream}-${i}`);
        return { client: 'c', stream, expected, eventIds };
      }),
    );
    for (const part of asked) part.attempts++;
    return asked;
  }

  function acknowledgeParts(parts: readonly ClusterAppend[]): void {
    const last = log.find(({ eventId }) => eventId === parts.at(-1)!.eventIds.at(-1))!;
    for (const part of parts) {
      const own = log.find(({ eventId }) => eventId === part.eventIds.at(-1))!;
      history.acknowledge(part, own.revision, last.position);
    }
  }

  test('passes when it is as it was asked for', () => {
    done('s', 2);
    const parts = askParts(['t', 1, 'none'], ['s', 2, 1]);
    const begun = begin();
    writeParts(parts);
    acknowledgeParts(parts);
    // What knew nothing of it yet shows nothing of it, in any of the streams.
    read(of('s').slice(0, 2), { stream: 's' }, begun);
    read(log.slice(0, 2), {}, begun);
    expect(found()).toEqual([]);
  });

  test('is missed if a part of it is', () => {
    const parts = askParts(['s', 1], ['t', 2]);
    writeParts(parts);
    acknowledgeParts(parts);
    log.pop();
    log[log.length - 1] = { ...log.at(-1)!, isLast: true };
    expect(found()).toContain('partial-append');
  });

  test('is noticed in pieces, in another order, and with something in between', () => {
    const parts = askParts(['s', 1], ['t', 1]);
    for (const part of [...parts].reverse()) write(part);
    expect(found()).toContain('split-append');
  });

  test('must be expected by each of its streams', () => {
    done('s');
    const parts = askParts(['t', 1, 'none'], ['s', 1, 5]);
    writeParts(parts);
    acknowledgeParts(parts);
    expect(found()).toEqual(['expected-revision-violated']);
  });

  test('is not shown by half', () => {
    const parts = askParts(['s', 1], ['t', 2]);
    writeParts(parts);
    acknowledgeParts(parts);
    read(log.slice(0, 2));
    read(of('t').slice(0, 1), { stream: 't' });
    expect(found()).toEqual(['split-transaction']);
  });

  test('that was refused is not there', () => {
    done('s');
    const parts = askParts(['t', 1], ['s', 1, 'none']);
    history.refuse(parts[1]!, 'n1', parts[1]!.invoked, 0);
    writeParts(parts);
    expect(found()).toContain('refused-but-present');
  });
});
