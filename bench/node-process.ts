/**
 * A node as a process of its own, for runs over ws: started on a fresh folder and a free port, with default settings whatever
 * the environment says, ended afterwards, and never left behind. Main thread.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CairnError, ERROR_NUMBERS, type ErrorCode } from '../src/base/errors.js';
import { clientUrl } from '../src/client/address.js';
import { environmentName, OPTION_NAMES } from '../src/config/options.js';
import type { SyncMode } from '../src/writer/commands.js';
import type { WriterBytes } from './target.js';

/** A healthy node needs a second for its threads and first chunk; a slow disk needs more for the chunk. */
const START_TIMEOUT_MS = 60_000;
/** Answering and closing takes milliseconds; a node that needs longer is stuck. */
const STOP_TIMEOUT_MS = 20_000;

/** A node that a run can be pointed at. */
export interface BenchNode {
  /** What clients connect to. */
  readonly url: string;
  writerBytes(): Promise<WriterBytes>;
  stop(): Promise<void>;
}

/** A node that runs already, somewhere; it is not ours to stop. */
export function runningNode(url: string): BenchNode {
  return { url, writerBytes: () => readWriterBytes(url), stop: () => Promise.resolve() };
}

/** Starts a node with its data in `folder`. Throws `CairnError` with the node's own code if it does not come up. */
export async function startNodeProcess(folder: string, syncMode: SyncMode): Promise<BenchNode> {
  const flags = ['--db', folder, '--node-port', '0', '--sync-mode', syncMode, '--log-console-format', 'Json'];
  const child = spawn(process.execPath, [mainScript(), 'node', ...flags], {
    env: environmentWithoutOptions(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const url = await untilListening(child);
  child.on('exit', (code, signal) => {
    if (code !== 0) console.error(`the node ended by itself: ${signal ?? `exit status ${code}`}`);
  });
  return { url, writerBytes: () => readWriterBytes(url), stop: () => stopProcess(child) };
}

/** The compiled program, also when these sources run as TypeScript under the tests. */
function mainScript(): string {
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
  readonly client?: string;
  readonly err?: { readonly message?: string; readonly code?: string };
}

/** Reads the node's log up to the address that it listens on. */
function untilListening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let reason = 'it said nothing';
    let code: ErrorCode = 'not-ready';
    const fail = () => reject(new CairnError(code, `the node to be measured did not start: ${reason}`));
    const timer = setTimeout(() => {
      reason = `not within ${START_TIMEOUT_MS / 1000} s`;
      child.kill('SIGKILL');
    }, START_TIMEOUT_MS);
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (text) => {
      const line = parseLogLine(text);
      if (line.err?.message !== undefined) reason = line.err.message;
      if (isErrorCode(line.err?.code)) code = line.err.code;
      if (line.msg === 'listening' && line.client !== undefined) {
        clearTimeout(timer);
        resolve(line.client);
      }
    });
    child.once('error', (error) => {
      reason = error.message;
      fail();
    });
    // 'close' and not 'exit': all of its log has been read by then.
    child.once('close', () => {
      clearTimeout(timer);
      fail();
    });
  });
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

async function readWriterBytes(url: string): Promise<WriterBytes> {
  const address = new URL('/info', clientUrl(url).replace(/^ws/, 'http'));
  const info = (await (await fetch(address)).json()) as { writer: WriterBytes };
  return info.writer;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
