/**
 * Where a write's time goes, as a picture: what the leader, its disk and the other members do one after the other and at the same time. Pure. Each
 * bar is the mean of its stage: medians would not add up.
 */
import { timeLine } from '../../src/plot/time-line.js';
import type { StageTime } from '../statistics/write-stages.js';
import { labelOf } from './configuration.js';
import type { SweepRow } from './sweep-row.js';

const LEADER = 'leader';
const DISK = 'its disk';

/** Undefined if the stages of the row's writes aren't known. */
export function waterfall(row: SweepRow): string | undefined {
  const means = new Map(row.stages.map((time) => [keyOf(time), time.meanUs]));
  const stage = (name: string, member?: string) => means.get(keyOf({ stage: name, member })) ?? 0;
  if (!means.has('total')) return undefined;
  const published = stage('sequence');
  const committed = published + stage('quorum');
  const members = [...new Set(row.stages.flatMap(({ member }) => member ?? []))];
  const lanes = [LEADER, DISK, ...members.map((_, index) => followerLane(index))];
  return timeLine({
    title: `Where a write’s time goes: ${labelOf(row)}`,
    description: `Means of ${Math.max(...row.stages.map(({ writes }) => writes)).toLocaleString('en')} writes that the leader followed`,
    x: { label: 'since the first append of the turn', unit: 'microseconds', scale: 'linear' },
    lanes,
    spans: [
      { lane: LEADER, from: 0, to: published, label: 'sequence' },
      { lane: LEADER, from: committed, to: committed + stage('reply'), label: 'reply' },
      ...consecutive(published, ['wait', 'write', 'sync', 'notice'], stage),
      ...members.map((member, index) => {
        const from = published + stage('ship', member);
        return {
          lane: followerLane(index),
          from,
          to: from + stage('follower', member),
          label: 'there, its disk, and back',
          colour: 2,
        };
      }),
    ],
    arrows: members.map((member, index) => {
      const to = published + stage('ship', member);
      return { fromLane: LEADER, toLane: followerLane(index), from: published, to, label: 'ship' };
    }),
  });
}

/** One behind the other, on the leader's disk. */
function consecutive(start: number, names: readonly string[], stage: (name: string) => number) {
  let at = start;
  return names.map((label, index) => {
    const from = at;
    at += stage(label);
    return { lane: DISK, from, to: at, label, colour: index % 2 === 0 ? 1 : 3 };
  });
}

/** Members are named by their ports, which mean nothing to a reader. */
function followerLane(index: number): string {
  return `follower ${index + 1}`;
}

function keyOf({ stage, member }: Pick<StageTime, 'stage' | 'member'>): string {
  return member === undefined ? stage : `${stage} of ${member}`;
}
