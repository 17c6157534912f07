/** `cairn import` as a process of its own. Whatever a test leaves running is ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ImportExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly errors: string;
}

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const running = new Set<ImportProcess>();

export class ImportProcess {
  readonly #child: ChildProcess;
  readonly exit: Promise<ImportExit>;

  /** Starts an import; `input` is its standard input. */
  constructor(url: string, words: readonly string[], input = '') {
    const argv = [MAIN, 'import', ...words, '--url', url, '-o', 'json'];
    this.#child = spawn(process.execPath, argv, { stdio: 'pipe' });
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
        resolve({ code, signal, output, errors });
      });
    });
    // An import that fails early does not read all of its input.
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stdin!.end(input);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Runs an import to its end. */
export async function runImport(url: string, words: readonly string[], input?: string): Promise<ImportExit> {
  return await new ImportProcess(url, words, input).exit;
}

/** For `afterEach`. */
export async function endAllImports(): Promise<void> {
  for (const one of running) one.kill();
  await Promise.all([...running].map((one) => one.exit));
}
