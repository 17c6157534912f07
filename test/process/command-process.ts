/** A command of `cairn` as a process of its own. Whatever a test leaves running is ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CommandExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly errors: string;
}

export interface CommandSurroundings {
  /** Standard input. */
  readonly input?: string | undefined;
  /** A command that runs this one as its arguments, such as `strace …`. */
  readonly under?: readonly string[] | undefined;
  /** Besides what the test itself has. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** The command line. */
export const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const running = new Set<CommandProcess>();

export class CommandProcess {
  readonly #child: ChildProcess;
  readonly exit: Promise<CommandExit>;

  constructor(words: readonly string[], { input = '', under = [], environment }: CommandSurroundings = {}) {
    const [command, ...argv] = [...under, process.execPath, MAIN, ...words];
    this.#child = spawn(command!, argv, { stdio: 'pipe', env: { ...process.env, ...environment } });
    running.add(this);
    this.exit = new Promise((resolve, reject) => {
      let output = '';
      let errors = '';
      // So that a character that comes in two pieces stays whole.
      this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
      });
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        running.delete(this);
        resolve({ code, signal, output, errors });
      });
    });
    // One that fails early does not read all of its input.
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stdin!.end(input);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Lines of JSON, as objects. */
export function rowsOf(output: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** For `afterEach`. */
export async function endAllCommands(): Promise<void> {
  for (const one of running) one.kill();
  await Promise.all([...running].map((one) => one.exit));
}
