/** The report of a suite: one HTML page that opens without a network. Pure: results in, text out. */
import { page, type Section, type Table } from '../../src/plot/page.js';
import { formatQuantity, type Unit } from '../../src/plot/quantity.js';
import { relativeRange, type Spread, spreadOf } from '../statistics/spread.js';
import type { Measurement } from './measurement.js';
import {
  batchSizePlot,
  latencyPlot,
  openLoopPlot,
  percentilePlot,
  probePlot,
  rowBars,
  rowsOfSweep,
  sweepPlot,
  syncTimePlot,
  throughputPlot,
} from './report-plots.js';
import type { Machine, Results } from './results-file.js';
import { noiseSentence, percentText, rowsOf, type SweepRow } from './sweep-row.js';
import { type SyncFit, syncFitsOf } from './sync-fits.js';
import { waterfall } from './waterfall.js';

/** The whole file. `further`: sections of other benchmarks, behind those of the suite. */
export function reportOf({ machine, measurements }: Results, further: readonly Section[] = []): string {
  const rows = rowsOf(measurements);
  const sections = [
    loadSection(rows),
    batchSection(rows, syncFitsOf(measurements)),
    stageSection(rows),
    shapeSection(rows),
    settingsSection(rows),
    openLoopSection(rows),
    noiseSection(measurements),
    tableSection(rows),
  ];
  return page({
    title: 'Cairn: benchmark suite',
    text: [...introduction(machine, measurements), ...present([noiseSentence(rows)])],
    sections: [...sections.filter(showsSomething), ...further],
    footer: `cairn bench suite, Cairn ${machine.cairn}. What the numbers mean: docs/benchmarks.md.`,
  });
}

function showsSomething({ plots = [], table }: Section): boolean {
  return plots.length > 0 || table !== undefined;
}

function introduction(machine: Machine, measurements: readonly Measurement[]): string[] {
  const { processor, processors, memoryBytes, system, nodeJs, startedAt, seconds, warmupSeconds } = machine;
  const disks = [...new Set(measurements.map(({ disk }) => disk))].join(', ');
  return [
    `${startedAt.slice(0, 16).replace('T', ' ')} UTC. ${processors} × ${processor}, ${formatQuantity(memoryBytes, 'bytes')} of memory, ${system}, Node ${nodeJs}, disk access: ${disks}.`,
    `${measurements.length} measurements of ${seconds} s each, after ${warmupSeconds} s of warm-up. Every number is the median of the repetitions of its point; bands and bars' thin lines go from the least to the most of them. Events have 256 bytes and requests one event where nothing else is said.`,
    'An answer means that the event is on disk, synced, on the node or on a quorum of three, except where it says “not durable”.',
  ];
}

function loadSection(rows: readonly SweepRow[]): Section {
  return {
    title: 'Load',
    text: [
      'Closed loop: so many requests are always open, and each answer lets the next go. While a batch is being synced the next one gathers, so throughput rises with the requests in flight at almost the same latency, until the disk or the processors are full. In process: without a network. Over ws: client and nodes share this machine.',
    ],
    plots: present([
      throughputPlot(rows),
      latencyPlot(rows),
      percentilePlot(rowsOfSweep(rows, 'in-process')),
      percentilePlot(closedLoop([...rowsOfSweep(rows, 'over-ws'), ...rowsOfSweep(rows, 'three-nodes')])),
    ]),
  };
}

function closedLoop(rows: readonly SweepRow[]): SweepRow[] {
  return rows.filter(({ rate }) => rate === 0);
}

function batchSection(rows: readonly SweepRow[], fits: readonly SyncFit[]): Section {
  const inProcess = rowsOfSweep(rows, 'in-process');
  return {
    title: 'Batches and syncs',
    text: [
      'What the writer thread did, batch by batch. The fitted line says what a sync costs by itself and what each byte adds; where the two are equal, larger batches stop paying.',
    ],
    plots: present([
      batchSizePlot(inProcess, 'in process'),
      batchSizePlot(closedLoop(rowsOfSweep(rows, 'over-ws')), 'one node over ws'),
      batchSizePlot(closedLoop(rowsOfSweep(rows, 'three-nodes')), 'three nodes'),
      syncTimePlot(fits),
      rowBars(inProcess, 'Bytes on disk for each byte of records', 'diskBytesPerRecordByte'),
    ]),
    ...(fits.length === 0 ? {} : { table: fitTable(fits) }),
  };
}

