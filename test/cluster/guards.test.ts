/**
 * Checks that stand behind other checks: what they are for can't happen while the others hold, so each is tried alone, on one node that is told
 * what nobody would say. `npm run test:planted` takes them out one by one and sees that these tests notice.
 */
import { describe, expect, test } from 'vitest';
import { idOf, memberOf } from './ids.js';
import {
  anEvent,
  builderAt,
  DISK_STALL_MS,
  ELECTION_TIMEOUT_MS,
  HEARTBEAT_MS,
  LoneNode,
} from './lone-node.js';

/** Heartbeats and their answers go on for some time, and nothing else. */
function beat(node: LoneNode, epoch: number, lengthMs: number): void {
  for (let round = 1; round * HEARTBEAT_MS <= lengthMs; round++) {
    for (const member of [2, 3]) node.hear(member, { kind: 'heartbeatReply', epoch, round, priority: 0 });
    node.wait(HEARTBEAT_MS);
  }
}

describe('a vote', () => {
  const proposal = { kind: 'proposal', epoch: 7, leader: idOf(3), leaderName: memberOf(3).name } as const;

  test('goes to a log that is no less than this one, and to no other', () => {
    const node = new LoneNode({ epochs: [1, 4] });
    const { position } = node.end;
    node.hear(2, { ...proposal, lastEpoch: 3, position: position + 1000 });
    node.hear(2, { ...proposal, lastEpoch: 4, position: position - 8 });
    expect(node.said(3)).toEqual([]);
    node.hear(2, { ...proposal, lastEpoch: 4, position });
    expect(node.said(3)).toMatchObject([{ kind: 'accept', epoch: 7 }]);
  });

  test('of an earlier epoch does not help a nominee', () => {
    const node = new LoneNode({ voters: 5 });
    node.elect(2, 1, [1, 2]);
    node.elect(3, 1, [1, 3]);
    expect(node.role).not.toBe('preLeader');
    node.hear(2, { kind: 'accept', epoch: 3 });
    expect(node.role).toBe('preLeader');
  });

  test('before the real one is refused by those who hear the leader', () => {
    const node = new LoneNode();
    node.follow(2);
    node.hear(3, { kind: 'preVote', round: 1 });
    expect(node.said(3)).toMatchObject([{ kind: 'preVoteReply', granted: false }]);
    node.wait(2 * ELECTION_TIMEOUT_MS);
    node.take();
    node.hear(3, { kind: 'preVote', round: 2 });
    expect(node.said(3)).toMatchObject([{ kind: 'preVoteReply', granted: true }]);
  });

  test('is asked for by a node whose turn comes, however often others ask', () => {
    const node = new LoneNode();
    let asked = 0;
    for (let i = 1; i <= 30; i++) {
      node.wait(ELECTION_TIMEOUT_MS / 4);
      asked += node.said(3).filter(({ kind }) => kind === 'preVote').length;
      node.hear(2, { kind: 'preVote', round: i });
    }
    expect(asked).toBeGreaterThan(1);
  });
});

describe('a follower', () => {
  test('refuses to cut off what it knows to be committed, and says so', () => {
    const node = new LoneNode({ epochs: [1, 2] });
    const attempt = node.follow(2);
    const { position: end } = node.end;
    node.hear(2, { kind: 'subscribed', epoch: 2, attempt, position: end });
    node.hear(2, { kind: 'heartbeat', epoch: 2, round: 2, commit: end, end });
    expect(node.core.view.commit).toBe(end);
    const again = node.follow(3);
    node.hear(2, { kind: 'subscribed', epoch: 3, attempt: again, position: 0 });
    const effects = node.take();
    expect(node.kindsOf(effects)).not.toContain('truncate');
    expect(effects).toContainEqual({
      kind: 'alarm',
      alarm: { kind: 'truncation-refused', asked: 0, commit: end },
    });
  });

  test('does not write a range that continues another log', () => {
    const node = new LoneNode();
    const attempt = node.follow(2);
    const { position } = node.end;
    node.hear(2, { kind: 'subscribed', epoch: 2, attempt, position });
    const { bytes } = anEvent(builderAt({ ...node.end, chain: node.end.chain ^ 1 }), 1);
    node.take();
    node.hear(2, { kind: 'range', epoch: 2, attempt, position, commit: 0, bytes });
    const effects = node.take();
    expect(node.kindsOf(effects)).not.toContain('write');
    expect(effects).toMatchObject([{ kind: 'alarm', alarm: { kind: 'bad-range', position } }]);
    const { bytes: right } = anEvent(builderAt(node.end), 1);
    node.hear(2, { kind: 'range', epoch: 2, attempt, position, commit: 0, bytes: right });
    expect(node.kindsOf()).toContain('write');
  });
});

