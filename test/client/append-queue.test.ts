import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppendQueue, type PendingAppend } from '../../src/client/append-queue.js';

/** The same as plain lists: frames are [request id] repeated, so that what is sent tells whose it is. */
class NaiveQueue {
  waiting: { id: number; deadline: number; everSent: boolean }[] = [];
  flight: { id: number; deadline: number; settled: boolean; wasSent: boolean }[] = [];
  refused: { id: number; deadline: number; settled: boolean; wasSent: boolean }[] = [];
}

class Harness {
  readonly queue = new AppendQueue(() => undefined);
  readonly naive = new NaiveQueue();
  readonly told = new Map<number, string>();
  #nextId = 1;
  #now = 0;
  #unwritten: PendingAppend[] = [];
  #message: number[] = [];

  push(length: number): void {
    const requestId = this.#nextId++;
    const deadlineMs = this.#now + 10;
    const entry: PendingAppend = {
      requestId,
      at: this.#message.length,
      length,
      message: undefined,
      deadlineMs,
      isForQuorum: true,
      isSettled: false,
      mayBeWritten: false,
      resolve: () => this.#tell(requestId, 'yes'),
      reject: (error) => this.#tell(requestId, error.message),
    };
    for (let i = 0; i < length; i++) this.#message.push(requestId % 256);
    this.queue.push(entry);
    this.#unwritten.push(entry);
  }

  turnEnd(): void {
    this.queue.encoded(Uint8Array.from(this.#message));
    for (const { requestId: id, deadlineMs: deadline } of this.#unwritten) {
      this.naive.waiting.push({ id, deadline, everSent: false });
    }
    this.#message = [];
    this.#unwritten = [];
  }

  send(inFlightMax: number, bytesMax: number): void {
    for (;;) {
      const run = this.queue.nextRun(inFlightMax, bytesMax);
      if (run === undefined) break;
      const ids = [...run].filter((byte, i) => byte !== run[i - 1]);
      expect(ids.length === 1 || run.length <= bytesMax).toBe(true);
      for (const id of ids) {
        const next = this.naive.waiting.shift()!;
        expect(next.id % 256).toBe(id);
        const { deadline, everSent: wasSent } = next;
        this.naive.flight.push({ id: next.id, deadline, settled: false, wasSent });
      }
    }
    expect(this.queue.inFlight).toBe(this.naive.flight.length);
    const isHeld = this.naive.flight.length >= inFlightMax || this.naive.refused.length > 0;
    expect(isHeld || this.naive.waiting.length === 0).toBe(true);
  }

  answer(): void {
    if (this.naive.refused.length > 0) {
      expect(this.queue.answered(this.naive.refused[0]!.id)).toBeUndefined();
      return;
    }
    const expected = this.naive.flight.shift();
    expect(this.queue.answered(0)).toBeUndefined();
    if (expected === undefined) return;
    const entry = this.queue.answered(expected.id)!;
    expect([entry.requestId, entry.isSettled]).toEqual([expected.id, expected.settled]);
    if (!entry.isSettled) entry.resolve({ revision: 0, position: 0, duplicate: false });
  }

  refuse(mayBeWritten: boolean): void {
    const expected = this.naive.flight.shift();
    expect(this.queue.refused(0, mayBeWritten)).toBe(false);
    if (expected === undefined) return;
    expect(this.queue.refused(expected.id, mayBeWritten)).toBe(true);
    this.naive.refused.push({ ...expected, wasSent: expected.wasSent || mayBeWritten });
  }

  lose(): void {
    this.queue.unsend();
    const unanswered = this.naive.flight.map((each) => ({ ...each, wasSent: true }));
    const again = [...this.naive.refused, ...unanswered].filter(({ settled }) => !settled);
    this.naive.waiting.unshift(
      ...again.map(({ id, deadline, wasSent }) => ({ id, deadline, everSent: wasSent })),
    );
    this.naive.flight = [];
    this.naive.refused = [];
  }

  expire(ms: number): void {
    this.#now += ms;
    const expected = [
      ...this.naive.refused
        .filter((each) => !each.settled && each.deadline <= this.#now)
        .map(({ id, wasSent }) => [id, wasSent]),
      ...this.naive.flight
        .filter((each) => !each.settled && each.deadline <= this.#now)
        .map(({ id }) => [id, true]),
      ...this.naive.waiting
        .filter((each) => each.deadline <= this.#now)
        .map(({ id, everSent }) => [id, everSent]),
    ];
    const seen: unknown[] = [];
    this.queue.expire(this.#now, (entry, wasSent) => {
      seen.push([entry.requestId, wasSent]);
      this.#tell(entry.requestId, 'late');
    });
    expect(seen).toEqual(expected);
    for (const each of this.naive.refused) if (each.deadline <= this.#now) each.settled = true;
    for (const each of this.naive.flight) if (each.deadline <= this.#now) each.settled = true;
    this.naive.waiting = this.naive.waiting.filter((each) => each.deadline > this.#now);
    const open = [
      ...this.naive.refused.filter((each) => !each.settled),
      ...this.naive.flight.filter((each) => !each.settled),
      ...this.naive.waiting,
      ...this.#unwritten,
    ];
    const first = open[0];
    const deadline =
      first === undefined
        ? Number.POSITIVE_INFINITY
        : 'deadline' in first
          ? first.deadline
          : first.deadlineMs;
    expect(this.queue.firstDeadlineMs()).toBe(deadline);
  }

  finish(): void {
    this.turnEnd();
    const sent = [...this.naive.refused, ...this.naive.flight].filter((each) => !each.settled);
    const open = [...sent, ...this.naive.waiting].map(({ id }) => id);
    const drained: number[] = [];
    this.queue.drain((entry) => {
      drained.push(entry.requestId);
      this.#tell(entry.requestId, 'drained');
    });
    expect(drained).toEqual(open);
    expect([this.queue.size, this.queue.bytes, this.queue.inFlight]).toEqual([0, 0, 0]);
    expect(this.told.size).toBe(this.#nextId - 1);
  }

  #tell(id: number, what: string): void {
    expect(this.told.has(id), `append ${id} is told ${what} after ${this.told.get(id)}`).toBe(false);
    this.told.set(id, what);
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('push' as const), n: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('send' as const), n: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('turnEnd' as const, 'answer' as const), n: fc.constant(0) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), n: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), n: fc.nat(6) }) },
);

test('whatever happens, appends go out in order, again after a loss, and each user hears exactly once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const harness = new Harness();
      for (const { do: what, n } of steps) {
        switch (what) {
          case 'push':
            harness.push(n);
            break;
          case 'send':
            harness.send(n, n);
            break;
          case 'refuse':
            harness.refuse(n === 1);
            break;
          case 'expire':
            harness.expire(n);
            break;
          default:
            harness[what]();
        }
      }
      harness.finish();
    }),
  );
});

test('grows without losing its place', () => {
  const harness = new Harness();
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 700; i++) harness.push(1);
    harness.turnEnd();
    harness.send(400 + round, 50);
    for (let i = 0; i < 350; i++) harness.answer();
  }
  harness.finish();
});
