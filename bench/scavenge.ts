/**
 * `cairn bench scavenge`: fills a log, deletes half of its streams, and scavenges it under a light load: how fast that is beside a plain copy of the
 * same files, what the clients notice, and what it gives back. Then a backup of it, and a restore. Main thread.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../src/base/errors.js';
import { type Client, connect } from '../src/client/client.js';
import { bytesOf, filesIn, fillLog, quiet } from './filled-log.js';
import type { LatencyHistogram } from './latency-histogram.js';
import { NodeProcess } from './node-process.js';
import { randomSalt, streamName } from './request-frames.js';
import { rounded } from './rounded.js';
import { SteadyLoad } from './steady-load.js';

export interface ScavengeOptions {
  readonly events: number;
  readonly streams: number;
  readonly eventBytes: number;
  /** Appends a second meanwhile. */
  readonly rate: number;
  /** How long these are watched before. */
  readonly seconds: number;
  readonly throttlePercent: number;
}

export interface ScavengeRow {
  readonly bench: 'scavenge';
  readonly events: number;
  readonly streams: number;
  readonly eventBytes: number;
  readonly rate: number;
  readonly throttlePercent: number;
  /** Of the chunk files, and of the index, before and after. */
  readonly logMB: number;
  readonly logMBAfter: number;
  readonly indexMB: number;
  readonly indexMBAfter: number;
  readonly seconds: number;
  /** Bytes of the log that were gone through, by the time from asking for it to the end of the last chunk. */
  readonly megabytesPerSecond: number;
  /** `cp` of the chunk files and `sync -f`, before. */
  readonly copyMBPerSecond: number;
  /** Of the appends. */
  readonly beforeP50Us: number;
  readonly beforeP99Us: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** `cairn backup create` of the stopped node, and `restore`, and `cp` of what it made. */
  readonly backupMBPerSecond: number;
  readonly restoreMBPerSecond: number;
  readonly backupCopyMBPerSecond: number;
}

const MAIN = new URL('../src/main.js', import.meta.url).pathname;
const DELETES_IN_FLIGHT = 64;
const ASK_MS = 100;
const SETTLE_MS = 10_000;
/** Between two of the jobs that make the index's files anew, at their leisure, are up to 5 s. */
const INDEX_QUIET_MS = 10_000;

/** Throws `CairnError` if the log can't be filled, or the scavenge doesn't end well. */
export async function runScavenge(options: ScavengeOptions, folder: string): Promise<ScavengeRow> {
  const { events, streams, eventBytes, rate, throttlePercent } = options;
  const data = join(folder, 'data');
  const salt = randomSalt();
  await fillLog(data, events, { streams, eventBytes, salt });
  const copyMBPerSecond = await copyRate(data, join(folder, 'copy'));
  const node = await NodeProcess.start({ folder: data, port: 0, syncMode: 'fdatasync' });
  try {
    const client = await connect(node.url, { name: 'cairn bench', reconnect: false, discover: false });
    await deleteHalf(client, streams, salt);
    // What was filled and copied is still on its way to the disk.
    await pause(SETTLE_MS);
    const before = sizesOf(data);
    const { seconds, passedBytes, latencies } = await scavengeUnderLoad(node, client, options);
    await client.close();
    await quiet(join(data, 'index'), 0, INDEX_QUIET_MS);
    await node.stop();
    const after = sizesOf(data);
    const sizes = {
      logMB: before.log,
      logMBAfter: after.log,
      indexMB: before.index,
      indexMBAfter: after.index,
    };
    return {
      bench: 'scavenge',
      ...{ events, streams, eventBytes, rate, throttlePercent },
      ...sizes,
      seconds: rounded(seconds, 1),
      megabytesPerSecond: rounded(passedBytes / 1e6 / seconds, 1),
      copyMBPerSecond,
      ...latencies,
      ...(await backupRates(data, folder)),
    };
  } finally {
    node.kill();
  }
}

async function deleteHalf(client: Client, streams: number, salt: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let stream = next; stream < streams; stream = next) {
      next += 2;
      await client.deleteStream(streamName(salt, stream));
    }
  };
  await Promise.all(Array.from({ length: DELETES_IN_FLIGHT }, lane));
}

