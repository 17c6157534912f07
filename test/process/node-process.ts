/**
 * A node as a process of its own: started on a folder with small chunks, watched through its log, ended by a signal, by force or
 * by what a test does to it. Whatever a test leaves running is ended with it, by its process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '../../src/native/load.js';
import { within } from './within.js';

/** One line of the node's log, as pino writes it. `level` 60 is fatal. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly pid: number;
  readonly err?: { readonly message: string; readonly code?: string; readonly stack?: string };
  readonly [field: string]: unknown;
}

export interface NodeProcessOptions {
  /** The data folder. */
  readonly folder: string;
  /** Further arguments; they win over {@link SMALL}. */
  readonly flags?: readonly string[];
  /** Which disk path: CAIRN_DISK. */
  readonly disk?: DiskPath;
  readonly environment?: NodeJS.ProcessEnv;
  /** A command that runs the node as its arguments, such as `strace …` or `prlimit …`. */
  readonly under?: readonly string[];
}

export type DiskPath = 'native' | 'javascript';

/** The disk paths that run here: without a compiler there is no addon. */
export const DISK_PATHS: readonly DiskPath[] =
  loadAddon('').kind === 'native' ? ['native', 'javascript'] : ['javascript'];

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Chunks and a ring that fill in no time, so that a second of load crosses many ends of both; any free port. */
const SMALL = [
  ['--node-port', '0'],
  ['--chunk-size', '1MiB'],
  ['--ring-size', '1MiB'],
  ['--retry-window-events', '262144'],
] as const;
const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
/** Starting takes a fraction of a second; on a loaded machine, under strace and with a log to read, a few. */
const START_DEADLINE_MS = 30_000;
const EXIT_DEADLINE_MS = 20_000;

const running = new Set<NodeProcess>();

export class NodeProcess {
  readonly #child: ChildProcess;
  /** All of the log so far. */
  readonly log: LogLine[] = [];
  /** What it wrote besides: on standard error, or not as a log line. */
  stray = '';
  /** Resolves when it has ended and all it said was read. */
  readonly exit: Promise<Exit>;
  #pid = 0;
  #url: string | undefined;
  #hasEnded = false;
  #noted: (() => void) | undefined;

  /** Starts a process, and does not wait for anything. */
  constructor(options: NodeProcessOptions) {
    const { folder, flags = [], disk, environment = {}, under = [] } = options;
    const small = SMALL.filter(([name]) => !flags.includes(name)).flat();
    const node = [process.execPath, MAIN, 'node', '--db', folder, '--log-console-format', 'Json'];
    const [command, ...rest] = [...under, ...node, ...small, ...flags];
    const env = { ...withoutOptions(process.env), ...(disk && { CAIRN_DISK: disk }), ...environment };
    this.#child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#note(line));
    this.#child.stderr!.on('data', (text: Buffer) => {
      this.stray += text;
    });
    running.add(this);
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#hasEnded = true;
        running.delete(this);
        this.#noted?.();
        resolve({ code, signal });
      });
    });
    this.exit.catch(() => undefined);
  }

  /** Starts a node and waits until it listens. Throws with the node's log if it ends instead. */
  static async start(options: NodeProcessOptions): Promise<NodeProcess> {
    const node = new NodeProcess(options);
    await node.listening();
    return node;
  }

  /** Resolves when the node listens. */
  async listening(): Promise<void> {
    await within(START_DEADLINE_MS, 'the node listens', this.#untilListening());
  }

  /** What clients connect to: `ws://127.0.0.1:PORT`. */
  get url(): string {
    if (this.#url === undefined) throw new Error('the node does not listen yet');
    return this.#url;
  }

  get httpUrl(): string {
    return this.url.replace('ws:', 'http:');
  }

  /** Of the node itself, also when it runs under another command. */
  get pid(): number {
    return this.#pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The lines of the log with this message. */
  said(message: string): LogLine[] {
    return this.log.filter(({ msg }) => msg === message);
  }

  /** The error of the last line of the log if that is fatal. */
  get death(): LogLine['err'] {
    return this.log.findLast(({ level }) => level === 60)?.err;
  }

  /** Kilobytes of memory that the process occupies now. */
  residentKiB(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1]);
  }

  /** Sends a signal, if the process is still there. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded && this.#pid !== 0) process.kill(this.#pid, signal);
  }

  /** Ends it as a power cut would, but for the page cache; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  /** The same for it and what it runs under, without waiting; also before it has said who it is. */
  killNow(): void {
    this.signal('SIGKILL');
    this.#child.kill('SIGKILL');
  }

  /** Asks it to stop; resolves to how it ended. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Exit> {
    this.signal(signal);
    return await this.ended();
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<Exit> {
    try {
      return await within(EXIT_DEADLINE_MS, 'the node ends', this.exit);
    } catch (error) {
      const threads = threadsOf(this.#pid).join('\n');
      throw new Error(
        `${(error as Error).message}; its threads:\n${threads}\nit said:\n${this.transcript()}`,
      );
    }
  }

  /** Everything that it said, for messages. */
  transcript(): string {
    return `${this.log.map((line) => JSON.stringify(line)).join('\n')}\n${this.stray}`;
  }

  /** For whoever cleans up: ends it, and what it runs under. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    if (this.#pid !== 0 && this.#pid !== this.#child.pid) this.signal('SIGKILL');
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  async #untilListening(): Promise<void> {
    while (this.#url === undefined) {
      if (this.#hasEnded) {
        const { code, signal } = await this.exit;
        throw new Error(`the node ended (${signal ?? code}) instead of listening:\n${this.transcript()}`);
      }
      await new Promise<void>((resolve) => {
        this.#noted = resolve;
      });
    }
  }

  #note(text: string): void {
    const line = parseLine(text);
    if (line === undefined) {
      this.stray += `${text}\n`;
      return;
    }
    this.log.push(line);
    if (line.msg === 'starting') this.#pid = line.pid;
    if (line.msg === 'listening') this.#url = line['client'] as string;
    this.#noted?.();
  }
}

/** Ends every node that still runs: for `afterEach`. */
export async function endAllNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.end()));
}

process.once('exit', () => {
  for (const node of running) node.killNow();
});

/** A fresh folder for `use`, removed afterwards. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'cairn-process-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  return JSON.parse(text) as LogLine;
}

/** Options in the environment of whoever runs the tests are not meant for these nodes. */
function withoutOptions(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('CAIRN_')));
}

/** What each thread of a process does: its name, its state, and where in the kernel it waits. Empty if it is gone. */
function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => {
      const [status, place] = ['status', 'wchan'].map((file) =>
        readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8'),
      );
      const [, name, state] = /Name:\s*(.*)[\s\S]*State:\s*(.*)/.exec(status!) ?? [];
      return `${thread} ${name} ${state} ${place}`;
    });
  } catch {
    return [];
  }
}
