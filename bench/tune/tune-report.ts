/** The HTML page of `cairn tune disk --report`: what was measured, the line through it, and what the engine made of the prediction. Pure. */
import { linePlot, type Point, type Series } from '../../src/plot/line-plot.js';
import { type Cell, page, type Section, type Table } from '../../src/plot/page.js';
import type { CheckRow } from './check-row.js';
import { batchRate, batchUs, type CostModel } from './cost-model.js';
import type { EngineRun } from './engine-runs.js';
import { sizeText } from './host-checks.js';
import { RATE_SHARE } from './proposal.js';
import { pointsOf, type Sweep, undisturbedUs } from './sweep-point.js';
import type { TuneResult } from './tune-run.js';
import {
  CHECK_COLUMNS,
  checkCells,
  choiceTable,
  loadsText,
  measurementTable,
  type TextTable,
  trustText,
  verificationTable,
} from './tune-text.js';

/** A curve of so many pieces looks smooth. */
const CURVE_STEPS = 40;
const SIZE_AXIS = { label: 'bytes made durable at once', unit: 'bytes', scale: 'log' } as const;

export function tuneReport(result: TuneResult, when: Date): string {
  const { sweep, proposal, predictions } = result;
  const sections: Section[] = [];
  const choices = choiceTable(result);
  if (choices !== undefined)
    sections.push({ title: 'Settings', text: [GOAL_TEXT[result.goal]], table: htmlTable(choices) });
  if (sweep !== undefined && sweep.points.length > 0) sections.push(diskSection(sweep));
  if (sweep !== undefined && proposal !== undefined) sections.push(costSection(result));
  if (predictions.length > 0) sections.push(engineSection(result));
  sections.push({ title: 'Checks', text: [CHECKS_TEXT], table: checkTable(result.checks) });
  if (sweep !== undefined)
    sections.push({ title: 'All measurements', table: htmlTable(measurementTable(sweep.points)) });
  return page({
    title: `Disk tuning: ${result.goal}`,
    text: [
      `${result.folder}, ${when.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${result.seconds.toFixed(0)} s`,
      NOISE_TEXT,
      ...[trustText(result) ?? []].flat(),
    ],
    sections,
    footer: `cairn tune disk --goal ${result.goal} --report`,
  });
}

const GOAL_TEXT = {
  latency:
    'Latency: a batch may be so large that the disk reaches half of its rate, and no larger: whoever comes while one is being written waits for it.',
  balanced: 'Balanced: the smallest batch with which the disk reaches 80 % of its rate.',
  throughput: 'Throughput: the smallest batch with which the disk reaches 95 % of its rate.',
} as const;
const NOISE_TEXT =
  'All points are measured in several rounds, in turn. Bands and whiskers show how far rounds were apart: what differs by less is not different. On a shared machine, run it again.';
const CHECKS_TEXT =
  "A check of severity error that fails makes the tuner refuse. What can't be found out here, as in a container, is unknown and never a failure.";

/** Time of a durable write over its size, in the four ways in which a node could write. */
function diskSection({ points, path }: Sweep): Section {
  const series = (['fdatasync', 'dsync'] as const).flatMap((mode, modeIndex) =>
    (['prewritten', 'fresh'] as const).map((blocks, blocksIndex): Series => {
      const found = pointsOf(points, { path, mode, blocks, depth: 1 });
      const of = found.map(({ bytes, p50Us, spread }) => ({ x: bytes, y: p50Us, ...around(p50Us, spread) }));
      return { name: `${mode}, ${blocks}`, points: of, colour: modeIndex * 2 + blocksIndex };
    }),
  );
  const others: Series[] = [
    { name: 'two at a time', points: medians(points, path, 2), as: 'marks', colour: 4 },
    ...(path === 'native'
      ? [
          {
            name: 'plain JavaScript',
            points: medians(points, 'javascript', 1),
            as: 'marks',
            colour: 5,
          } as const,
        ]
      : []),
  ];
  const plot = linePlot({
    title: 'Time until a write is durable (median)',
    x: SIZE_AXIS,
    y: { label: 'time', unit: 'microseconds', scale: 'log' },
    series: [...series, ...others].filter((each) => each.points.length > 0),
  });
  const text =
    'Prewritten blocks are those that a node has filled with zeros ahead of the log; fresh ones are merely reserved. A node writes one batch at a time: two at a time, with fdatasync, are shown for what that would gain.';
  return { title: 'The disk', text: [text], plots: [plot] };
}

/** With fdatasync. */
function medians(points: Sweep['points'], path: Sweep['path'], depth: 1 | 2): Point[] {
  return pointsOf(points, { path, mode: 'fdatasync', blocks: 'prewritten', depth }).map(
    ({ bytes, p50Us }) => ({ x: bytes, y: p50Us }),
  );
}

function around(value: number, spread: number): Pick<Point, 'low' | 'high'> {
  return { low: value * (1 - spread / 2), high: value * (1 + spread / 2) };
}

