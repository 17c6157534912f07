/**
 * The text behind the flags of `cairn bench`, turned into numbers and choices. Pure. What is not usable gives a `CairnError` with code
 * `invalid-configuration` that names the flag and says what it takes.
 */
import { CairnError } from '../src/base/errors.js';
import { APPEND_EVENTS_MAX } from '../src/wire/frames.js';

/** The text behind each flag, by its camel-case name, as commander gives it. */
export type FlagValues = Readonly<Record<string, string | undefined>>;

interface NumberRange {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** A fraction is not allowed. */
  readonly whole: boolean;
}

const RANGES = {
  // The most voters that a cluster can have.
  nodes: { default: 1, min: 1, max: 9, whole: true },
  // The node's default limit of unanswered appends on one connection.
  inFlight: { default: 256, min: 1, max: 16_384, whole: true },
  // Just below the node's default --max-append-event-size of 1 MiB, which counts the type as well.
  eventBytes: { default: 256, min: 1, max: 1_048_000, whole: true },
  eventsPerRequest: { default: 1, min: 1, max: APPEND_EVENTS_MAX, whole: true },
  // A million stream names is more than any run here appends to evenly.
  streams: { default: 16, min: 1, max: 1_000_000, whole: true },
  connections: { default: 1, min: 1, max: 64, whole: true },
  seconds: { default: 5, min: 0.01, max: 86_400, whole: false },
  warmup: { default: 2, min: 0, max: 3_600, whole: false },
  rate: { default: 0, min: 0.001, max: 100_000_000, whole: false },
  // At 256 bytes an event the upper end is a log of 350 GB.
  events: { default: 1_000_000, min: 1, max: 1_000_000_000, whole: true },
  // The node's default limit of subscriptions.
  subscribers: { default: 1000, min: 1, max: 10_000, whole: true },
  runs: { default: 3, min: 1, max: 1000, whole: true },
  // strace counts in microseconds, in 32 bits.
  delayMs: { default: 300, min: 1, max: 60_000, whole: true },
  throttlePercent: { default: 50, min: 1, max: 100, whole: true },
} as const satisfies Record<string, NumberRange>;

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The number behind a flag; `fallback` without one, by default what the table says. Throws `CairnError`. */
export function numberOf(flags: FlagValues, name: keyof typeof RANGES, fallback?: number): number {
  const text = flags[name];
  const range = RANGES[name];
  if (text === undefined) return fallback ?? range.default;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max && (!range.whole || Number.isInteger(value))) return value;
  const kind = range.whole ? 'a whole number' : 'a number';
  throw refused(`${flagOf(name)} takes ${kind} from ${range.min} to ${range.max}, not '${text}'`);
}

/** The numbers behind a flag, which are separated by commas, each in the flag's range. Throws `CairnError`. */
export function numbersOf(flags: FlagValues, name: keyof typeof RANGES, fallback: string): number[] {
  return (flags[name] ?? fallback).split(',').map((text) => numberOf({ [name]: text.trim() }, name));
}

/** A number of bytes, such as `1GiB`. Throws `CairnError`. */
export function bytesOf(flags: FlagValues, name: string, fallback: number): number {
  const text = flags[name];
  if (text === undefined) return fallback;
  const [, digits, unit] = /^(\d+)\s*(KiB|MiB|GiB|)$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw refused(`${flagOf(name)} takes a number of bytes such as 64MiB or 1GiB, not '${text}'`);
}

/** One of several words. Throws `CairnError`. */
export function choiceOf<Choice extends string>(
  flags: FlagValues,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const text = flags[name];
  if (text === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw refused(`${flagOf(name)} takes ${choices.join(' or ')}, not '${text}'`);
}

/** Without those that commander knows and the user didn't give. */
export function defined(flags: FlagValues): FlagValues {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function refused(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
