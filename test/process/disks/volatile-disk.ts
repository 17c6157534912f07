/**
 * A file system on a disk whose write cache is lost in a power cut: vdisk.c under a loop device, with XFS on it. Needs root, FUSE,
 * loop devices and a C compiler. Whatever a test leaves mounted is unmounted when its process ends.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { whyNot } from '../tools.js';
import { until } from '../within.js';

const BUILD = fileURLToPath(new URL('build-vdisk.sh', import.meta.url));
/** mkfs.xfs takes nothing smaller than 300 MB; the backing file is sparse. */
const DISK_BYTES = 320 * 1024 * 1024;
const SECTOR_BYTES = 512;
const MOUNT_DEADLINE_MS = 10_000;

let program: { readonly path: string } | { readonly missing: string } | undefined;
const disks = new Set<VolatileDisk>();

/** Why there can be no such disks here; undefined if there can. */
export function withoutVolatileDisk(): string | undefined {
  const built = build();
  return 'missing' in built ? built.missing : undefined;
}

function build(): NonNullable<typeof program> {
  program ??= tryToBuild();
  return program;
}

function tryToBuild(): NonNullable<typeof program> {
  if (process.getuid?.() !== 0) return { missing: 'mounting a disk needs root' };
  const missing =
    whyNot('fusermount3', '--version') ??
    whyNot('mkfs.xfs', '-V') ??
    whyNot('pkg-config', '--exists', 'fuse3') ??
    whyNot('losetup', '--version') ??
    (existsSync('/dev/fuse') && existsSync('/dev/loop-control')
      ? undefined
      : 'this kernel has no FUSE or no loop devices');
  if (missing !== undefined) return { missing };
  const folder = mkdtempSync(join(tmpdir(), 'cairn-vdisk-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'vdisk');
  const { status, stderr } = spawnSync(BUILD, [path], { encoding: 'utf8' });
  return status === 0 ? { path } : { missing: `vdisk.c can't be built: ${stderr.trim().split('\n')[0]}` };
}

/** What the disk has done since it was mounted. */
export interface DiskCounts {
  readonly writes: number;
  readonly flushes: number;
  /** Sectors that a power cut would put at risk. */
  readonly unflushedSectors: number;
  readonly isCut: boolean;
}

export class VolatileDisk {
  /** Where the file system is mounted. */
  readonly folder: string;
  readonly #backing: string;
  readonly #fuse: string;
  #daemon: ChildProcess | undefined;
  #loop: string | undefined;
  #isMounted = false;

  private constructor(scratch: string) {
    this.#backing = join(scratch, 'backing');
    this.#fuse = join(scratch, 'fuse');
    this.folder = join(scratch, 'mounted');
  }

  /** A new, empty disk, whose parts lie in `scratch`, which is made. */
  static async create(scratch: string): Promise<VolatileDisk> {
    const disk = new VolatileDisk(scratch);
    mkdirSync(disk.#fuse, { recursive: true });
    mkdirSync(disk.folder);
    disks.add(disk);
    await disk.#attach();
    execFileSync('mkfs.xfs', ['-q', '-K', disk.#loop!]);
    disk.#mount();
    return disk;
  }

  get counts(): DiskCounts {
    const text = readFileSync(join(this.#fuse, 'control'), 'utf8');
    const [writes, flushes, unflushedSectors, cut] = [...text.matchAll(/\d+/g)].map(Number);
    return { writes: writes!, flushes: flushes!, unflushedSectors: unflushedSectors!, isCut: cut === 1 };
  }

  /** The power goes: of the sectors that are not flushed `keepPercent` are kept, drawn from `seed`. All I/O fails until {@link restore}. */
  cutPower(seed: number, keepPercent: number): void {
    this.#command(`cut ${seed} ${keepPercent}`);
  }

  /** After `skip` more flushes, `count` of them fail with EIO. */
  failFlushes(skip: number, count: number): void {
    this.#command(`fail-flush ${skip} ${count}`);
  }

  /** Every flush takes so much longer from now on. */
  delayFlushes(milliseconds: number): void {
    this.#command(`delay-flush ${milliseconds}`);
  }

  /** The power is back: mounts the file system again, which repairs itself. Whoever used it must be gone. */
  async restore(): Promise<void> {
    await this.#detach();
    await this.#attach();
    this.#mount();
  }

  /** Unmounts everything. Whoever used it must be gone. */
  async remove(): Promise<void> {
    await this.#detach();
    disks.delete(this);
  }

  /** Lets go of everything, whatever state it is in, without waiting for anything. */
  abandon(): void {
    if (this.#isMounted) spawnSync('umount', ['--lazy', this.folder]);
    if (this.#loop !== undefined) spawnSync('losetup', ['-d', this.#loop]);
    spawnSync('fusermount3', ['-u', '-z', this.#fuse]);
    this.#daemon?.kill('SIGTERM');
  }

  #command(text: string): void {
    writeFileSync(join(this.#fuse, 'control'), text);
  }

  async #attach(): Promise<void> {
    const built = build();
    if ('missing' in built) throw new Error(built.missing);
    const args = [this.#backing, `${DISK_BYTES / SECTOR_BYTES}`, this.#fuse, '-f'];
    this.#daemon = spawn(built.path, args, { stdio: 'ignore' });
    const image = join(this.#fuse, 'disk.img');
    await until(MOUNT_DEADLINE_MS, 'the disk is there', () => existsSync(image));
    // Two that look for a free loop device at the same time may find the same one.
    this.#loop = await until(MOUNT_DEADLINE_MS, 'a loop device is free', () => {
      const { status, stdout } = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' });
      return status === 0 && stdout.trim();
    });
  }

  #mount(): void {
    execFileSync('mount', [this.#loop!, this.folder]);
    this.#isMounted = true;
  }

  async #detach(): Promise<void> {
    if (this.#isMounted) await this.#umount();
    this.#isMounted = false;
    if (this.#loop !== undefined) execFileSync('losetup', ['-d', this.#loop]);
    this.#loop = undefined;
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined) return;
    const gone = once(daemon, 'exit');
    // A loop device lets go of its file a moment after it was told to.
    const unmount = () => spawnSync('fusermount3', ['-u', this.#fuse]).status === 0;
    await until(MOUNT_DEADLINE_MS, 'the disk is let go of', unmount);
    await gone;
  }

  /** What ran on it may be dying still. */
  async #umount(): Promise<void> {
    const umount = () => spawnSync('umount', [this.folder]).status === 0;
    await until(MOUNT_DEADLINE_MS, 'the file system is let go of', umount);
  }
}

process.once('exit', () => {
  for (const disk of disks) disk.abandon();
});
