import { describe, expect, test } from 'vitest';
import { type CommittedWrite, WriteProfile } from '../../src/node/write-profile.js';
import type { LastBatch } from '../../src/ring/writer-statistics.js';

/** A profile, and what it has told, in microseconds. */
function rig(): { profile: WriteProfile; told: string[] } {
  const told: string[] = [];
  const us = (seconds: number) => Math.round(seconds * 1e6);
  const profile = new WriteProfile({
    stage: (stage, seconds) => told.push(`${stage} ${us(seconds)}`),
    memberStage: (stage, member, seconds) => told.push(`${stage} ${member} ${us(seconds)}`),
  });
  return { profile, told };
}

const BATCH: LastBatch = { from: 100, to: 300, beganMs: 100.05, writtenMs: 100.09, syncedMs: 100.15 };

/** A write that ends at 200, from 99.98 ms on, as far as its commit at 100.4 ms. */
function followOne(profile: WriteProfile): void {
  profile.published(200, 99.98, 100);
  profile.shipped('b', 200, 100.01);
  profile.shipped('c', 250, 100.02);
  profile.durable(300, () => BATCH, 100.18);
  profile.acked('c', 199, 100.3);
  profile.acked('c', 250, 100.39);
  expect(profile.committed(199, 100.4)).toBeUndefined();
  const committed = profile.committed(250, 100.4) as CommittedWrite;
  expect(profile.committed(250, 100.4)).toBeUndefined();
  profile.answered(committed, 100.41);
  profile.acked('b', 200, 101);
}

test('a write is followed from its first append to its answers, and at each member', () => {
  const { profile, told } = rig();
  followOne(profile);
  expect(told).toEqual([
    ...['sequence 20', 'ship b 10', 'ship c 20', 'wait 50', 'write 40', 'sync 60', 'notice 30'],
    ...['follower c 370', 'quorum 400', 'reply 10', 'total 430', 'follower b 990'],
  ]);
});

describe('the next one', () => {
  test('is followed when the one before is done, and some time has passed', () => {
    const { profile, told } = rig();
    followOne(profile);
    told.length = 0;
    profile.published(400, 105, 105.1);
    expect(told).toEqual([]);
    profile.published(500, 111, 111.1);
    expect(told).toEqual(['sequence 100']);
    profile.published(600, 125, 125.1);
    expect(told).toEqual(['sequence 100']);
  });

  test('is followed although a member has never answered, after a while', () => {
    const { profile, told } = rig();
    profile.published(200, 100, 100);
    profile.shipped('b', 200, 100);
    profile.published(300, 5_000, 5_000);
    profile.published(400, 10_200, 10_200);
    expect(told).toEqual(['sequence 0', 'ship b 0', 'sequence 0']);
    // The ack of what is followed no more says nothing.
    profile.acked('b', 400, 10_201);
    expect(told).toHaveLength(3);
  });

  test('is followed when a reign has ended before the one before was committed', () => {
    const { profile, told } = rig();
    profile.published(200, 100, 100);
    profile.reset();
    expect(profile.committed(200, 101)).toBeUndefined();
    profile.published(200, 120, 120);
    expect(told).toEqual(['sequence 0', 'sequence 0']);
  });
});

test('answers belong to the write that was committed, although the next one is published before they leave', () => {
  const { profile, told } = rig();
  profile.published(200, 99.9, 100);
  profile.durable(200, () => undefined, 100.2);
  const committed = profile.committed(200, 110) as CommittedWrite;
  profile.published(300, 110, 110.5);
  profile.answered(committed, 111);
  expect(told).toEqual(['sequence 100', 'quorum 10000', 'sequence 500', 'reply 1000', 'total 11100']);
});

test.each<[string, LastBatch | undefined]>([
  ['the writer is about to note another one', undefined],
  ['the writer is a batch further', { ...BATCH, from: 200, to: 400 }],
])('nothing is said of the disk if %s', (_why, batch) => {
  const { profile, told } = rig();
  profile.published(200, 100, 100);
  profile.durable(400, () => batch, 101);
  expect(told).toEqual(['sequence 0']);
});
