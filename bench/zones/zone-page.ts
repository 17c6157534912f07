/** A simulation as a page: the zones with their round trips, the distribution of a write's time by ack policy, measured and predicted, and one commit in time. Pure. */
import { linePlot, type Series } from '../../src/plot/line-plot.js';
import { page, type Section } from '../../src/plot/page.js';
import { formatQuantity } from '../../src/plot/quantity.js';
import { type Arrow, type Span, timeLine } from '../../src/plot/time-line.js';
import { zoneMap } from '../../src/plot/zone-map.js';
import { roundTripMs } from './link-shape.js';
import type { SavedCommit, SavedResult, SavedRun } from './saved-run.js';
import { linkKey, linkOf, nodeNamed, type Topology, votersIn } from './topology.js';

const COLOUR = { leader: 0, client: 1, follower: 2, link: 4 } as const;
/** Beyond it a curve tells of single writes, and would press all others against the axis. */
const CURVE_PERCENTILE_MAX = 0.99;
const PREDICTION_TOLERANCE = 0.15;

/** The whole file. */
export function zonePage({ topology, results }: SavedRun, footer: string): string {
  const { name, source, client, leader } = topology;
  return page({
    title: `Writing across zones: ${name}`,
    text: [
      `The client is in ${client}, ${leader} leads. Real nodes on one machine, whose links are held up as the topology says; the disk is the machine's own.`,
      source,
    ].filter((text) => text !== ''),
    sections: [mapSection(topology), policySection(results), ...timeLineSection(topology, results)],
    footer,
  });
}

function topologyMap(topology: Topology): string {
  const { name, zones, nodes, client, leader } = topology;
  const leaderZone = nodeNamed(topology, leader).zone;
  const voterZones = new Set(votersIn(topology).map(({ zone }) => zone));
  const places = zones.map((zone) => {
    const here = nodes
      .filter((node) => node.zone === zone)
      .map((node) => {
        return `${node.name}${node.name === leader ? ' (leads)' : ''}${node.kind === 'clone' ? ' (clone)' : ''}`;
      });
    const notes = [...here, ...(zone === client ? ['client'] : [])];
    return {
      name: zone,
      notes,
      colour: zone === leaderZone ? COLOUR.leader : notes.length > 0 ? COLOUR.follower : COLOUR.link,
    };
  });
  const links = zones.flatMap((from, index) =>
    zones.slice(index + 1).map((to) => {
      const rtt = roundTripMs(linkOf(topology, from, to)) / 2 + roundTripMs(linkOf(topology, to, from)) / 2;
      const isUsed =
        (from === leaderZone && voterZones.has(to)) || (to === leaderZone && voterZones.has(from));
      return {
        from,
        to,
        label: formatQuantity(rtt, 'milliseconds'),
        ...(isUsed ? { colour: COLOUR.leader } : {}),
      };
    }),
  );
  const description = `Zones ${zones.join(', ')} and the median round trips between them; ${leader} leads`;
  return zoneMap({ title: `${name}: median round trips`, description, places, links });
}

function mapSection(topology: Topology): Section {
  const within = roundTripMs(topology.links.get(linkKey(topology.client, topology.client))!);
  const text = `Median round trips between zones; within ${topology.client} it is ${formatQuantity(within, 'milliseconds')}. The links that a commit can wait for are drawn strong.`;
  return { title: 'The zones', text: [text], plots: [topologyMap(topology)] };
}