function stageSection(rows: readonly SweepRow[]): Section {
  const nodes = closedLoop([...rowsOfSweep(rows, 'over-ws'), ...rowsOfSweep(rows, 'three-nodes')]);
  return {
    title: 'Where a write’s time goes',
    text: [
      'A leader follows one write at a time through its stages. Its own disk and the other members work at the same time; the answer goes out when a quorum has the write on disk. Each bar is the mean of its stage over all writes that were followed, so that bars add up; a busy machine makes means much longer than medians.',
    ],
    plots: present(nodes.filter(({ inFlight }) => [1, 256].includes(inFlight)).map(waterfall)),
  };
}

function fitTable(fits: readonly SyncFit[]): Table {
  return {
    columns: [
      { name: 'how' },
      { name: 'each batch', align: 'right' },
      { name: 'each KiB', align: 'right' },
      { name: 'bytes that cost as much as the batch', align: 'right' },
      { name: 'points off the line by', align: 'right' },
      { name: 'batches', align: 'right' },
    ],
    rows: fits.map(({ what, points, fit }) => {
      const batches = points.reduce((sum, point) => sum + point.batches, 0).toLocaleString('en');
      if (fit === undefined) return [what, '–', '–', '–', '–', batches];
      const { fixed, perUnit, relativeError } = fit;
      const even = perUnit > 0 && fixed > 0 ? formatQuantity(fixed / perUnit, 'bytes') : '–';
      return [
        what,
        formatQuantity(fixed, 'microseconds'),
        formatQuantity(perUnit * 1024, 'microseconds'),
        even,
        percentText(relativeError),
        batches,
      ];
    }),
  };
}

function shapeSection(rows: readonly SweepRow[]): Section {
  const sizes = rowsOfSweep(rows, 'event-size');
  const requests = rowsOfSweep(rows, 'request-size');
  const size = { name: 'eventBytes', label: 'bytes of data in an event' } as const;
  const perRequest = { name: 'eventsPerRequest', label: 'events in a request' } as const;
  return {
    title: 'Shape of the load',
    text: [
      'Event sizes: in process, unless only nodes were measured. Events in a request: over ws, 128 requests in flight.',
    ],
    plots: present([
      sweepPlot(sizes, 'Records written, by event size', size, {
        name: 'recordMBps',
        label: 'records, 10⁶ bytes a second',
        unit: 'plain',
      }),
      sweepPlot(sizes, 'Latency by event size', size, {
        name: 'p50Us',
        label: 'median time to the answer',
        unit: 'microseconds',
      }),
      sweepPlot(requests, 'Throughput by events in a request', perRequest, {
        name: 'eventsPerSecond',
        label: 'events a second',
        unit: 'count',
      }),
      sweepPlot(requests, 'Latency by events in a request', perRequest, {
        name: 'p50Us',
        label: 'median time to the answer',
        unit: 'microseconds',
      }),
    ]),
  };
}

function settingsSection(rows: readonly SweepRow[]): Section {
  const caps = rowsOfSweep(rows, 'batch-cap');
  const chunks = rowsOfSweep(rows, 'chunk-size');
  const syncModes = varied(rowsOfSweep(rows, 'sync-mode'), 'syncMode');
  const chunkStates = varied(rowsOfSweep(rows, 'prewrite'), 'chunks');
  const cap = { name: 'batchBytesMax', label: 'BatchBytesMax' } as const;
  const chunk = { name: 'chunkSize', label: 'ChunkSize' } as const;
  return {
    title: 'Settings',
    text: [
      'In process. The batch cap with events of 4 KiB, 1,024 in flight. “No sync” writes and does not sync: what it acknowledges a power cut takes. It is a lower bound, and no setting of a node. “Fresh”: the blocks of the first chunk are merely reserved; a node fills its first 64 MiB with zeros, and later chunks while the one before fills.',
    ],
    plots: present([
      sweepPlot(caps, 'Throughput by batch cap', cap, {
        name: 'eventsPerSecond',
        label: 'events a second',
        unit: 'count',
      }),
      sweepPlot(caps, 'Tail latency by batch cap', cap, {
        name: 'p99Us',
        label: '99th percentile',
        unit: 'microseconds',
      }),
      rowBars(syncModes, 'Latency by sync mode', 'p50Us'),
      rowBars(syncModes, 'Throughput by sync mode', 'eventsPerSecond'),
      sweepPlot(chunks, 'Throughput by chunk size', chunk, {
        name: 'eventsPerSecond',
        label: 'events a second',
        unit: 'count',
      }),
      rowBars(chunkStates, 'Latency, fresh and prewritten', 'p50Us'),
    ]),
  };
}

