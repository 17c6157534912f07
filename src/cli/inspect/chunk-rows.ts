/**
 * `cairn inspect chunks`: one row for each chunk file of a folder, in whatever state it is. The records of a sealed chunk are
 * counted by its footer, those of any other by reading it. Main thread.
 */
import type { Disk, RecordKernel } from '../../base/ports.js';
import { CHUNK_SIZE_MIN, chainAfter } from '../../log/chunk.js';
import { ChunkReader } from '../../log/chunk-reader.js';
import { LOG_START, occupiedBytes, RECORD } from '../../log/record.js';
import { walkChunk } from './chunk-walk.js';
import type { FolderSurvey, SurveyedChunk } from './folder-survey.js';
import type { Column, Row } from './output.js';

export const CHUNK_COLUMNS: readonly Column[] = [
  { field: 'chunk', title: 'CHUNK', width: 6, align: 'right' },
  { field: 'version', title: 'VERSION', width: 7, align: 'right' },
  { field: 'state', title: 'STATE', width: 10 },
  { field: 'records', title: 'RECORDS', width: 10, align: 'right' },
  { field: 'start', title: 'START', width: 14, align: 'right' },
  { field: 'end', title: 'END', width: 14, align: 'right' },
  { field: 'bytesUsed', title: 'BYTES USED', width: 12, align: 'right' },
  { field: 'fileBytes', title: 'FILE BYTES', width: 12, align: 'right' },
  { field: 'created', title: 'CREATED', width: 24 },
  { field: 'chunkId', title: 'CHUNK ID', width: 36 },
  { field: 'file', title: 'FILE', width: 0 },
  { field: 'problem', title: 'PROBLEM', width: 0 },
];

/** The rows of all files that are, or are called like, chunks. Throws `DiskError`. */
export function* chunkRows(disk: Disk, kernel: RecordKernel, survey: FolderSurvey): Generator<Row> {
  const reader = new ChunkReader({ disk, kernel }, survey.chunkSize ?? CHUNK_SIZE_MIN);
  try {
    for (const [i, chunk] of survey.chunks.entries()) {
      const before = survey.chunks[i - 1];
      yield chunkRow(kernel, reader, survey, { chunk, before });
    }
  } finally {
    reader.close();
  }
  const { superseded, temporary, malformed } = survey.listing;
  for (const { chunkNumber, version, path } of superseded)
    yield otherRow('superseded', path, chunkNumber, version);
  for (const path of temporary) yield otherRow('temporary', path);
  for (const path of malformed) yield otherRow('foreign', path);
}

interface Neighbours {
  readonly chunk: SurveyedChunk;
  readonly before: SurveyedChunk | undefined;
}

function chunkRow(
  kernel: RecordKernel,
  reader: ChunkReader,
  survey: FolderSurvey,
  { chunk, before }: Neighbours,
): Row {
  const { chunkNumber, version, path, header, footer } = chunk;
  const { chunkSize } = survey;
  const problems = [chunk.problem, chunk.footerProblem].filter((problem) => problem !== undefined);
  const start = chunkSize === undefined ? null : chunkNumber * chunkSize;
  let used: Used | undefined;
  if (footer !== undefined)
    used = { records: footer.recordCount, end: footer.endPosition, problem: undefined };
  else if (chunk.isReadable && start !== null) used = readUsed(kernel, reader, survey, { chunk, before });
  if (used?.problem !== undefined) problems.push(used.problem);
  return {
    chunk: chunkNumber,
    version,
    file: path,
    state: stateOf(chunk, used),
    records: used?.records ?? null,
    start,
    end: used?.end ?? null,
    bytesUsed: used === undefined || start === null ? null : used.end - start,
    fileBytes: chunk.fileBytes,
    logId: header?.logId ?? null,
    chunkId: header?.chunkId ?? null,
    created: header === undefined ? null : new Date(header.createdUs / 1000).toISOString(),
    problem: problems.length === 0 ? null : problems.join('; '),
  };
}

function stateOf({ problem, header, footer }: SurveyedChunk, used: Used | undefined): string {
  if (problem !== undefined) return 'damaged';
  if (header?.packed !== undefined) return 'scavenged';
  if (footer !== undefined) return 'sealed';
  return used?.records === 0 && used.problem === undefined ? 'prepared' : 'active';
}

function otherRow(
  state: string,
  file: string,
  chunk: number | null = null,
  version: number | null = null,
): Row {
  const none = { records: null, start: null, end: null, bytesUsed: null, fileBytes: null };
  const unknown = { logId: null, chunkId: null, created: null };
  return { chunk, version, file, state, ...none, ...unknown, problem: null };
}

interface Used {
  readonly records: number;
  readonly end: number;
  readonly problem: string | undefined;
}

/** What a chunk without a footer holds. Damage inside is a problem; the records behind it count, too. */
function readUsed(
  kernel: RecordKernel,
  reader: ChunkReader,
  survey: FolderSurvey,
  { chunk, before }: Neighbours,
): Used {
  const chunkSize = survey.chunkSize!;
  const from = chunk.chunkNumber * chunkSize;
  const state = startState(chunk.chunkNumber, before);
  reader.open(chunk.path, from, from, from + chunkSize);
  const walk = walkChunk(kernel, reader, { from, to: from + chunkSize }, state);
  let records = 0;
  let problem: string | undefined;
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done === true) return { records, end: step.value.position, problem };
    if (step.value.kind === 'run')
      records += countRecords(step.value.bytes, step.value.at, step.value.length);
    else problem ??= `from position ${step.value.position}: ${step.value.reason}`;
  }
}

/** What the first record of a chunk continues; undefined if that can't be known. */
export function startState(chunkNumber: number, before: SurveyedChunk | undefined) {
  if (chunkNumber === 0) return { ...LOG_START };
  if (before?.chunkNumber !== chunkNumber - 1 || before.footer === undefined) return undefined;
  return chainAfter(before.footer);
}

function countRecords(bytes: Uint8Array, at: number, length: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let record = at; record < at + length; count++) {
    record += occupiedBytes(view.getUint32(record + RECORD.length, true));
  }
  return count;
}
