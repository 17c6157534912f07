/** `cairn backup` as a process of its own. Whatever a test leaves running is ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface BackupExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output, line by line, as objects. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Standard error. */
  readonly errors: string;
}

/** The command line. */
export const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const running = new Set<BackupProcess>();

export class BackupProcess {
  readonly #child: ChildProcess;
  readonly exit: Promise<BackupExit>;

  /** `under`: a command that runs this one as its arguments, such as `strace …`. */
  constructor(words: readonly string[], under: readonly string[] = []) {
    const [command, ...argv] = [...under, process.execPath, MAIN, 'backup', ...words, '-o', 'json'];
    this.#child = spawn(command!, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this);
    this.exit = new Promise((resolve, reject) => {
      let output = '';
      let errors = '';
      this.#child.stdout!.on('data', (text: Buffer) => {
        output += text;
      });
      this.#child.stderr!.on('data', (text: Buffer) => {
        errors += text;
      });
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        running.delete(this);
        const lines = output.split('\n').filter((line) => line !== '');
        const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        resolve({ code, signal, rows, errors });
      });
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Runs the command to its end, whatever that is. */
export async function runBackup(words: readonly string[], under?: readonly string[]): Promise<BackupExit> {
  return await new BackupProcess(words, under).exit;
}

/** Runs it to a good end; returns what it said last. Throws what it said instead. */
export async function backup(...words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { code, rows, errors } = await runBackup(words);
  if (code !== 0) throw new Error(`cairn backup ${words.join(' ')} ended with ${code}: ${errors}`);
  return rows.at(-1)!;
}

/** For `afterEach`. */
export async function endAllBackups(): Promise<void> {
  for (const one of running) one.kill();
  await Promise.all([...running].map((one) => one.exit));
}