describe('an alarm about a leader', () => {
  const alarm = { kind: 'unreachable', name: memberOf(2).name } as const;
  const heartbeat = { kind: 'heartbeat', epoch: 2, commit: 0, end: 0 } as const;

  /** A follower of node 2 in epoch 2, whose log agrees. */
  function following(options?: ConstructorParameters<typeof LoneNode>[0]): LoneNode {
    const node = new LoneNode(options);
    const attempt = node.follow(2);
    node.hear(2, { kind: 'subscribed', epoch: 2, attempt, position: node.end.position });
    node.take();
    return node;
  }

  function kindsSaid(node: LoneNode, member: number): readonly string[] {
    return node.said(member).map(({ kind }) => kind);
  }

  test('is passed on as a question to the others, and the leader is followed as before', () => {
    const node = following();
    node.step(alarm);
    node.wait(ELECTION_TIMEOUT_MS / 4);
    expect(kindsSaid(node, 3)).toEqual(['preVote']);
    expect(node.role).toBe('following');
    node.hear(2, { ...heartbeat, round: 2 });
    expect(kindsSaid(node, 2)).toEqual(['heartbeatReply', 'ack']);
    expect(node.role).toBe('following');
  });

  test('is made up for by the next word of the leader: what others say to it then counts for nothing', () => {
    const node = following();
    node.step(alarm);
    node.wait(ELECTION_TIMEOUT_MS / 4);
    const asked = node.said(3)[0];
    const round = asked?.kind === 'preVote' ? asked.round : 0;
    node.hear(2, { ...heartbeat, round: 2 });
    for (const member of [1, 3])
      node.hear(member, { kind: 'preVoteReply', round, granted: true, promisedEpoch: 2 });
    expect(kindsSaid(node, 3)).toEqual([]);
    node.hear(3, { kind: 'preVote', round: 1 });
    expect(node.said(3)).toMatchObject([{ kind: 'preVoteReply', granted: false }]);
  });

  test('that is repeated puts nothing off: a silent leader is given up when its time is over', () => {
    const node = following();
    for (let i = 0; i < 20; i++) {
      node.wait(ELECTION_TIMEOUT_MS / 20);
      node.step(alarm);
    }
    expect(['looking', 'electing']).toContain(node.role);
  });

  test('does not stop a successor that has asked for promises already', () => {
    const node = following();
    node.hear(2, { kind: 'transfer', epoch: 2 });
    node.step(alarm);
    node.hear(2, { ...heartbeat, round: 2 });
    for (const member of [1, 3]) {
      node.hear(member, { kind: 'prepareOk', epoch: 3, lastEpoch: 1, position: 0, commit: 0, priority: 0 });
    }
    node.wait(ELECTION_TIMEOUT_MS);
    expect(kindsSaid(node, 3)).toContain('proposal');
  });

  test('means nothing to a leader, whoever it is about', () => {
    const node = new LoneNode();
    node.lead(2);
    node.subscribedBy(2, 2, 1);
    node.hear(2, { kind: 'ack', epoch: 2, attempt: 1, durable: node.end.position });
    expect(node.role).toBe('leader');
    node.take();
    for (const member of [1, 2, 3]) node.step({ kind: 'unreachable', name: memberOf(member).name });
    expect(node.take()).toEqual([]);
    node.step({ kind: 'resign' });
    expect(node.role).toBe('resigning');
    node.take();
    for (const member of [1, 2, 3]) node.step({ kind: 'unreachable', name: memberOf(member).name });
    expect(node.take()).toEqual([]);
  });

  test('means nothing to a node that follows somebody else, follows nobody, or is fenced', () => {
    const other = following();
    other.step({ ...alarm, name: memberOf(3).name });
    const looking = new LoneNode();
    looking.step(alarm);
    looking.take();
    looking.step(alarm);
    const fenced = new LoneNode({ state: { fenced: true } });
    fenced.wait(1);
    fenced.step(alarm);
    fenced.take();
    fenced.step(alarm);
    for (const node of [other, looking, fenced]) expect(node.take()).toEqual([]);
  });
});

