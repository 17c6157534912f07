/**
 * How an error that ends a command is told to the user: one line with its stable code, one line for each fact, never a stack
 * unless CAIRN_DEBUG=1. Pure.
 */
import { CairnError, type ErrorCode } from '../base/errors.js';
import { DiskError } from '../base/ports.js';
import { EXIT_CODES, type ExitCode, exitCodeOf } from './exit-codes.js';

/** What to print on standard error, and the status to exit with. */
export interface Failure {
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
}

/** Describes anything that was thrown. `debug` adds the stack, and the stacks of the causes. */
export function describeFailure(error: unknown, debug: boolean): Failure {
  const stacks = debug ? stacksOf(error) : [];
  const known = knownError(error);
  if (known !== undefined) {
    const facts = Object.entries(known.details).map(([name, value]) => `  ${name}: ${value}`);
    const lines = [`cairn: ${known.message} [${known.code}]`, ...facts, ...stacks];
    return { lines, exitCode: exitCodeOf(known.code) };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = debug ? [] : ['  This is a bug. CAIRN_DEBUG=1 shows where it happened.'];
  const lines = [`cairn: unexpected failure: ${message} [unexpected]`, ...hint, ...stacks];
  return { lines, exitCode: EXIT_CODES.unexpected };
}

/** The error as a code that users know; undefined if it is a bug of ours. */
export function knownError(error: unknown): CairnError | undefined {
  if (error instanceof CairnError) return error;
  if (!(error instanceof DiskError)) return undefined;
  const code: ErrorCode = error.isOutOfSpace ? 'disk-full' : 'disk-failure';
  const { errno, syscall, path } = error;
  return new CairnError(code, error.message, { errno, syscall, path }, error);
}

function stacksOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? error.message, ...stacksOf(error.cause).map((stack) => `caused by ${stack}`)];
}