async function scavengeUnderLoad(node: NodeProcess, client: Client, options: ScavengeOptions) {
  const load = new SteadyLoad(client, options.rate, options.eventBytes);
  try {
    const calm = load.window();
    await pause(options.seconds * 1000);
    const busy = load.window();
    const beganMs = performance.now();
    await ask(node, 'POST', `/admin/scavenge/start?throttlePercent=${options.throttlePercent}`);
    const passedBytes = await untilDone(node);
    const seconds = (performance.now() - beganMs) / 1000;
    load.window();
    await Promise.all([calm.answered(), busy.answered()]);
    return { seconds, passedBytes, latencies: compared(calm.latency, busy.latency) };
  } finally {
    load.stop();
  }
}

function compared(calm: LatencyHistogram, busy: LatencyHistogram) {
  return {
    beforeP50Us: calm.percentileUs(50),
    beforeP99Us: calm.percentileUs(99),
    p50Us: busy.percentileUs(50),
    p99Us: busy.percentileUs(99),
  };
}

/** Resolves with how many bytes of the log were gone through. */
async function untilDone(node: NodeProcess): Promise<number> {
  for (;;) {
    await pause(ASK_MS);
    const status = (await ask(node, 'GET', '/admin/scavenge')) as ScavengeAnswer;
    if (status.state === 'stopped') throw new CairnError('timeout', 'the scavenge was stopped');
    if (status.state === 'idle' && status.point !== undefined) return status.bytesBefore;
  }
}

interface ScavengeAnswer {
  readonly state: string;
  readonly point?: unknown;
  readonly bytesBefore: number;
}

async function ask(node: NodeProcess, method: string, path: string): Promise<unknown> {
  const url = new URL(path, node.url.replace(/^ws/, 'http'));
  const response = await fetch(url, { method });
  const text = await response.text();
  if (!response.ok) throw new CairnError('invalid-request', `${path}: ${text}`);
  return JSON.parse(text);
}

async function backupRates(data: string, folder: string) {
  const backups = join(folder, 'backups');
  const restored = join(folder, 'restored');
  const create = await timed(cairn('backup', 'create', '--db', data, '--to', backups));
  const megabytes = sizesOf(join(backups, 'chunks')).log;
  const backupCopyMBPerSecond = await copyRate(join(backups, 'chunks'), join(folder, 'copy'));
  const restore = await timed(cairn('backup', 'restore', '--from', backups, '--db', restored));
  return {
    backupMBPerSecond: rounded(megabytes / create, 1),
    restoreMBPerSecond: rounded(megabytes / restore, 1),
    backupCopyMBPerSecond,
  };
}

/** MB/s of copying the chunk files in `from`, until they are on the disk. */
async function copyRate(from: string, to: string): Promise<number> {
  const names = chunksIn(from);
  const megabytes = bytesOf(from, names) / 1e6;
  const seconds = await timed(
    spawn('sh', ['-c', 'mkdir "$2" && cp "$1"/chunk-* "$2" && sync -f "$2"', 'copy', from, to]),
  );
  rmSync(to, { recursive: true });
  return rounded(megabytes / seconds, 1);
}

function cairn(...args: string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** How many seconds the process took. Throws if it failed. */
async function timed(child: ChildProcess): Promise<number> {
  const beganMs = performance.now();
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new CairnError('disk-failure', `${child.spawnargs.join(' ')} ended with ${status}`);
  return (performance.now() - beganMs) / 1000;
}

function chunksIn(folder: string): string[] {
  return filesIn(folder).filter((name) => name.startsWith('chunk-'));
}

/** In MB. */
function sizesOf(folder: string): { readonly log: number; readonly index: number } {
  const index = join(folder, 'index');
  return {
    log: rounded(bytesOf(folder, chunksIn(folder)) / 1e6, 1),
    index: rounded(bytesOf(index, folder.endsWith('chunks') ? [] : filesIn(index)) / 1e6, 1),
  };
}
