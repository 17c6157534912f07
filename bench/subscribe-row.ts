/** What `cairn bench subscribe` is asked to do, and its row. Pure. docs/performance.md explains every field to a user. */
import { choiceOf, type FlagValues, numberOf, refused } from './flags.js';
import { parseReadOptions, type RunOptions, syncModeOf } from './options.js';
import type { ProbeResult } from './probe.js';
import { rounded } from './rounded.js';

export interface SubscribeOptions extends RunOptions {
  readonly source: 'stream' | 'all';
  readonly subscribers: number;
  /** Appends a second that the subscribers are to see. */
  readonly rate: number;
}

export interface SubscribeRow {
  readonly bench: 'subscribe';
  readonly source: 'stream' | 'all';
  readonly nodes: number;
  readonly subscribers: number;
  readonly connections: number;
  readonly streams: number;
  readonly rate: number;
  readonly eventBytes: number;
  readonly seconds: number;
  readonly deliveriesPerSecond: number;
  /** From the answer to the append to the event's arrival at a subscriber; 0 if that came first. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Of the appends meanwhile, as their writer sees them. */
  readonly appendP50Us: number;
  readonly appendP99Us: number;
  /** Closed loop: without subscribers (before and after), and with as many that follow streams which get nothing. */
  readonly inFlight: number;
  readonly appendsPerSecondAlone: number;
  readonly appendsPerSecondIdle: number;
  readonly idleOverAlone: number;
  readonly probe4kP50Us: number;
  readonly disk: string;
  readonly syncMode: string;
}

/** Some hundred thousand deliveries a second would be asked of one node otherwise. */
const RATE: Readonly<Record<SubscribeOptions['source'], number>> = { stream: 500, all: 20 };
const CONNECTIONS = '16';

/** Checks the flags. Throws `CairnError`. */
export function parseSubscribeOptions(flags: FlagValues): SubscribeOptions {
  const { rate: asked, ...others } = flags;
  const source = choiceOf(flags, 'source', ['stream', 'all'], 'stream');
  const run = parseReadOptions({
    ...others,
    source: 'all',
    inFlight: flags['inFlight'] ?? '256',
    connections: flags['connections'] ?? CONNECTIONS,
    eventsPerRequest: '1',
  });
  if (run.urls.length > 0) throw refused('bench subscribe starts its own nodes: leave out --url');
  const rate = asked === undefined ? RATE[source] : numberOf(flags, 'rate');
  return { ...run, source, subscribers: numberOf(flags, 'subscribers'), rate, syncMode: syncModeOf(flags) };
}

/** What was measured, before rounding. */
export interface SubscribeMeasured {
  readonly seconds: number;
  readonly deliveries: number;
  readonly latency: Percentiles;
  readonly appends: Percentiles;
  readonly aloneRate: number;
  readonly idleRate: number;
}

interface Percentiles {
  readonly maxUs: number;
  percentileUs(percentile: number): number;
}

export function subscribeRow(
  options: SubscribeOptions,
  probe: ProbeResult,
  measured: SubscribeMeasured,
): SubscribeRow {
  const { source, nodes, subscribers, connections, streams, rate, eventBytes, inFlight } = options;
  const { seconds, deliveries, latency, appends, aloneRate, idleRate } = measured;
  return {
    bench: 'subscribe',
    ...{ source, nodes, subscribers, connections, streams, rate, eventBytes },
    seconds: rounded(seconds, 3),
    deliveriesPerSecond: Math.round(deliveries / seconds),
    p50Us: latency.percentileUs(50),
    p99Us: latency.percentileUs(99),
    maxUs: latency.maxUs,
    appendP50Us: appends.percentileUs(50),
    appendP99Us: appends.percentileUs(99),
    inFlight,
    appendsPerSecondAlone: Math.round(aloneRate),
    appendsPerSecondIdle: Math.round(idleRate),
    idleOverAlone: rounded(idleRate / aloneRate, 3),
    probe4kP50Us: rounded(probe.probe4kP50Us, 1),
    disk: probe.diskKind,
    syncMode: probe.syncMode,
  };
}

/** One line for people. */
export function subscribeLine(row: SubscribeRow): string {
  return (
    `subscribe (${row.source}): ${row.subscribers} subscribers, ${row.rate} appends/s of ${row.eventBytes} bytes: ` +
    `${row.deliveriesPerSecond.toLocaleString('en')} deliveries/s, p50 ${row.p50Us} µs, p99 ${row.p99Us} µs after the ack; ` +
    `appends at full speed ${row.appendsPerSecondAlone.toLocaleString('en')}/s, with as many idle subscribers ${row.appendsPerSecondIdle.toLocaleString('en')}/s; ` +
    `probe ${row.probe4kP50Us} µs`
  );
}
