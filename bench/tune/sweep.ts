/**
 * Measures the disk below a folder: durable writes of many sizes, in both sync modes, to prewritten and to fresh blocks, on the addon's path and
 * on that of plain JavaScript, one and two at a time; reading; and making chunks. Main thread, which blocks for a tenth of a second at a
 * time: between two points an interruption is heard.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Bytes, Disk } from '../../src/base/ports.js';
import { makeChunk } from '../../src/log/new-chunk.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import type { Platform } from '../../src/native/platform.js';
import { durableWrite, noise, prewrite, reserve, timeWrites } from '../durable-write.js';
import { quantile } from '../statistics/spread.js';
import { PairedWriters } from './paired-writers.js';
import type { DiskPath, PointKind, Sweep, SweepPoint } from './sweep-point.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** From one block to beyond the default BatchBytesMax: the line's two ends. */
const SIZES = [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
/** Where a second opinion is enough. */
const FEW_SIZES = [4 * KIB, 64 * KIB, MIB];
/** Large enough that writes move on over the medium, and small enough to be there quickly, sixteen of the largest. */
const FILE_BYTES = 64 * MIB;
/** Odd, so that one of them is in the middle; many, so that a slow one counts little. */
const ROUNDS = 5;
/** A slow disk gets fewer writes, but not so few that there is no median. */
const WRITES_MIN = 3;
const WRITES_MAX = 20_000;
const PASSES = 3;
const CHUNK_BYTES = [64 * MIB, 256 * MIB];
/** Without the addon a chunk is reserved by writing all of it. */
const CHUNK_BYTES_WRITTEN = [16 * MIB, 64 * MIB];

export interface SweepOptions {
  readonly platform: Platform;
  /** An empty folder on the disk. */
  readonly folder: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Hears of each point before it is measured. */
  readonly progress: (done: number, all: number) => void;
}

/** Measures. Interrupted, it has what there is so far. Throws `DiskError`. */
export async function sweepDisk(options: SweepOptions): Promise<Sweep> {
  const { platform, folder } = options;
  const sweep = new DiskSweep(options);
  try {
    const points = await sweep.run();
    const { directRefusedFor } = platform.describe;
    const { disk } = platform;
    return {
      points,
      path: disk.kind === 'native' ? 'native' : 'javascript',
      takesDirect: disk.kind === 'native' ? directRefusedFor === undefined : undefined,
      readMegabytesPerSecond: sweep.readRate(),
      chunkTimes: timeChunks(disk, folder),
    };
  } finally {
    await sweep.close();
  }
}

/** All writes of a point, in µs, round by round, and how long they took in all. */
interface Samples {
  readonly rounds: number[][];
  bytes: number;
  elapsedUs: number;
}

class DiskSweep {
  readonly #options: SweepOptions;
  readonly #disks: ReadonlyMap<DiskPath, Disk>;
  readonly #noise = new Map<DiskPath, Bytes>();
  readonly #kinds: readonly PointKind[];
  readonly #sliceMs: number;
  readonly #pair = new PairedWriters();

  constructor(options: SweepOptions) {
    this.#options = options;
    const { disk } = options.platform;
    this.#disks = new Map<DiskPath, Disk>([
      ...(disk.kind === 'native' ? [['native', disk] as const] : []),
      ['javascript', disk.kind === 'native' ? new JavascriptDisk() : disk],
    ]);
    this.#kinds = kindsFor(disk.kind === 'native');
    this.#sliceMs = (options.seconds * 1000) / (ROUNDS * this.#kinds.length);
  }

  async run(): Promise<SweepPoint[]> {
    const { signal, progress } = this.#options;
    for (const [path, disk] of this.#disks) {
      prewrite(disk, this.#file(path), FILE_BYTES);
      this.#noise.set(path, noise(disk, SIZES.at(-1)!));
    }
    const samples = this.#kinds.map((): Samples => ({ rounds: [], bytes: 0, elapsedUs: 0 }));
    const all = ROUNDS * this.#kinds.length;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, kind] of this.#kinds.entries()) {
        await turn();
        if (signal.aborted) return summarized(this.#kinds, samples);
        progress(round * this.#kinds.length + index, all);
        await this.#measure(kind, samples[index]!);
      }
    }
    return summarized(this.#kinds, samples);
  }

  /** Reads the prewritten file a few times; the fastest counts. */
  readRate(): number {
    const { disk } = this.#options.platform;
    const path = disk.kind === 'native' ? 'native' : 'javascript';
    const file = disk.open(this.#file(path), { access: 'read', direct: true });
    const buffer = disk.alignedBuffer(MIB);
    let leastUs = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < PASSES; pass++) {
      const started = performance.now();
      for (let offset = 0; offset < FILE_BYTES; offset += MIB) disk.read(file, buffer, 0, MIB, offset);
      leastUs = Math.min(leastUs, (performance.now() - started) * 1000);
    }
    disk.close(file);
    return FILE_BYTES / leastUs;
  }

  async close(): Promise<void> {
    await this.#pair.close();
    for (const path of this.#disks.keys()) rmSync(this.#file(path), { force: true });
  }

  async #measure(kind: PointKind, samples: Samples): Promise<void> {
    const started = performance.now();
    let times: number[];
    if (kind.depth === 2) times = await this.#pair.time(this.#pairJob(kind));
    else times = kind.blocks === 'fresh' ? this.#timeFresh(kind) : this.#time(kind, this.#file(kind.path));
    samples.rounds.push(times);
    samples.bytes += times.length * kind.bytes;
    // Of two at once each has its own times; the wall knows how long both took.
    const spentUs = times.reduce((sum, us) => sum + us, 0);
    samples.elapsedUs += kind.depth === 2 ? Math.min(spentUs, (performance.now() - started) * 1000) : spentUs;
  }

  #time({ path, mode, blocks, bytes }: PointKind, file: string): number[] {
    const disk = this.#disks.get(path)!;
    const handle = disk.open(file, { access: 'write', direct: true, dsync: mode === 'dsync' });
    try {
      const area = { from: 0, to: FILE_BYTES, once: blocks === 'fresh' };
      const budget = { ms: this.#sliceMs, writesMin: WRITES_MIN, writesMax: WRITES_MAX };
      return timeWrites(durableWrite(disk, handle, this.#noise.get(path)!, mode), bytes, area, budget);
    } finally {
      disk.close(handle);
    }
  }

  /** Each block of it is written once. */
  #timeFresh(kind: PointKind): number[] {
    const disk = this.#disks.get(kind.path)!;
    const file = join(this.#options.folder, 'fresh');
    reserve(disk, file, FILE_BYTES, () => undefined);
    try {
      return this.#time(kind, file);
    } finally {
      disk.unlink(file);
    }
  }

  #pairJob({ path, mode, bytes }: PointKind) {
    const file = this.#file(path);
    return {
      file,
      path,
      mode,
      bytes,
      fileBytes: FILE_BYTES,
      ms: this.#sliceMs,
      writesMin: WRITES_MIN,
      writesMax: WRITES_MAX,
    };
  }

  #file(path: DiskPath): string {
    return join(this.#options.folder, `prewritten-${path}`);
  }
}

/** What is measured. Without the addon reserving is writing, so that there are no fresh blocks. */
function kindsFor(hasAddon: boolean): PointKind[] {
  const kinds: PointKind[] = [];
  const add = (kind: Omit<PointKind, 'bytes'>, sizes: readonly number[]) => {
    for (const bytes of sizes) kinds.push({ ...kind, bytes });
  };
  for (const mode of ['fdatasync', 'dsync'] as const) {
    if (hasAddon) {
      add({ path: 'native', mode, blocks: 'prewritten', depth: 1 }, SIZES);
      add({ path: 'native', mode, blocks: 'fresh', depth: 1 }, SIZES);
      add({ path: 'native', mode, blocks: 'prewritten', depth: 2 }, FEW_SIZES);
    }
    add({ path: 'javascript', mode, blocks: 'prewritten', depth: 1 }, hasAddon ? FEW_SIZES : SIZES);
    if (!hasAddon) add({ path: 'javascript', mode, blocks: 'prewritten', depth: 2 }, FEW_SIZES);
  }
  add({ path: hasAddon ? 'native' : 'javascript', mode: 'none', blocks: 'prewritten', depth: 1 }, [4 * KIB]);
  return kinds;
}

function summarized(kinds: readonly PointKind[], samples: readonly Samples[]): SweepPoint[] {
  return kinds.flatMap((kind, index) => {
    const { rounds, bytes, elapsedUs } = samples[index]!;
    const times = rounds.flat();
    if (times.length === 0) return [];
    const medians = rounds.map((round) => quantile(round, 0.5));
    const p50Us = quantile(medians, 0.5);
    return {
      ...kind,
      writes: times.length,
      rounds: medians,
      p50Us,
      p99Us: quantile(times, 0.99),
      spread: (quantile(medians, 0.75) - quantile(medians, 0.25)) / p50Us,
      megabytesPerSecond: bytes / elapsedUs,
    };
  });
}

/** Each size a few times; the fastest counts. */
function timeChunks(disk: Disk, folder: string): { bytes: number; us: number }[] {
  const into = join(folder, 'chunks');
  const sizes = disk.kind === 'native' ? CHUNK_BYTES : CHUNK_BYTES_WRITTEN;
  mkdirSync(into);
  return sizes.map((chunkSize, chunkNumber) => {
    const header = { chunkNumber, chunkSize, logId: randomUUID(), chunkId: randomUUID(), createdUs: 0 };
    let leastUs = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < PASSES; pass++) {
      const started = performance.now();
      const path = makeChunk(disk, into, header);
      leastUs = Math.min(leastUs, (performance.now() - started) * 1000);
      disk.unlink(path);
    }
    return { bytes: chunkSize, us: leastUs };
  });
}
