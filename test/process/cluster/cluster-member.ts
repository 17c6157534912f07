/**
 * One node of a cluster in tests: its folder, perhaps on a disk of its own, perhaps in a namespace of its own, through any number of
 * lives of its process. Ends that a test did not bring about are noticed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { VolatileDisk } from '../disks/volatile-disk.js';
import { type Exit, NodeProcess } from '../node-process.js';
import { tampering } from '../tools.js';
import { within } from '../within.js';
import type { Target } from './node-connection.js';

export interface ClusterMemberOptions {
  /** `HOST:PORT`: by which the others know it. */
  readonly name: string;
  /** For its data, if it has no disk of its own. */
  readonly folder: string;
  readonly disk: VolatileDisk | undefined;
  readonly flags: readonly string[];
  /** What it runs under, such as a namespace. */
  readonly under: readonly string[];
}

const STRACE_DEADLINE_MS = 5_000;
/** The file that a full disk is full of. */
const BALLAST = 'ballast';

export class ClusterMember {
  readonly name: string;
  readonly disk: VolatileDisk | undefined;
  readonly #options: ClusterMemberOptions;
  #process: NodeProcess | undefined;
  #life = 0;
  #isPaused = false;
  #isEndDue = false;
  #isFull = false;
  /** All lives, for messages. */
  readonly #processes: NodeProcess[] = [];
  readonly #unexpectedEnds: string[] = [];

  constructor(options: ClusterMemberOptions) {
    this.name = options.name;
    this.disk = options.disk;
    this.#options = options;
    mkdirSync(this.folder, { recursive: true });
  }

  get folder(): string {
    return this.disk === undefined ? this.#options.folder : join(this.disk.folder, 'data');
  }

  get target(): Target {
    return { name: this.name, url: `ws://${this.name}`, life: this.#life };
  }

  get isUp(): boolean {
    return this.#process !== undefined && !this.#process.hasEnded;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** How it ended without being made to, with what it said. */
  get unexpectedEnds(): readonly string[] {
    return this.#unexpectedEnds;
  }

  /** Of its present or last life. */
  get process(): NodeProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was not started`);
    return this.#process;
  }

  /** Begins a new life; resolves when it listens. */
  async start(): Promise<void> {
    if (this.isUp) return;
    const { flags, under } = this.#options;
    this.#life++;
    this.#isEndDue = false;
    this.#isPaused = false;
    const node = new NodeProcess({ folder: this.folder, flags, under });
    this.#process = node;
    this.#processes.push(node);
    node.exit.then(
      (exit) => this.#ended(node, exit),
      () => undefined,
    );
    await node.listening();
  }

  async kill(): Promise<void> {
    this.#isEndDue = true;
    await this.#process?.kill();
  }

  /** Asks it to stop; it must do so in order. */
  async stop(): Promise<void> {
    if (!this.isUp) return;
    this.resume();
    this.#isEndDue = true;
    const { code, signal } = await this.process.stop();
    if (code !== 0) this.#unexpectedEnds.push(`${this.name} stopped with ${signal ?? code}`);
  }

  /** What is done to it from here on in this life may end it. */
  expectEnd(): void {
    this.#isEndDue = true;
  }

  /** All its threads stand still. */
  pause(): void {
    this.#isPaused = true;
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#isPaused = false;
    this.#process?.signal('SIGCONT');
  }

  /** Makes its system calls fail or wait (strace(1), "Tampering") until the returned function is called, or it ends. */
  tamper(injection: string): () => Promise<void> {
    const [command, ...args] = tampering(injection).filter((argument) => argument !== '--seccomp-bpf');
    const strace = spawn(command!, [...args, '-p', `${this.process.pid}`], { stdio: 'ignore' });
    const gone = once(strace, 'exit');
    return async () => {
      // So that it lets go of the process as it leaves.
      strace.kill('SIGINT');
      await within(STRACE_DEADLINE_MS, 'strace lets go', gone).catch(() => this.#endStrace(strace));
    };
  }

  /** Takes up what room its disk has left; what is taken can be given back by the returned function. */
  fillDisk(): () => void {
    if (this.disk === undefined) throw new Error('only a disk of its own is filled');
    const path = join(this.disk.folder, BALLAST);
    this.#isFull = true;
    const { bavail, bsize } = statfsSync(this.disk.folder);
    // Almost all, then block by block: what is free is not what can be had.
    for (let bytes = bavail * bsize; bytes >= bsize; bytes = Math.floor(bytes / 2)) {
      spawnSync('fallocate', ['--offset', `${sizeOf(path)}`, '--length', `${bytes}`, path]);
    }
    return () => {
      this.#isFull = false;
      rmSync(path, { force: true });
    };
  }

  /** The power is back on its disk, which may have forgotten that it was emptied again. It must be down. */
  async restoreDisk(): Promise<void> {
    if (this.disk === undefined) throw new Error('only a disk of its own is restored');
    await this.disk.restore();
    if (!this.#isFull) rmSync(join(this.disk.folder, BALLAST), { force: true });
  }

  /** Forgets everything that it wrote. It must be down. */
  wipe(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder);
  }

  /** What all its lives said. */
  transcript(): string {
    return this.#processes.map((node) => node.transcript()).join('\n--- started again ---\n');
  }

  #endStrace(strace: ChildProcess): void {
    strace.kill('SIGKILL');
  }

  /** Without room for the first chunk of its log a node can't begin, and says so. */
  get #hasNoRoomToBegin(): boolean {
    if (this.disk === undefined || !existsSync(join(this.disk.folder, BALLAST))) return false;
    return !readdirSync(this.folder).some((name) => /^chunk-[\d.]+$/.test(name));
  }

  #ended(node: NodeProcess, { code, signal }: Exit): void {
    if (node !== this.#process || this.#isEndDue || this.#hasNoRoomToBegin) return;
    const { message = 'without a word' } = node.death ?? {};
    this.#unexpectedEnds.push(`${this.name} ended by itself (${signal ?? code}): ${message}`);
  }
}

function sizeOf(path: string): number {
  const { status, stdout } = spawnSync('stat', ['--format', '%s', path], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 0;
}