/** The lines through the medians, and the rate that follows from them. */
function costSection({ sweep, proposal, goal }: TuneResult): Section {
  const { fresh, prewritten, settings } = proposal!;
  const { points, path } = sweep!;
  const mode = settings.SyncMode;
  const sizes = [...new Set(points.map(({ bytes }) => bytes))].sort((a, b) => a - b);
  const [least = 1, most = 1] = [sizes[0], sizes.at(-1)];
  const steps = Array.from(
    { length: CURVE_STEPS + 1 },
    (_, step) => least * (most / least) ** (step / CURVE_STEPS),
  );
  const curve = (cost: CostModel) => steps.map((bytes) => ({ x: bytes, y: batchRate(cost, bytes) * 1e6 }));
  const measured = (blocks: 'fresh' | 'prewritten') =>
    pointsOf(points, { path, mode, blocks, depth: 1 }).map((point) => ({
      x: point.bytes,
      y: (point.bytes / undisturbedUs(point)) * 1e6,
    }));
  const plot = linePlot({
    title: 'Bytes made durable in a second, by the size of a batch',
    x: SIZE_AXIS,
    y: { label: 'bytes a second', unit: 'bytes', scale: 'linear' },
    series: [
      { name: 'line, prewritten', points: curve(prewritten), as: 'dashed', colour: 0 },
      { name: 'measured', points: measured('prewritten'), as: 'marks', colour: 0 },
      ...(fresh === prewritten
        ? []
        : ([
            { name: 'line, fresh', points: curve(fresh), as: 'dashed', colour: 1 },
            { name: 'measured', points: measured('fresh'), as: 'marks', colour: 1 },
          ] as const)),
    ],
    rules: [
      { axis: 'x', at: settings.BatchBytesMax, label: `proposed: ${sizeText(settings.BatchBytesMax)}` },
    ],
  });
  const told = [['prewritten', prewritten] as const, ['fresh', fresh] as const].map(
    ([blocks, cost]) =>
      `${mode} to ${blocks} blocks: ${cost.perSyncUs.toFixed(0)} µs a sync and ${(cost.perByteUs * 1024 ** 2).toFixed(0)} µs a MiB, points at most ${(cost.errorMax * 100).toFixed(0)} % off.`,
  );
  const text = `A batch of b bytes costs a sync and b times a byte. The goal asks for ${RATE_SHARE[goal] * 100} % of the rate that endless batches would have.`;
  return { title: 'What a batch costs', text: [text, ...told], plots: [plot] };
}

/** Predicted and verified: the rate by the cap, and the time of each batch. */
function engineSection(result: TuneResult): Section {
  const { predictions, proposal } = result;
  const flood = predictions.filter(
    ({ run }) => run.load === 'flood' && run.settings.SyncMode === result.verification?.settings.SyncMode,
  );
  const sizes = flood.map(({ run }) => run.settings.BatchBytesMax);
  const chunkSize = flood[0]?.run.settings.ChunkSize;
  const byCap = flood
    .filter(({ run }) => run.settings.ChunkSize === chunkSize)
    .sort((a, b) => a.run.settings.BatchBytesMax - b.run.settings.BatchBytesMax);
  const mean = byCap[0]?.run.median;
  const plots: string[] = [];
  if (byCap.length > 1 && mean !== undefined) {
    const predicted = byCap.flatMap(({ run, predicted: each }) =>
      each === undefined ? [] : { x: run.settings.BatchBytesMax, y: each.eventsPerSecond * mean.recordBytes },
    );
    plots.push(
      linePlot({
        title: 'Bytes of records a second, by the batch cap',
        x: {
          label: 'BatchBytesMax',
          unit: 'bytes',
          scale: 'log',
          ticks: [...new Set(sizes)].map((at) => ({ at })),
        },
        y: { label: 'bytes a second', unit: 'bytes', scale: 'linear', from: 0 },
        series: [
          { name: 'predicted', points: predicted, as: 'dashed', colour: 0 },
          { name: 'verified', points: byCap.map(({ run }) => capPoint(run)), colour: 1 },
        ],
      }),
    );
  }
  plots.push(batchPlot(result));
  const text = `Loads, in a closed loop: ${loadsText()}. What the main thread costs, and what waking threads costs, is learned from one run of each load on the defaults. The engine's short runs write to prewritten blocks, as a node does at a rate that its zeros keep ahead of${proposal?.prewritingGain === undefined ? '' : `: a write of 4 KiB is ${proposal.prewritingGain.small.toFixed(1)} times as fast there as on fresh ones, one of 1 MiB ${proposal.prewritingGain.large.toFixed(1)} times`}.`;
  return { title: 'The engine', text: [text], plots, table: htmlTable(verificationTable(predictions)) };
}

function capPoint(run: EngineRun): Point {
  const y = run.median.megabytesPerSecond * 1e6;
  return { x: run.settings.BatchBytesMax, y, ...around(y, run.spread) };
}

function batchPlot({ predictions, proposal }: TuneResult): string {
  const all = predictions.map(({ run }) => run.median).sort((a, b) => a.batchBytes - b.batchBytes);
  const cost = proposal!.fresh;
  const verified = all.map(({ batchBytes, batchUs: y }) => ({ x: batchBytes, y }));
  return linePlot({
    title: 'Time of a batch in the engine, by its mean size',
    x: SIZE_AXIS,
    y: { label: 'time to write and sync', unit: 'microseconds', scale: 'log' },
    series: [
      {
        name: 'predicted',
        points: all.map(({ batchBytes }) => ({ x: batchBytes, y: batchUs(cost, batchBytes) })),
        as: 'dashed',
        colour: 0,
      },
      { name: 'verified', points: verified, as: 'marks', colour: 1 },
    ],
  });
}

function htmlTable({ columns, rows, numbers = [] }: TextTable): Table {
  return {
    columns: columns.map((name, index) => ({ name, align: numbers.includes(index) ? 'right' : 'left' })),
    rows,
  };
}

function checkTable(checks: readonly CheckRow[]): Table {
  return {
    columns: CHECK_COLUMNS.map((name) => ({ name })),
    rows: checks.map((row): Cell[] => {
      const cells = checkCells(row);
      const tone =
        row.passed === undefined ? 'muted' : row.passed ? 'good' : row.severity === 'info' ? 'muted' : 'bad';
      return [...cells.slice(0, -1), { text: cells.at(-1)!, tone }];
    }),
  };
}