describe('a promise', () => {
  /** The position and last epoch of the promises that it has given. */
  function promised(node: LoneNode): unknown[] {
    return node
      .said(3)
      .map((said) => (said.kind === 'prepareOk' ? [said.lastEpoch, said.position] : said.kind));
  }

  /** A follower of epoch 3 that is cutting off all that it has of epoch 2. */
  function cutting(): { node: LoneNode; position: number } {
    const node = new LoneNode({ epochs: [1, 2] });
    const position = node.epochs[1]!.position;
    const attempt = node.follow(3);
    node.hear(2, { kind: 'subscribed', epoch: 3, attempt, position });
    expect(node.kindsOf()).toContain('truncate');
    return { node, position };
  }

  test('speaks only for what stays when the log is being cut', () => {
    const { node, position } = cutting();
    node.hear(3, { kind: 'prepare', epoch: 4, resigning: '' });
    expect(promised(node)).toEqual([[1, position]]);
  });

  test('does not speak for what becomes durable while it is being cut off', () => {
    const { node, position } = cutting();
    node.step({ kind: 'durable', position: node.end.position });
    node.hear(3, { kind: 'prepare', epoch: 4, resigning: '' });
    expect(promised(node)).toEqual([[1, position]]);
  });

  test('names no epoch of which nothing is durable', () => {
    const node = new LoneNode();
    const attempt = node.follow(2);
    const { position } = node.end;
    node.hear(2, { kind: 'subscribed', epoch: 2, attempt, position });
    const { bytes } = builderAt(node.end).appendEpoch(2, idOf(2));
    node.hear(2, { kind: 'range', epoch: 2, attempt, position, commit: 0, bytes });
    expect(node.kindsOf()).toContain('write');
    node.hear(3, { kind: 'prepare', epoch: 3, resigning: '' });
    expect(promised(node)).toEqual([[1, position]]);
  });

  test('of a new leader waits for the cut before anything is asked; then nothing is known any more of what was cut', () => {
    const { node } = cutting();
    node.hear(3, { kind: 'heartbeat', epoch: 5, round: 1, commit: 0, end: 0 });
    expect(node.said(3).map(({ kind }) => kind)).not.toContain('subscribe');
    node.step({ kind: 'truncated', end: node.epochs[1]!.before });
    const subscribe = node.said(3).find(({ kind }) => kind === 'subscribe');
    expect(subscribe).toMatchObject({ epochs: [{ epoch: 1, position: 0 }], end: node.epochs[1]!.position });
    expect(node.core.view.configuration?.version).toBe(1);
  });
});

describe('a leader', () => {
  test('counts no ack of an earlier subscription', () => {
    const node = new LoneNode();
    node.lead(2);
    const { position } = node.end;
    for (const attempt of [5, 6]) node.subscribedBy(2, 2, attempt);
    node.hear(2, { kind: 'ack', epoch: 2, attempt: 5, durable: position });
    expect(node.core.view.commit).toBe(0);
    node.hear(2, { kind: 'ack', epoch: 2, attempt: 6, durable: position });
    expect(node.core.view.commit).toBe(position);
  });

  test('takes no answer that was on its way before a read for the confirmation of that read', () => {
    const node = new LoneNode();
    node.lead(2);
    node.subscribedBy(2, 2, 1);
    node.hear(2, { kind: 'ack', epoch: 2, attempt: 1, durable: node.end.position });
    const before = node.said(2).findLast(({ kind }) => kind === 'heartbeat');
    const round = before?.kind === 'heartbeat' ? before.round : 0;
    node.step({ kind: 'read', request: 1 });
    node.hear(2, { kind: 'heartbeatReply', epoch: 2, round, priority: 0 });
    expect(node.kindsOf()).not.toContain('readReady');
    node.wait(HEARTBEAT_MS);
    node.hear(2, { kind: 'heartbeatReply', epoch: 2, round: round + 1, priority: 0 });
    expect(node.kindsOf()).toContain('readReady');
  });

  test('steps down when it hears from nobody', () => {
    const node = new LoneNode();
    node.lead(2);
    beat(node, 2, 3 * ELECTION_TIMEOUT_MS);
    expect(node.role).toBe('preLeader');
    node.wait(ELECTION_TIMEOUT_MS + HEARTBEAT_MS);
    expect(node.core.view.epoch).toBe(0);
  });

  test('steps down when its own disk stands still', () => {
    const node = new LoneNode();
    node.lead(2, false);
    beat(node, 2, DISK_STALL_MS - HEARTBEAT_MS);
    expect(node.role).toBe('preLeader');
    beat(node, 2, 2 * HEARTBEAT_MS);
    expect(node.core.view.epoch).toBe(0);
  });

  test('fences a member that has lost what it acked', () => {
    const node = new LoneNode();
    node.lead(2);
    node.subscribedBy(2, 2, 1);
    node.hear(2, { kind: 'ack', epoch: 2, attempt: 1, durable: node.end.position });
    expect(node.role).toBe('leader');
    node.take();
    node.subscribedBy(2, 2, 2);
    expect(node.said(2)).toMatchObject([{ kind: 'fenced', reason: 'lost-data' }]);
  });

  test('changes no membership before a record of its own epoch is committed', () => {
    const node = new LoneNode({ clones: 1 });
    node.lead(2);
    node.take();
    node.step({ kind: 'change', request: 1, change: { kind: 'demote', id: idOf(3) } });
    expect(node.take()).toMatchObject([{ kind: 'changeRefused', refusal: 'no-leader' }]);
  });

  test('makes one change of the membership at a time', () => {
    const node = new LoneNode({ voters: 5 });
    node.lead(2);
    for (const member of [2, 3]) {
      node.subscribedBy(member, 2, 1);
      node.hear(member, { kind: 'ack', epoch: 2, attempt: 1, durable: node.end.position });
    }
    expect(node.role).toBe('leader');
    node.take();
    node.step({ kind: 'change', request: 1, change: { kind: 'demote', id: idOf(5) } });
    node.step({ kind: 'change', request: 2, change: { kind: 'demote', id: idOf(4) } });
    expect(node.take()).toMatchObject([
      { kind: 'append' },
      { kind: 'changeRefused', request: 2, refusal: 'change-in-progress' },
    ]);
  });
});

