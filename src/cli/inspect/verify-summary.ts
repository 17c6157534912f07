/** How the outcome of `cairn inspect verify` is told, to people and to programs. Pure. */
import type { Row } from './output.js';
import type { VerifySummary } from './verify-run.js';

/** One object for each problem, then the summary. */
export function* summaryRows(summary: VerifySummary, seconds: number): Generator<Row> {
  const { problems, problemCount, chunks, records, bytes, end, tornBytes, missingFooter } = summary;
  for (const { file, offset, position, reason } of problems) {
    yield { kind: 'problem', file, offset, position: position ?? null, reason };
  }
  const rounded = Math.round(seconds * 1000) / 1000;
  const facts = { chunks, records, bytes, end: end ?? null, tornBytes, missingFooter: missingFooter ?? null };
  yield { kind: 'summary', clean: problemCount === 0, problems: problemCount, ...facts, seconds: rounded };
}

/** Lines for people: the problems, then what was verified. */
export function* summaryLines(summary: VerifySummary, seconds: number): Generator<string> {
  const { problems, problemCount, chunks, records, bytes, end, tornBytes, missingFooter } = summary;
  for (const { file, offset, position, reason } of problems) {
    const place = position === undefined ? '' : ` (offset ${offset}, position ${position})`;
    yield `${file}${place}: ${reason}`;
  }
  if (problemCount > problems.length) yield `… and ${problemCount - problems.length} more in the same chunks`;
  const amount = `${counted(chunks, 'chunk')}, ${counted(records, 'record')}, ${megabytes(bytes)}`;
  yield `${amount} verified in ${seconds.toFixed(1)} s: ${problemCount === 0 ? 'no damage' : counted(problemCount, 'problem')}`;
  if (end !== undefined) yield `the log ends at position ${end}`;
  if (tornBytes > 0) {
    yield `behind it are ${tornBytes} bytes of a write that was never acknowledged; the next start of the node removes them`;
  }
  if (missingFooter !== undefined)
    yield `${missingFooter} is full; the next start of the node writes its footer`;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
}