/** None, if all of them are the same in what is to be compared. */
function varied(rows: readonly SweepRow[], field: 'syncMode' | 'chunks'): readonly SweepRow[] {
  return new Set(rows.map((row) => row[field])).size > 1 ? rows : [];
}

function openLoopSection(rows: readonly SweepRow[]): Section {
  const open = rows.filter(({ rate }) => rate > 0);
  const late = open.filter(({ rate, eventsPerSecond }) => eventsPerSecond.median < 0.97 * rate);
  const kept = late.map(({ rate, eventsPerSecond }) => {
    return `${formatQuantity(rate, 'count')} (${formatQuantity(eventsPerSecond.median, 'count')} reached)`;
  });
  return {
    title: 'Open loop',
    text: [
      'Requests start on a schedule whether or not earlier ones were answered, and latency counts from the schedule: a stall counts for everybody who would have come meanwhile.',
      ...(kept.length === 0
        ? []
        : [`Not reached, so that the latency there is that of a growing queue: ${kept.join(', ')}.`]),
    ],
    plots: present([openLoopPlot(rows), percentilePlot(open)]),
  };
}

function noiseSection(measurements: readonly Measurement[]): Section {
  const probes = spreadOf(
    measurements.filter(({ syncMode }) => syncMode === 'fdatasync').map(({ probe4kP50Us }) => probe4kP50Us),
  );
  const text =
    probes.count === 0
      ? []
      : [
          `A durable 4 KiB write on the bare disk took ${spreadText(probes, 'microseconds')}. If this varies by a factor, so does everything above: trust ratios, and repeat.`,
        ];
  return { title: 'What the machine did meanwhile', text, plots: present([probePlot(measurements)]) };
}

function tableSection(rows: readonly SweepRow[]): Section {
  const number = (name: string) => ({ name, align: 'right' }) as const;
  return {
    title: 'All points',
    table: {
      columns: [
        { name: 'what' },
        number('events/s'),
        number('spread'),
        number('p50'),
        number('spread'),
        number('p99'),
        number('p99.9'),
        number('probe 4 KiB'),
        number('p50 / probe'),
        number('probe 1 MiB, MB/s'),
        number('records, MB/s'),
        number('batch'),
        number('write and sync'),
        number('disk / record'),
        number('runs'),
        number('errors'),
      ],
      rows: rows.map((row) => [
        row.what,
        Math.round(row.eventsPerSecond.median).toLocaleString('en'),
        percentText(relativeRange(row.eventsPerSecond)),
        ...[row.p50Us.median].map((us) => formatQuantity(us, 'microseconds')),
        percentText(relativeRange(row.p50Us)),
        formatQuantity(row.p99Us.median, 'microseconds'),
        formatQuantity(row.p999Us.median, 'microseconds'),
        formatQuantity(row.probe4kP50Us.median, 'microseconds'),
        formatQuantity(row.p50OverProbe.median, 'ratio'),
        formatQuantity(row.probe1mMBps.median, 'plain'),
        formatQuantity(row.recordMBps.median, 'plain'),
        formatQuantity(row.batchBytes.median, 'bytes'),
        formatQuantity(row.batchUs.median, 'microseconds'),
        formatQuantity(row.diskBytesPerRecordByte.median, 'ratio'),
        String(row.eventsPerSecond.count),
        row.errors === 0 ? '0' : { text: String(row.errors), tone: 'bad' as const },
      ]),
    },
  };
}

function spreadText({ median, least, most }: Spread, unit: Unit): string {
  return `${formatQuantity(median, unit)} (median; ${formatQuantity(least, unit)} to ${formatQuantity(most, unit)})`;
}

function present(texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined);
}
