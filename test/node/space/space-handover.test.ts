/** A leader without space hands over, but only to a member that says that it has some, and not all the time. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { SpaceLevel } from '../../../src/base/disk-space.js';
import type { GossipMember } from '../../../src/cluster/gossip.js';
import type { MemberProgress } from '../../../src/cluster/node-view.js';
import { SpaceHandover, successorOf } from '../../../src/node/space/space-handover.js';

function member(id: string, changes: Partial<MemberProgress> = {}): MemberProgress {
  return {
    id,
    name: `${id}:1`,
    role: 'voter',
    zone: '',
    lagBytes: 0,
    isStreaming: true,
    silentMs: 0,
    ...changes,
  };
}

function told(id: string, diskSpace: SpaceLevel | undefined, isAlive = true): GossipMember {
  return { entry: { memberId: id, diskSpace }, isAlive, silentMs: 0 } as unknown as GossipMember;
}

describe('who takes over', () => {
  it.each<[string, readonly MemberProgress[], readonly GossipMember[], string | undefined]>([
    ['has room', [member('a'), member('b')], [told('a', 'short'), told('b', 'ok')], 'b'],
    ['has more room', [member('a'), member('b')], [told('a', 'low'), told('b', 'ok')], 'b'],
    ['has little, if nobody has more', [member('a')], [told('a', 'low')], 'a'],
    [
      'has most of the log',
      [member('a', { lagBytes: 9 }), member('b')],
      [told('a', 'ok'), told('b', 'ok')],
      'b',
    ],
    ['must have told', [member('a'), member('b')], [told('a', undefined)], undefined],
    ['must know it itself', [member('a')], [told('a', 'unknown')], undefined],
    ['must be alive', [member('a')], [told('a', 'ok', false)], undefined],
    ['must vote', [member('a', { role: 'clone' })], [told('a', 'ok')], undefined],
    ['must be replicated to', [member('a', { isStreaming: false })], [told('a', 'ok')], undefined],
  ])('%s', (_, members, gossip, expected) => {
    expect(successorOf(members, gossip)?.id).toBe(expected);
  });
});

describe('a leader', () => {
  let state = { isLeading: true, isShort: true, nowMs: 0, room: 'ok' as SpaceLevel };
  let asked: string[] = [];
  let notes: string[] = [];
  let outcome: () => Promise<unknown> = () => Promise.resolve();

  beforeEach(() => {
    state = { isLeading: true, isShort: true, nowMs: 0, room: 'ok' };
    [asked, notes] = [[], []];
    outcome = () => Promise.resolve();
  });

  function handover(): SpaceHandover {
    return new SpaceHandover({
      isLeading: () => state.isLeading,
      isShort: () => state.isShort,
      progress: () => [member('a')],
      gossip: () => [told('a', state.room)],
      resign: (to) => {
        asked.push(to);
        return outcome();
      },
      note: (message) => notes.push(message),
      nowMs: () => state.nowMs,
    });
  }

  it('asks once, and again after a while', () => {
    const sut = handover();
    sut.consider();
    sut.consider();
    state.nowMs = 9_999;
    sut.consider();
    expect(asked).toEqual(['a']);
    state.nowMs = 10_000;
    sut.consider();
    expect(asked).toEqual(['a', 'a']);
  });

  it.each([
    ['has space', { isShort: false }],
    ['does not lead', { isLeading: false }],
    ['knows that nobody has space', { room: 'short' as const }],
  ])('that %s does nothing', (_, changes) => {
    Object.assign(state, changes);
    handover().consider();
    expect([asked, notes]).toEqual([[], []]);
  });

  it('that nobody succeeds leads on, and says so', async () => {
    outcome = () => Promise.reject(new Error('no-successor'));
    handover().consider();
    await expect.poll(() => notes.length).toBe(2);
    expect(notes[1]).toMatch(/leads on/);
  });
});
