/**
 * The node's log: pino, on standard output, which writes at once, so that the last line before a death is there. `Json` is pino's
 * own format; `Plain` is the same lines for people: time, level, message, then the fields. Main thread.
 */
import { type Level, type Logger, pino, stdTimeFunctions } from 'pino';
import type { NodeOptions } from '../config/options.js';

/** Where lines go: standard output, or a test. */
export interface LineSink {
  write(line: string): void;
}

/** Opens the log that the options ask for. */
export function openLog(
  options: Pick<NodeOptions, 'logLevel' | 'logConsoleFormat'>,
  output: LineSink,
): Logger {
  const settings = { level: options.logLevel, timestamp: stdTimeFunctions.isoTime };
  if (options.logConsoleFormat === 'Json') return pino(settings, output);
  const plain: LineSink = { write: (line) => output.write(plainLine(line)) };
  return pino({ ...settings, base: null }, plain);
}

const LEVEL_NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.entries(pino.levels.values).map(([name, number]) => [
    number,
    (name as Level).toUpperCase().padEnd(5),
  ]),
);

/** One of pino's JSON lines for people; a stack, which only bugs have, follows on lines of its own. */
function plainLine(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const parts = [
    time,
    LEVEL_NAMES.get(level),
    msg ?? '',
    ...Object.entries(fields).map(([name, value]) => field(name, value)),
  ];
  const line = parts.join(' ').trimEnd();
  return `${line}${errorText(err)}\n`;
}

function field(name: string, value: unknown): string {
  return `${name}=${typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`;
}

/** pino's form of an error: one with a code is known and needs no stack. */
function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { message, code, stack } = err as Record<string, unknown>;
  return code === undefined ? `\n${stack ?? message}` : `: ${message} [${code}]`;
}
