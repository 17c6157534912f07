/**
 * A node as a process of its own: started on a folder of its own, with default settings whatever the environment says, and never left
 * behind. It can be killed or paused where that is what a run is about. Main thread.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CairnError, ERROR_NUMBERS, type ErrorCode } from '../src/base/errors.js';
import { environmentName, OPTION_NAMES } from '../src/config/options.js';
import type { SyncMode } from '../src/writer/commands.js';
import { type NodeInfo, readInfo } from './node-info.js';

/** A healthy node needs a second for its threads and first chunk; a slow disk needs more for the chunk. */
const START_TIMEOUT_MS = 60_000;
/** Answering and closing takes milliseconds; a node that needs longer is stuck. */
const STOP_TIMEOUT_MS = 20_000;

export interface NodeSettings {
  /** The data folder. */
  readonly folder: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly syncMode: SyncMode;
  /** Further arguments of `cairn node`. */
  readonly flags?: readonly string[];
  /** A command that runs the node as its arguments, such as `strace …`. */
  readonly under?: readonly string[];
}

export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  /** Of the node itself, also when it runs under another command. */
  #pid = 0;
  #url = '';
  #isOver = false;
  /** Whether its end is our doing. */
  #isEndExpected = false;

  private constructor({ folder, port, syncMode, flags = [], under = [] }: NodeSettings) {
    const own = ['--db', folder, '--node-port', String(port), '--sync-mode', syncMode, ...flags];
    const node = [process.execPath, mainScript(), 'node', '--log-console-format', 'Json', ...own];
    const [command, ...rest] = [...under, ...node];
    this.#child = spawn(command!, rest, {
      env: environmentWithoutOptions(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const onExit = () => this.#signalAll('SIGKILL');
    process.once('exit', onExit);
    this.#ended = new Promise((resolve) => {
      // 'close' and not 'exit': all of its log has been read by then. Not told of a command that could not be started.
      const over = () => {
        this.#isOver = true;
        process.off('exit', onExit);
        resolve();
      };
      this.#child.once('close', over);
      this.#child.once('error', over);
    });
  }

  /** Starts a node and waits until it listens. Throws `CairnError` with the node's own code if it does not come up. */
  static async start(settings: NodeSettings): Promise<NodeProcess> {
    const node = new NodeProcess(settings);
    await node.#untilListening();
    node.#child.once('exit', (code, signal) => {
      if (node.#isEndExpected) return;
      console.error(`a node ended by itself: ${signal ?? `exit status ${code}`}`);
    });
    return node;
  }

  /** What clients connect to: `ws://127.0.0.1:PORT`. */
  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#pid;
  }

  /** By which the other nodes of its cluster know it. */
  get name(): string {
    return new URL(this.#url).host;
  }

  /** Undefined if it does not answer within a second. */
  info(): Promise<NodeInfo | undefined> {
    return readInfo(this.#url);
  }

  /** Ends it as a power cut would, but for the page cache. Returns at once. */
  kill(): void {
    this.#isEndExpected = true;
    this.#signalAll('SIGKILL');
  }

  /** Stops its clock: it keeps its connections, and says nothing. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  /** Resolves when it has ended. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Asks it to end, and makes it if it doesn't. */
  async stop(): Promise<void> {
    this.#isEndExpected = true;
    const timer = setTimeout(() => this.#signalAll('SIGKILL'), STOP_TIMEOUT_MS);
    this.#signal('SIGTERM');
    // A paused one would not hear of it.
    this.#signal('SIGCONT');
    await this.#ended;
    clearTimeout(timer);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      // It has ended, and we have yet to hear of it.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** To the node first, and to what it runs under: that one alone would leave the node behind. */
  #signalAll(signal: NodeJS.Signals): void {
    if (this.#pid !== 0) this.#signal(signal);
    if (this.#pid !== this.#child.pid) this.#child.kill(signal);
  }

  /** Reads the node's log up to the address that it listens on. */
  async #untilListening(): Promise<void> {
    let reason = 'it said nothing';
    let code: ErrorCode = 'not-ready';
    this.#child.once('error', (error) => {
      reason = error.message;
    });
    const timer = setTimeout(() => {
      reason = `not within ${START_TIMEOUT_MS / 1000} s`;
      this.#signalAll('SIGKILL');
    }, START_TIMEOUT_MS);
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: this.#child.stdout! }).on('line', (text) => {
        const line = parseLogLine(text);
        if (line.err?.message !== undefined) reason = line.err.message;
        if (isErrorCode(line.err?.code)) code = line.err.code;
        if (line.msg === 'starting') this.#pid = line.pid ?? 0;
        if (line.msg !== 'listening' || line.client === undefined) return;
        this.#url = line.client;
        resolve();
      });
    });
    await Promise.race([listening, this.#ended]);
    clearTimeout(timer);
    if (this.#url === '' || this.#isOver)
      throw new CairnError(code, `the node to be measured did not start: ${reason}`);
  }
}

/** The compiled program, also when these sources run as TypeScript under the tests. */
export function mainScript(): string {
  const compiled = import.meta.url.includes('/dist/') ? '../src/main.js' : '../dist/src/main.js';
  return fileURLToPath(new URL(compiled, import.meta.url));
}

function environmentWithoutOptions(): NodeJS.ProcessEnv {
  const names = new Set(OPTION_NAMES.map((name) => environmentName(name)));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
}

/** What a line of the node's log may hold that matters here. */
interface LogLine {
  readonly msg?: string;
  readonly pid?: number;
  readonly client?: string;
  readonly err?: { readonly message?: string; readonly code?: string };
}

function parseLogLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { err: { message: text } };
  }
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && code in ERROR_NUMBERS;
}
