/** `cairn zones measure`: flags, and what is printed. Main thread. */
import { writeFileSync } from 'node:fs';
import { Interruption } from '../../src/cli/cluster/interruption.js';
import { type FlagValues, numberOf } from '../flags.js';
import { rounded } from '../rounded.js';
import { type Buckets, bucketPercentile } from '../statistics/metrics-text.js';
import { type ClusterMeasurement, type MemberMeasurement, measureCluster } from './measure.js';
import { measuredTopology } from './measured-topology.js';
import { textTable } from './text-table.js';
import { topologyAsYaml } from './topology-file.js';
import { outputOf, wholeNumberOf } from './zone-flags.js';

const WRITES = { default: 0, min: 0, max: 100_000 } as const;
const SECONDS_DEFAULT = 10;

/** `--url` is a list, all else text. */
export type MeasureFlags = Omit<FlagValues, 'url'> & { readonly url: readonly string[] };

export async function runMeasure({ url, ...rest }: MeasureFlags): Promise<void> {
  const flags = rest as FlagValues;
  const output = outputOf(flags);
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    const measured = await measureCluster({
      urls: url,
      seconds: numberOf(flags, 'seconds', SECONDS_DEFAULT),
      writesPerSecond: wholeNumberOf(flags, 'write', WRITES),
      eventBytes: numberOf(flags, 'eventBytes'),
      signal: interruption.signal,
    });
    if (flags['saveTopology'] !== undefined)
      writeFileSync(flags['saveTopology'], topologyAsYaml(measuredTopology(measured)));
    if (output === 'json') console.log(JSON.stringify(asJson(measured)));
    else for (const line of measurementLines(measured)) console.log(line);
  } finally {
    interruption.release();
  }
}

function measurementLines({ leader, members, commit, disk }: ClusterMeasurement): readonly string[] {
  const rows = members.map((member) => [
    member.name,
    member.zone,
    member.isLeader ? 'leader' : member.role,
    shown(member.roundTripMs),
    shown(member.diskMs),
    member.ack === undefined ? '' : String(member.ack.count),
    shown(percentileMs(member.ack, 50)),
    shown(percentileMs(member.ack, 99)),
    shown(linkMs(member)),
  ]);
  const stages = [['quorum', commit] as const, ...disk].map(([stage, buckets]) => {
    return [stage, buckets.count, shown(percentileMs(buckets, 50)), shown(percentileMs(buckets, 99))];
  });
  return [
    ...textTable(
      [
        'member',
        'zone',
        'role',
        'round trip ms',
        'disk ms',
        'acks',
        'ack p50 ms',
        'ack p99 ms',
        'of it link ms',
      ],
      rows,
    ),
    'round trip: from here. ack: from when a range has left the leader until the ack is there. of it link: besides the disk, that is, the network and the programs.',
    '',
    `at the leader, ${leader}`,
    ...textTable(['stage', 'writes', 'p50 ms', 'p99 ms'], stages),
    whoDecides(members, disk),
  ];
}

/** What the medians say. */
function whoDecides(members: readonly MemberMeasurement[], disk: ReadonlyMap<string, Buckets>): string {
  const diskMs = [...disk.values()].reduce((sum, buckets) => sum + percentileMs(buckets, 50)!, 0);
  const voters = members.filter(({ role }) => role === 'voter');
  const acks = voters
    .filter(({ ack }) => ack !== undefined)
    .sort((a, b) => percentileMs(a.ack, 50)! - percentileMs(b.ack, 50)!);
  const last = acks[Math.floor(voters.length / 2) - 1];
  const ackMs = percentileMs(last?.ack, 50) ?? 0;
  if (last === undefined || ackMs <= diskMs)
    return `a commit mostly waits for the leader's own disk, ${shown(diskMs)} ms`;
  const link = linkMs(last) ?? 0;
  const what = link > ackMs / 2 ? 'the network' : 'its disk';
  return `a commit mostly waits for ${last.name}, ${shown(ackMs)} ms, most of it for ${what}; the leader's own disk is done after ${shown(diskMs)} ms`;
}

function linkMs({ ack, diskMs }: MemberMeasurement): number | undefined {
  const ackMs = percentileMs(ack, 50);
  return ackMs === undefined || diskMs === undefined ? undefined : Math.max(0, ackMs - diskMs);
}

function percentileMs(buckets: Buckets | undefined, percentile: number): number | undefined {
  return buckets === undefined ? undefined : bucketPercentile(buckets, percentile) * 1000;
}

function shown(ms: number | undefined): string {
  return ms === undefined ? '' : String(rounded(ms, 2));
}

function asJson({ leader, members, commit, disk }: ClusterMeasurement): object {
  const told = members.map((member) => ({
    ...member,
    linkMs: linkMs(member),
    ackP50Ms: percentileMs(member.ack, 50),
    ackP99Ms: percentileMs(member.ack, 99),
  }));
  return {
    leader,
    members: told,
    commit,
    commitP50Ms: percentileMs(commit, 50),
    commitP99Ms: percentileMs(commit, 99),
    disk: Object.fromEntries(disk),
  };
}
