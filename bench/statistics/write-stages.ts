/** Where a write's time went between two scrapes of a leader that profiles writes, stage by stage. Pure. */
import { MEMBER_STAGES, WRITE_STAGES } from '../../src/node/write-profile.js';
import { rounded } from '../rounded.js';
import { type Buckets, bucketPercentile, bucketsBetween, type Metrics } from './metrics-text.js';

export interface StageTime {
  /** See {@link WRITE_STAGES} and {@link MEMBER_STAGES}. */
  readonly stage: string;
  /** Which other member it is about; undefined: the leader itself. */
  readonly member?: string;
  /** How many writes were followed through it. */
  readonly writes: number;
  readonly meanUs: number;
  readonly p50Us: number;
}

/** In the order of the stages; those that nothing was seen of are left out. */
export function stagesBetween(before: Metrics, after: Metrics): StageTime[] {
  const own = WRITE_STAGES.map((stage) => ({ series: 'cairn_write_stage_seconds', labels: { stage } }));
  const ofMembers = membersIn(after).flatMap((member) =>
    MEMBER_STAGES.map((stage) => ({ series: 'cairn_replication_stage_seconds', labels: { stage, member } })),
  );
  return [...own, ...ofMembers].flatMap(({ series, labels }) => {
    const buckets = bucketsBetween(before, after, series, labels);
    return buckets === undefined ? [] : [{ ...labels, ...timeOf(buckets) }];
  });
}

function timeOf(buckets: Buckets): Pick<StageTime, 'writes' | 'meanUs' | 'p50Us'> {
  const { count, sum } = buckets;
  const microseconds = (seconds: number) => rounded(seconds * 1e6, 1);
  return {
    writes: count,
    meanUs: microseconds(sum / count),
    p50Us: microseconds(bucketPercentile(buckets, 50)),
  };
}

function membersIn(metrics: Metrics): string[] {
  const found = [...metrics.keys()].flatMap((series) => {
    const member = /^cairn_replication_stage_seconds_count\{.*member="([^"]*)"/.exec(series)?.[1];
    return member === undefined ? [] : [member];
  });
  return [...new Set(found)].sort();
}
