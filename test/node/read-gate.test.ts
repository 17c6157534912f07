import { describe, expect, test } from 'vitest';
import { ReadGate } from '../../src/node/read-gate.js';

const NO_QUORUM = { code: 'no-leader', message: 'nobody leads', details: {} } as const;

/** A gate, the requests that it made of the core, and what it let through, in order. */
class Rig {
  readonly asked: number[] = [];
  readonly outcomes: string[] = [];
  committed = 100;
  readonly gate = new ReadGate((request) => {
    this.asked.push(request);
    this.whenAsked?.(request);
  });
  whenAsked: ((request: number) => void) | undefined;

  ask(name: string): Promise<void> {
    return this.gate
      .ask(() => this.committed)
      .then((refused) => void this.outcomes.push(`${name}: ${refused?.code ?? 'go'}`));
  }

  confirm(name: string): void {
    this.gate.confirm(
      () => this.outcomes.push(`${name}: answer`),
      () => this.outcomes.push(`${name}: abandon`),
    );
  }

  ready(request: number, position: number): void {
    this.gate.ready(request, position, this.committed);
  }

  commit(position: number): void {
    this.committed = position;
    this.gate.committed(position);
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

describe('a linearizable read', () => {
  test('begins when the core has confirmed its index, and this node has it committed', async () => {
    const rig = new Rig();
    void rig.ask('early');
    const late = rig.ask('late');
    expect(rig.asked).toHaveLength(2);
    rig.ready(rig.asked[0]!, 100);
    rig.ready(rig.asked[1]!, 180);
    await turns();
    expect(rig.outcomes).toEqual(['early: go']);
    rig.commit(179);
    await turns();
    expect(rig.outcomes).toEqual(['early: go']);
    rig.commit(180);
    await late;
    expect(rig.outcomes).toEqual(['early: go', 'late: go']);
  });

  test('may be let in by the time it has asked', async () => {
    const rig = new Rig();
    rig.whenAsked = (request) => rig.ready(request, 150);
    rig.committed = 150;
    await rig.ask('read');
    expect(rig.outcomes).toEqual(['read: go']);
  });

  test('is let in by a commit that came while it asked', async () => {
    const rig = new Rig();
    rig.whenAsked = (request) => {
      rig.ready(request, 150);
      rig.committed = 150;
    };
    await rig.ask('read');
    expect(rig.outcomes).toEqual(['read: go']);
  });

  test('is refused if nobody can say, and then nothing lets it in any more', async () => {
    const rig = new Rig();
    const read = rig.ask('read');
    rig.gate.refused(rig.asked[0]!, NO_QUORUM);
    rig.ready(rig.asked[0]!, 0);
    await read;
    expect(rig.outcomes).toEqual(['read: no-leader']);
  });
});

test('an answer that nobody waits for is ignored', () => {
  const rig = new Rig();
  rig.ready(77, 0);
  rig.gate.refused(78, NO_QUORUM);
  expect(rig.outcomes).toEqual([]);
});

test('a no that rests on the log is given when it is confirmed, and taken back if it can not be; those of a turn share a question', async () => {
  const rig = new Rig();
  for (const name of ['first', 'second']) rig.confirm(name);
  await turns();
  rig.confirm('third');
  await turns();
  expect(rig.asked).toHaveLength(2);
  rig.ready(rig.asked[0]!, 200);
  rig.gate.refused(rig.asked[1]!, NO_QUORUM);
  expect(rig.outcomes).toEqual(['third: abandon']);
  rig.commit(200);
  expect(rig.outcomes).toEqual(['third: abandon', 'first: answer', 'second: answer']);
});

test('who waits for a commit position is called at once if it is reached, else when it is', async () => {
  const rig = new Rig();
  await rig.gate.whenCommitted(100, rig.committed);
  const reached: number[] = [];
  for (const position of [300, 200, 101])
    void rig.gate.whenCommitted(position, rig.committed).then(() => reached.push(position));
  rig.commit(200);
  await turns();
  expect(reached.sort()).toEqual([101, 200]);
  rig.commit(300);
  await turns();
  expect(reached).toContain(300);
});
