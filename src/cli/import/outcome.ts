/** What an import says when it has ended, well or not. Pure. */
import { CairnError, type ErrorCode } from '../../base/errors.js';
import type { ImportState } from './import-run.js';
import { grouped } from './progress.js';

/** The summary as one line of JSON. */
export function jsonSummary(state: ImportState, seconds: number): string {
  return JSON.stringify({
    ...state,
    seconds: Number(seconds.toFixed(3)),
    rowsPerSecond: rateOf(state, seconds),
  });
}

/** The summary for people, a fact a line. */
export function tableSummary(state: ImportState, seconds: number): string {
  const facts: [string, string][] = [
    ['rows', grouped(state.rows)],
    ['events written', grouped(state.eventsWritten)],
    ['events already there', grouped(state.eventsAlreadyThere)],
    ['streams', grouped(state.streams)],
    ['bytes', grouped(state.bytes)],
    ['seconds', seconds.toFixed(2)],
    ['rows/s', grouped(rateOf(state, seconds))],
  ];
  if (state.rowsSkipped > 0) facts.splice(3, 0, ['rows skipped', grouped(state.rowsSkipped)]);
  const width = Math.max(...facts.map(([, value]) => value.length));
  return facts.map(([name, value]) => `${name.padEnd(20)}  ${value.padStart(width)}`).join('\n');
}

function rateOf({ rows }: ImportState, seconds: number): number {
  return seconds === 0 ? 0 : Math.round(rows / seconds);
}

/** After these the same command can succeed: the node, or the way to it, was away, or its disk was full. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'connection-lost',
  'connection-refused',
  'timeout',
  'shutting-down',
  'not-ready',
  'slow-consumer',
  'disk-full',
]);

/** The error with what is in place now, and how to go on. `isNamed`: a later run would know the source again. */
export function withAdvice(error: unknown, state: ImportState, isNamed: boolean): unknown {
  if (!(error instanceof CairnError)) return error;
  const advice = adviceOn(error, state, isNamed);
  if (advice === undefined) return error;
  return new CairnError(error.code, `${reasonOf(error)}. ${advice}`, error.details, error);
}

/** What happened, without what the client library advises its users to do: an import does that already. */
function reasonOf({ code, message, cause }: CairnError): string {
  return cause instanceof CairnError && cause.code === code ? cause.message : message;
}

const NOT_NAMED =
  'Standard input without --source is not known again: importing the same once more would double what is in place.';

function adviceOn({ code, details }: CairnError, state: ImportState, isNamed: boolean): string | undefined {
  const { rows, eventsWritten, eventsAlreadyThere } = state;
  if (code === 'bad-input' && details['offset'] !== undefined) {
    if (rows === 0) return 'Nothing was imported.';
    const goOn = isNamed
      ? 'Correct the input from there on and run the same command again: it goes on where it stopped.'
      : NOT_NAMED;
    return `The ${grouped(rows)} rows before it are in place. ${goOn}`;
  }
  if (!PASSING.has(code) || eventsWritten + eventsAlreadyThere === 0) return undefined;
  const goOn = isNamed
    ? 'Run the same command again: it goes on where it stopped, and nothing doubles.'
    : NOT_NAMED;
  return `${grouped(eventsWritten)} events were written. ${goOn}`;
}
