/**
 * A result file: JSON lines. First the machine and what was asked for, then every measurement as it was made, at the end a row for each point
 * and how it ended. Only machine and measurements are read again. A file that was cut off in the middle of a line is good up to there.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { CairnError } from '../../src/base/errors.js';
import { packageVersion } from '../../src/cli/version.js';
import { FIELDS } from './configuration.js';
import type { Measurement } from './measurement.js';
import { METRICS, type SweepRow } from './sweep-row.js';

/** Raised when a reader of an older file would misread it. */
const FORMAT = 2;

export interface Machine {
  readonly kind: 'machine';
  readonly format: number;
  readonly cairn: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly nodeJs: string;
  /** What was asked for. */
  readonly sweeps: readonly string[];
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly repetitions: number;
}

export interface Results {
  readonly machine: Machine;
  readonly measurements: readonly Measurement[];
}

/** This machine, now. */
export function describeMachine(
  asked: Pick<Machine, 'sweeps' | 'seconds' | 'warmupSeconds' | 'repetitions'>,
): Machine {
  const processors = cpus();
  return {
    kind: 'machine',
    format: FORMAT,
    cairn: packageVersion(),
    startedAt: new Date().toISOString(),
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    nodeJs: process.version,
    ...asked,
  };
}

/** Writes as things happen, so that whatever ends the run leaves what there was. Without a path nothing is written. */
export class ResultsFile {
  readonly #path: string | undefined;

  /** Begins the file, over whatever was there. Throws `CairnError` `invalid-configuration` if it can't be written. */
  constructor(path: string | undefined, machine: Machine) {
    this.#path = path;
    if (path === undefined) return;
    writeText(path, `${JSON.stringify(machine)}\n`);
  }

  add(line: Measurement | SweepRow | { readonly kind: 'end'; readonly isInterrupted: boolean }): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}

/** Writes a whole file. Throws `CairnError` `invalid-configuration`. */
export function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new CairnError('invalid-configuration', `can't write ${path}: ${code}`, { path }, error);
  }
}

/** Reads a file that a suite wrote. Throws `CairnError` `invalid-configuration`. */
export function readResults(path: string): Results {
  return parseResults(readText(path), path);
}

/** Reads a whole file. Throws `CairnError` `invalid-configuration`. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new CairnError('invalid-configuration', `can't read ${path}: ${code}`, { path }, error);
  }
}

/** The same from its text; `path` is for errors. */
export function parseResults(text: string, path: string): Results {
  const objects = parseLines(text, path);
  const machine = objects.find((object) => object['kind'] === 'machine') as Machine | undefined;
  if (machine === undefined || machine !== (objects[0] as unknown)) {
    throw new CairnError('invalid-configuration', `${path} is no result file of cairn bench suite`, { path });
  }
  if (machine.format !== FORMAT) {
    throw new CairnError(
      'invalid-configuration',
      `${path} is of format ${machine.format}; this version reads ${FORMAT}`,
      { path },
    );
  }
  const measurements = objects.filter((object, index) => {
    if (object['kind'] !== 'measurement') return false;
    const missing = [...FIELDS, ...METRICS, 'percentiles', 'sizes', 'times'].find(
      (field) => object[field] === undefined,
    );
    if (missing === undefined) return true;
    throw new CairnError(
      'invalid-configuration',
      `${path}, line ${index + 1}: a measurement without ${missing}`,
      { path },
    );
  });
  return { machine, measurements: measurements as unknown as Measurement[] };
}

/** A file's lines as objects. Throws `CairnError` `invalid-configuration`. */
export function parseLines(text: string, path: string): Record<string, unknown>[] {
  // What stands behind the last line's end was being written when the run was cut off.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line, index) => parsed(line, index + 1, path));
}

function parsed(line: string, number: number, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw new CairnError(
      'invalid-configuration',
      `${path}, line ${number}: no JSON`,
      { path, line: number },
      error,
    );
  }
  throw new CairnError('invalid-configuration', `${path}, line ${number}: no JSON object`, {
    path,
    line: number,
  });
}
