import { describe, expect, test } from 'vitest';
import type { NodeRole } from '../../src/cluster/effects.js';
import {
  type ClientRequest,
  type Forwarding,
  type Standing,
  whereToAnswer,
} from '../../src/cluster/forwarding.js';

const LEADER = 'node-2:2113';
const REQUESTS: readonly ClientRequest[] = ['write', 'read-local', 'read-leader', 'read-linearizable'];

/** In one word: here, forward, or why not. */
function wordOf(answer: Forwarding): string {
  return answer.kind === 'refuse' ? answer.refusal : answer.kind;
}

function words(standing: Standing, requireLeader: boolean): string[] {
  return REQUESTS.map((request) => wordOf(whereToAnswer(standing, request, requireLeader)));
}

/** By role: what becomes of the four kinds of requests; without and with requireLeader. */
const TABLE: { readonly [R in NodeRole]: readonly [string[], string[]] } = {
  fresh: [
    ['no-cluster', 'no-cluster', 'no-cluster', 'no-cluster'],
    ['no-cluster', 'no-cluster', 'no-cluster', 'no-cluster'],
  ],
  looking: [
    ['no-leader', 'here', 'no-leader', 'no-leader'],
    ['no-leader', 'no-leader', 'no-leader', 'no-leader'],
  ],
  electing: [
    ['no-leader', 'here', 'no-leader', 'no-leader'],
    ['no-leader', 'no-leader', 'no-leader', 'no-leader'],
  ],
  preLeader: [
    ['no-leader', 'here', 'no-leader', 'no-leader'],
    ['no-leader', 'no-leader', 'no-leader', 'no-leader'],
  ],
  leader: [
    ['here', 'here', 'here', 'here'],
    ['here', 'here', 'here', 'here'],
  ],
  resigning: [
    ['no-leader', 'here', 'here', 'here'],
    ['no-leader', 'here', 'here', 'here'],
  ],
  joining: [
    ['forward', 'here', 'forward', 'forward'],
    ['not-leader', 'not-leader', 'not-leader', 'not-leader'],
  ],
  following: [
    ['forward', 'here', 'forward', 'here'],
    ['not-leader', 'not-leader', 'not-leader', 'not-leader'],
  ],
  fenced: [
    ['fenced', 'fenced', 'fenced', 'fenced'],
    ['fenced', 'fenced', 'fenced', 'fenced'],
  ],
};

describe.each(Object.keys(TABLE) as NodeRole[])('a node that is %s', (role) => {
  const standing: Standing = { role, leader: LEADER, hasQuorum: true };

  test('answers, forwards or refuses by the table', () => {
    expect([words(standing, false), words(standing, true)]).toEqual(TABLE[role]);
  });

  test('never forwards what has been forwarded, nor to anybody but the leader', () => {
    for (const request of REQUESTS) {
      expect(whereToAnswer(standing, request, true).kind).not.toBe('forward');
      const answer = whereToAnswer(standing, request, false);
      if (answer.kind === 'forward') expect(answer.to).toBe(LEADER);
    }
  });

  test('forwards nothing if it knows no leader', () => {
    for (const request of REQUESTS)
      expect(whereToAnswer({ ...standing, leader: undefined }, request, false).kind).not.toBe('forward');
  });
});

test.each<NodeRole>(['leader', 'resigning'])(
  '%s without a quorum: what is committed can be read, nothing else',
  (role) => {
    const standing: Standing = { role, leader: LEADER, hasQuorum: false };
    expect(words(standing, false)).toEqual(['no-quorum', 'here', 'no-quorum', 'no-quorum']);
  },
);

test.each<NodeRole>(['joining', 'following'])(
  '%s without a leader to name is as one that looks for it',
  (role) => {
    const standing: Standing = { role, leader: undefined, hasQuorum: false };
    expect([words(standing, false), words(standing, true)]).toEqual(TABLE.looking);
  },
);

test('who wants the leader is told its name', () => {
  const standing: Standing = { role: 'following', leader: LEADER, hasQuorum: false };
  expect(whereToAnswer(standing, 'write', true)).toEqual({
    kind: 'refuse',
    refusal: 'not-leader',
    leader: LEADER,
  });
});