describe('a node', () => {
  test('that comes back with less than it has vouched for is fenced', () => {
    const { end } = new LoneNode();
    expect(new LoneNode({ state: { ackedPosition: end.position } }).role).not.toBe('fenced');
    const node = new LoneNode({ state: { ackedPosition: end.position + 8 } });
    node.wait(1);
    node.step({ kind: 'tick' });
    expect(node.role).toBe('fenced');
  });

  test('does not hear a former life of a member', () => {
    const node = new LoneNode();
    node.hear(2, { kind: 'preVote', round: 1 }, { start: 3 });
    node.take();
    node.hear(2, { kind: 'preVote', round: 2 }, { start: 2 });
    expect(node.said(2)).toMatchObject([{ kind: 'fenced', seenStart: 3, reason: 'copy' }]);
  });

  test('does not hear the second of two processes with one identity', () => {
    const node = new LoneNode();
    node.hear(2, { kind: 'preVote', round: 1 });
    node.take();
    node.hear(2, { kind: 'preVote', round: 2 }, { nonce: 77 });
    expect(node.said(2)).toMatchObject([{ kind: 'fenced', seenNonce: 2, reason: 'copy' }]);
  });

  test('is not fenced because of what a former life of it has said', () => {
    const node = new LoneNode({ state: { start: 3, nonce: 9 } });
    node.hear(2, { kind: 'fenced', seenStart: 2, seenNonce: 8, reason: 'copy' });
    expect(node.role).not.toBe('fenced');
    node.hear(2, { kind: 'fenced', seenStart: 3, seenNonce: 8, reason: 'copy' });
    expect(node.role).toBe('fenced');
  });

  test('takes no answer for its question that a former life of it was given', () => {
    const node = new LoneNode({ state: { start: 3 } });
    node.follow(2);
    node.step({ kind: 'read', request: 1 });
    const asked = node.said(2).find(({ kind }) => kind === 'readIndex');
    node.hear(2, { kind: 'readIndexReply', request: 1, position: 0 });
    expect(node.kindsOf()).not.toContain('readReady');
    node.hear(2, {
      kind: 'readIndexReply',
      request: asked?.kind === 'readIndex' ? asked.request : 0,
      position: 8,
    });
    expect(node.take()).toEqual([{ kind: 'readReady', request: 1, position: 8 }]);
  });

  test('does not listen to another cluster', () => {
    const node = new LoneNode();
    node.hear(2, { kind: 'heartbeat', epoch: 9, round: 1, commit: 0, end: 0 }, { clusterId: idOf(0xc2) });
    expect(node.core.view.epoch).toBe(0);
    expect(node.kindsOf()).toContain('alarm');
  });
});
