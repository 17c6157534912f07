/**
 * `cairn bench backup`: what appends notice of backups that are made meanwhile. A node of its own, with some log in it, is driven by a steady open loop and
 * by one request at a time, in turn without and with `cairn backup create`, each time of the whole log. All share the machine. Main thread.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Disk } from '../src/base/ports.js';
import { connect } from '../src/client/client.js';
import { drive } from './append.js';
import {
  type BackupBenchOptions,
  type BackupBenchRow,
  backupRow,
  type LoadShape,
  type Percentiles,
} from './backup-row.js';
import { fill } from './fill.js';
import { mainScript, NodeProcess } from './node-process.js';
import { probeDisk } from './probe.js';
import { withScratchFolder } from './scratch-folder.js';
import { openWsTarget } from './ws-target.js';

const FILL = { eventBytes: 1024, eventsPerRequest: 64, inFlight: 64 } as const;
const FILL_STREAMS = Array.from({ length: 16 }, (_, i) => `filled-${i}`);

/** Runs a row for each load. Throws `CairnError` if the node can't be started or written. */
export async function runBackupBench(
  options: BackupBenchOptions,
  disk: Disk,
): Promise<readonly BackupBenchRow[]> {
  const { directory, syncMode, bytes, rate, inFlight, runs } = options;
  return await withScratchFolder(directory, async (folder) => {
    const probe = probeDisk(disk, folder, syncMode);
    const node = await NodeProcess.start({ folder: join(folder, 'data'), port: 0, syncMode });
    try {
      const client = await connect(node.url, { name: 'cairn bench', reconnect: false, discover: false });
      await fill(client, FILL_STREAMS, { ...FILL, events: Math.ceil(bytes / FILL.eventBytes) });
      await client.close();
      const rows: BackupBenchRow[] = [];
      for (const load of [
        // First the one that adds little to the log, and so to what is backed up.
        { ratePerSecond: 0, inFlight: 1 },
        { ratePerSecond: rate, inFlight },
      ]) {
        const [without, during]: [Percentiles[], Percentiles[]] = [[], []];
        const backups = new Backups(node.url, folder);
        for (let run = 0; run < runs; run++) {
          without.push(await measure(node.url, options, load));
          backups.start();
          during.push(await measure(node.url, options, load));
          await backups.stop();
        }
        rows.push(backupRow(options, probe, load, { without, during, backupMBps: backups.rates }));
      }
      return rows;
    } finally {
      await node.stop();
    }
  });
}

async function measure(url: string, options: BackupBenchOptions, load: LoadShape): Promise<Percentiles> {
  const all = { ...options, ...load, urls: [url] };
  const target = await openWsTarget(all, '');
  try {
    const { latency, requests } = await drive(target, all);
    if (requests === 0 && target.firstError !== undefined) throw target.firstError;
    return { p50Us: latency.percentileUs(50), p99Us: latency.percentileUs(99) };
  } finally {
    await target.close();
  }
}

/** One backup of the whole log after the other, each into a folder of its own. */
class Backups {
  readonly #url: string;
  readonly #folder: string;
  /** Of those that came to their end, in 10^6 bytes a second. */
  readonly rates: number[] = [];
  #child: ChildProcess | undefined;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(url: string, folder: string) {
    this.#url = url;
    this.#folder = join(folder, 'backups');
  }

  start(): void {
    this.#isStopping = false;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGKILL');
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const words = ['backup', 'create', '--url', this.#url, '--to', this.#folder, '-o', 'json'];
      this.#child = spawn(process.execPath, [mainScript(), ...words], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const over = new Promise((resolve) => this.#child!.once('close', resolve));
      const said = await text(this.#child.stdout!);
      if ((await over) === 0) {
        const { bytesCopied, seconds } = JSON.parse(said) as { bytesCopied: number; seconds: number };
        this.rates.push(bytesCopied / seconds / 1e6);
      } else if (!this.#isStopping) {
        console.error('a backup failed');
        return;
      }
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