function policySection(results: readonly SavedResult[]): Section {
  const axes = {
    x: { label: 'time of a write', unit: 'milliseconds', scale: 'log' },
    y: { label: 'share of writes that took no longer', unit: 'percent', scale: 'linear', to: 100 },
  } as const;
  const series = results.flatMap(({ policy, latenciesMs, predictedMs }, index): Series[] => [
    { name: policy.replace('-and-', ' + '), points: curve(latenciesMs), as: 'curve', colour: index },
    { name: '', points: curve(predictedMs), as: 'dashed', colour: index },
  ]);
  const description = results
    .map(
      ({ policy, p50Ms, predictedP50Ms }) =>
        `${policy}: median ${formatQuantity(p50Ms, 'milliseconds')}, predicted ${formatQuantity(predictedP50Ms, 'milliseconds')}`,
    )
    .join('; ');
  return {
    title: 'By ack policy',
    text: [
      'Solid: measured. Dashed: predicted, from what this machine itself takes (measured on even links) and the links of the topology. Up to the 99th percentile.',
    ],
    plots: [linePlot({ title: 'How long a write takes', description, ...axes, series })],
    table: {
      columns: [
        'ack policy',
        'writes',
        'p50',
        'medians of rounds',
        'p50 predicted',
        'error',
        'p99',
        'p99 predicted',
        'messages a write',
      ].map((name, index) => ({ name, ...(index === 0 ? {} : { align: 'right' as const }) })),
      rows: results.map((result) => [
        result.policy,
        String(result.writes),
        formatQuantity(result.p50Ms, 'milliseconds'),
        result.spreadMs.map((ms) => formatQuantity(ms, 'milliseconds')).join(' to '),
        formatQuantity(result.predictedP50Ms, 'milliseconds'),
        {
          text: `${(result.p50Error * 100).toFixed(1)} %`,
          tone: Math.abs(result.p50Error) <= PREDICTION_TOLERANCE ? 'good' : 'bad',
        },
        formatQuantity(result.p99Ms, 'milliseconds'),
        formatQuantity(result.predictedP99Ms, 'milliseconds'),
        result.messagesPerWrite.toFixed(1),
      ]),
    },
  };
}

function curve(rising: readonly number[]) {
  const shown = Math.max(1, Math.floor(rising.length * CURVE_PERCENTILE_MAX));
  return rising.slice(0, shown).map((x, index) => ({ x, y: ((index + 1) / rising.length) * 100 }));
}

/** The policy that waits for most, as far as one write of it was kept. */
function timeLineSection(topology: Topology, results: readonly SavedResult[]): Section[] {
  const kept = results.filter(({ example }) => example !== undefined && example.acks.length > 0);
  const chosen = kept.find(({ policy }) => policy === 'quorum') ?? kept.at(-1);
  if (chosen?.example === undefined) return [];
  const text = `One write of about the median time with ack policy ${chosen.policy}. Bars are what a node did, its disk included; arrows are messages on a link. Acks that come after the answer were not waited for.`;
  return [{ title: 'A commit in time', text: [text], plots: [commitLine(topology, chosen.example)] }];
}

function commitLine({ leader }: Topology, { append, appended, ranges, acks }: SavedCommit): string {
  const at = (ms: number) => ms - append.enteredMs;
  const lanes = ['client', leader, ...ranges.map(({ to }) => to)];
  const spans: Span[] = [
    {
      lane: leader,
      from: at(append.leftMs),
      to: at(appended.enteredMs),
      label: 'request to answer',
      colour: COLOUR.leader,
    },
  ];
  const arrows: Arrow[] = [
    {
      fromLane: 'client',
      toLane: leader,
      from: 0,
      to: at(append.leftMs),
      label: 'append',
      colour: COLOUR.client,
    },
    {
      fromLane: leader,
      toLane: 'client',
      from: at(appended.enteredMs),
      to: at(appended.leftMs),
      label: 'appended',
      colour: COLOUR.client,
    },
  ];
  for (const range of ranges) {
    arrows.push({
      fromLane: leader,
      toLane: range.to,
      from: at(range.enteredMs),
      to: at(range.leftMs),
      label: 'range',
    });
    const ack = acks.find(({ from }) => from === range.to);
    if (ack === undefined) continue;
    spans.push({
      lane: range.to,
      from: at(range.leftMs),
      to: at(ack.enteredMs),
      label: 'received to acked',
      colour: COLOUR.follower,
    });
    arrows.push({
      fromLane: range.to,
      toLane: leader,
      from: at(ack.enteredMs),
      to: at(ack.leftMs),
      label: 'ack',
    });
  }
  const x = {
    label: 'time since the client sent its request',
    unit: 'milliseconds',
    scale: 'linear',
  } as const;
  return timeLine({ title: 'Who waits for whom', x, lanes, spans, arrows });
}
