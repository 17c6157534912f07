/** How the outcome of `cairn inspect verify` is told, to people and to programs. Pure. */
import type { Row } from './output.js';
import type { VerifySummary } from './verify-run.js';

/** One object for each problem, then the summary. */
export function* summaryRows(summary: VerifySummary, seconds: number): Generator<Row> {
  const { problems, problemCount, chunks, records, bytes, end, tornBytes, missingFooter } = summary;
  const { indexFiles, indexPages, indexEntries, leftovers } = summary;
  for (const { file, offset, position, reason } of problems) {
    yield { kind: 'problem', file, offset, position: position ?? null, reason };
  }
  for (const { file, what } of leftovers) yield { kind: 'leftover', file, what };
  const rounded = Math.round(seconds * 1000) / 1000;
  const facts = { chunks, records, bytes, end: end ?? null, tornBytes, missingFooter: missingFooter ?? null };
  const index = { indexFiles, indexPages, indexEntries, leftovers: leftovers.length };
  yield {
    kind: 'summary',
    clean: problemCount === 0,
    problems: problemCount,
    ...facts,
    ...index,
    seconds: rounded,
  };
}

/** Lines for people: the problems, then what was verified. */
export function* summaryLines(summary: VerifySummary, seconds: number): Generator<string> {
  const { problems, problemCount, chunks, records, bytes, end, tornBytes, missingFooter } = summary;
  for (const { file, offset, position, reason } of problems) {
    yield `${file}${placeOf(offset, position)}: ${reason}`;
  }
  if (problemCount > problems.length) yield `… and ${problemCount - problems.length} more in the same files`;
  const amount = `${counted(chunks, 'chunk')}, ${counted(records, 'record')}, ${megabytes(bytes)}`;
  yield `${amount} verified in ${seconds.toFixed(1)} s: ${problemCount === 0 ? 'no damage' : counted(problemCount, 'problem')}`;
  if (summary.indexFiles > 0) {
    const entries = counted(summary.indexEntries, 'entry', 'entries');
    yield `of the index ${counted(summary.indexFiles, 'file')} with ${counted(summary.indexPages, 'page')}; ${entries} compared with the log`;
  }
  for (const { file, what } of summary.leftovers) yield `${file}: ${what}`;
  if (end !== undefined) yield `the log ends at position ${end}`;
  if (tornBytes > 0) {
    yield `behind it are ${tornBytes} bytes of a write that was never acknowledged; the next start of the node removes them`;
  }
  if (missingFooter !== undefined)
    yield `${missingFooter} is full; the next start of the node writes its footer`;
}

function counted(count: number, what: string, many = `${what}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? what : many}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
}

/** Empty for what concerns a whole file. */
function placeOf(offset: number, position: number | undefined): string {
  if (position !== undefined) return ` (offset ${offset}, position ${position})`;
  return offset === 0 ? '' : ` (offset ${offset})`;
}
