/**
 * One row of results, and how it is printed: as a JSON object on one line, or as a line of a table. Pure. A number in
 * a row is never text and never missing; what a run has nothing to say about is 0.
 */
import { alignUp } from '../src/base/bytes.js';
import type { SyncMode } from '../src/writer/commands.js';
import type { RunOptions } from './options.js';
import type { ProbeResult } from './probe.js';
import { rounded } from './rounded.js';

/** docs/performance.md explains every field to a user. */
export interface BenchRow {
  readonly bench: 'append' | 'read';
  readonly mode: 'engine' | 'ws';
  /** Where a read begins and ends: one stream, or the whole log. */
  readonly source?: 'stream' | 'all';
  readonly nodes: number;
  readonly connections: number;
  readonly streams: number;
  readonly inFlight: number;
  readonly eventBytes: number;
  readonly eventsPerRequest: number;
  /** Events a second asked for (open loop); 0 = as fast as answers come (closed loop). */
  readonly rate: number;
  readonly seconds: number;
  readonly errors: number;
  readonly eventsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  readonly probe4kP50Us: number;
  readonly probe1mMBps: number;
  readonly p50OverProbe: number;
  /** 10^6 bytes of records a second. */
  readonly recordMBps: number;
  readonly recordMBpsOverProbe: number;
  readonly diskBytesPerRecordByte: number;
  readonly disk: string;
  readonly syncMode: SyncMode;
}

/** What was measured, before ratios and rounding. */
export interface Measured {
  readonly events: number;
  readonly errors: number;
  readonly seconds: number;
  readonly latency: { readonly maxUs: number; percentileUs(percentile: number): number };
  /** Bytes of one record in the log. */
  readonly recordBytes: number;
  readonly diskBytesPerRecordByte: number;
}

/** Puts a run together. `identity` says what the options don't: which bench, and its own settings. */
export function makeRow(
  identity: Pick<BenchRow, 'bench' | 'source' | 'rate'>,
  options: RunOptions,
  probe: ProbeResult,
  measured: Measured,
): BenchRow {
  const { events, errors, seconds, latency, recordBytes } = measured;
  const { bench, source, rate } = identity;
  const p50Us = latency.percentileUs(50);
  const recordMBps = seconds === 0 ? 0 : (events * recordBytes) / seconds / 1e6;
  return {
    bench,
    mode: options.mode,
    ...(source === undefined ? {} : { source }),
    nodes: options.nodes,
    connections: options.connections,
    streams: options.streams,
    inFlight: options.inFlight,
    eventBytes: options.eventBytes,
    eventsPerRequest: options.eventsPerRequest,
    rate,
    seconds: rounded(seconds, 3),
    errors,
    eventsPerSecond: seconds === 0 ? 0 : Math.round(events / seconds),
    p50Us,
    p99Us: latency.percentileUs(99),
    p999Us: latency.percentileUs(99.9),
    maxUs: latency.maxUs,
    probe4kP50Us: rounded(probe.probe4kP50Us, 1),
    probe1mMBps: rounded(probe.probe1mMBps, 0),
    p50OverProbe: rounded(p50Us / probe.probe4kP50Us, 2),
    recordMBps: rounded(recordMBps, 1),
    recordMBpsOverProbe: rounded(recordMBps / probe.probe1mMBps, 3),
    diskBytesPerRecordByte: rounded(measured.diskBytesPerRecordByte, 3),
    disk: probe.diskKind,
    syncMode: probe.syncMode,
  };
}

/** Bytes that an event's Prepare record occupies in the log (docs/formats.md). */
export function recordBytesOf(streamBytes: number, typeBytes: number, dataBytes: number): number {
  return alignUp(PREPARE_PREFIX_BYTES + streamBytes + typeBytes + dataBytes, 8);
}

const PREPARE_PREFIX_BYTES = 80;

/** One line, without its end. */
export function rowAsJson(row: BenchRow): string {
  return JSON.stringify(row);
}

type Column = readonly [title: string, width: number, cell: (row: BenchRow) => string];

const COLUMNS: readonly Column[] = [
  ['bench', 6, (row) => row.bench],
  ['mode', 6, (row) => row.mode],
  ['source', 6, (row) => row.source ?? ''],
  ['nodes', 5, (row) => String(row.nodes)],
  ['in flight', 9, (row) => String(row.inFlight)],
  ['bytes', 7, (row) => String(row.eventBytes)],
  ['per request', 11, (row) => String(row.eventsPerRequest)],
  ['events/s', 10, (row) => row.eventsPerSecond.toLocaleString('en')],
  ['p50 µs', 8, (row) => String(row.p50Us)],
  ['p99 µs', 8, (row) => String(row.p99Us)],
  ['p99.9 µs', 8, (row) => String(row.p999Us)],
  ['probe 4k µs', 11, (row) => String(row.probe4kP50Us)],
  ['p50/probe', 9, (row) => String(row.p50OverProbe)],
  ['probe MB/s', 10, (row) => String(row.probe1mMBps)],
  ['record MB/s', 11, (row) => String(row.recordMBps)],
  ['disk/record', 11, (row) => String(row.diskBytesPerRecordByte)],
  ['errors', 6, (row) => String(row.errors)],
];

/** The first line of a table. */
export function tableHeader(): string {
  return COLUMNS.map(([title, width]) => title.padStart(width)).join('  ');
}

/** A row as a line of that table. */
export function rowAsTableLine(row: BenchRow): string {
  return COLUMNS.map(([, width, cell]) => cell(row).padStart(width)).join('  ');
}
