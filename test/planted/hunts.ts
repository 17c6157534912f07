/** Runs the simulator, or tests, on copies of the program, in processes of their own. */
import { execFile, fork } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './program.js';

/** What came of running seeds on one copy. */
export interface Hunt {
  /** How many seeds were run: the last one is it, if something was found. */
  readonly seeds: number;
  readonly seed: number;
  readonly violation: { readonly invariant: string; readonly message: string } | undefined;
}

interface Begun {
  readonly kind: 'begun';
  readonly seed: number;
}

type Ended = Hunt & { readonly kind: 'ended' };

/** A seed takes a fraction of a second; one that takes so long goes round in circles. */
const SEED_MS_MAX = 60_000;
const TESTS_MS_MAX = 300_000;

/** Seeds and the faults that they are run with. */
export interface SeedRange {
  readonly first: number;
  readonly count: number;
  readonly faults: string;
}

/** Runs seeds until one breaks a promise. Rejects if the process fails by itself. */
export function hunt(folder: string, { first, count, faults }: SeedRange): Promise<Hunt> {
  const script = join(ROOT, 'test/planted/hunt.mjs');
  const child = fork(script, [folder, `${first}`, `${count}`, faults], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    let seed = first;
    let errors = '';
    const isStuck = (): void => {
      child.kill('SIGKILL');
      const violation = { invariant: 'stuck', message: `seed ${seed} took more than ${SEED_MS_MAX} ms` };
      resolve({ seeds: seed - first + 1, seed, violation });
    };
    let timer = setTimeout(isStuck, SEED_MS_MAX);
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('message', (message: Begun | Ended) => {
      if (message.kind === 'ended') {
        resolve(message);
        return;
      }
      seed = message.seed;
      clearTimeout(timer);
      timer = setTimeout(isStuck, SEED_MS_MAX);
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`seed ${seed} in ${folder}: the process ended with ${code}\n${errors}`));
    });
  });
}

/** Runs test files in a folder with sources. Answers with the names of the tests that failed. Rejects if nothing could be run. */
export function runTests(folder: string, files: readonly string[]): Promise<readonly string[]> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const options = [
    'run',
    '--config',
    'vitest.config.mjs',
    '--reporter=json',
    '--pool=forks',
    '--maxWorkers=1',
  ];
  return new Promise((resolve, reject) => {
    const limits = { cwd: folder, timeout: TESTS_MS_MAX, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [vitest, ...options, ...files], limits, (_, output, errors) => {
      const report = parseReport(output);
      if (report === undefined) reject(new Error(`no tests were run in ${folder}\n${output}\n${errors}`));
      else resolve(report);
    });
  });
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

function parseReport(output: string): readonly string[] | undefined {
  const begin = output.indexOf('{"');
  if (begin < 0) return undefined;
  const report = JSON.parse(output.slice(begin)) as Report;
  if (report.numTotalTests === 0) return undefined;
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
}
