/**
 * `cairn inspect verify`: what recovery would say of the folder, every record of every chunk, and every page of the index, checked by
 * whoever runs the jobs (a pool of workers); the small files beside them. Changes nothing. Main thread.
 */

import { CairnError } from '../../base/errors.js';
import type { Disk, RecordKernel } from '../../base/ports.js';
import { NodeStateFile } from '../../cluster/node-state-file.js';
import { PAGE_BYTES } from '../../index/page.js';
import { type RecoveredLog, recoverLog } from '../../log/recovery.js';
import { startState } from './chunk-rows.js';
import type { VerificationResult, VerificationTask } from './chunk-verification.js';
import { type FolderContents, indexTasks, type Leftover, surveyContents } from './folder-contents.js';
import { type FolderSurvey, footerProblems, type Problem, surveyFolder } from './folder-survey.js';
import type { EntryDepth, IndexResult, IndexTask } from './index-verification.js';

/** Runs jobs, some at once. */
export interface JobRunner {
  /** How many jobs to have in flight. */
  readonly jobsMax: number;
  chunk(task: VerificationTask): Promise<VerificationResult>;
  index(task: IndexTask): Promise<IndexResult>;
}

export interface VerifyInput {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly folder: string;
  readonly runner: JobRunner;
  /** How many of the index's entries are held against the log. */
  readonly depth: EntryDepth;
  /** Called after each chunk, and each file of the index. */
  readonly progress: (done: number, files: number, bytes: number) => void;
}

export interface VerifySummary {
  readonly chunks: number;
  readonly records: number;
  /** Bytes of valid records. */
  readonly bytes: number;
  /** The end of the log; undefined if damage leaves it open. */
  readonly end: number | undefined;
  /** Bytes behind the end that the next start will zero: a torn write or an unfinished transaction. No damage. */
  readonly tornBytes: number;
  /** A full chunk whose footer the next start will write. No damage. */
  readonly missingFooter: string | undefined;
  /** Files of the index, their pages, and how many of their entries were held against the log. */
  readonly indexFiles: number;
  readonly indexPages: number;
  readonly indexEntries: number;
  /** Files that no node reads. That is no damage. */
  readonly leftovers: readonly Leftover[];
  /** In the order of the log, each place once. */
  readonly problems: readonly Problem[];
  /** All of them; more than are listed if a chunk has very many. */
  readonly problemCount: number;
}

/** Verifies a folder. Throws `invalid-configuration`, `bad-data-folder` (no chunk), or `DiskError`; damage is in the summary. */
export async function verifyFolder(input: VerifyInput): Promise<VerifySummary> {
  const survey = surveyFolder(input.disk, input.folder);
  const recovery = recoverFrom(input, survey);
  const recovered = recovery.kind === 'recovered' ? recovery.log : undefined;
  const tasks = tasksFor(survey, recovered);
  const contents = surveyContents(input.disk, survey);
  const results = await runAll(input, tasks, (task) => input.runner.chunk(task));
  const places = new Map<string, Problem>();
  const footers =
    recovered === undefined ? survey.chunks.flatMap((chunk) => footerProblemsOf(survey, chunk)) : [];
  const own = recovery.kind === 'damaged' ? [recovery.problem] : [];
  const found = results.flatMap(({ problems }) => problems);
  const inLog = [...survey.problems, ...own, ...footers, ...found];
  const files = contents.manifest === undefined ? [] : indexTasksFor(input, survey, contents.manifest, inLog);
  const index = await runAll(input, files, (task) => input.runner.index(task));
  const beside = [...contents.problems, ...index.flatMap(({ problems }) => problems)];
  for (const problem of [...inLog, ...beside]) {
    const place = `${problem.file}:${problem.offset}:${problem.position}`;
    if (!places.has(place)) places.set(place, problem);
  }
  const problems = [...places.values()].sort(byPlace);
  const unlisted = [...results, ...index].reduce(
    (sum, result) => sum + result.problemCount - result.problems.length,
    0,
  );
  const { torn } = recovered ?? {};
  return {
    chunks: survey.chunks.length,
    records: results.reduce((sum, result) => sum + result.records, 0),
    bytes: results.reduce((sum, result) => sum + result.bytes, 0),
    end: recovered?.end.position,
    tornBytes: torn === undefined ? 0 : torn.to - torn.from,
    missingFooter: recovered?.needsFooter?.path,
    indexFiles: index.length,
    indexPages: index.reduce((sum, { pages }) => sum + pages, 0),
    indexEntries: index.reduce((sum, { entries }) => sum + entries, 0),
    leftovers: contents.leftovers,
    problems,
    problemCount: problems.length + unlisted,
  };
}

/** Chunks in which anything is damaged are not compared: what is wrong there is not the index. */
function indexTasksFor(
  { depth }: VerifyInput,
  survey: FolderSurvey,
  manifest: NonNullable<FolderContents['manifest']>,
  inLog: readonly Problem[],
): IndexTask[] {
  const damaged = new Set(inLog.map(({ file }) => file));
  const paths = new Map(survey.chunks.map(({ chunkNumber, path }) => [chunkNumber, path]));
  return indexTasks(survey, manifest, (chunk) => !damaged.has(paths.get(chunk)!), depth);
}

type RecoveryAnswer =
  | { readonly kind: 'recovered'; readonly log: RecoveredLog }
  | { readonly kind: 'damaged'; readonly problem: Problem }
  | { readonly kind: 'impossible' };

/** What a start of the node would find. With chunks that don't fit together it would get nowhere. */
function recoverFrom({ disk, kernel, folder }: VerifyInput, survey: FolderSurvey): RecoveryAnswer {
  if (survey.problems.length > 0) return { kind: 'impossible' };
  try {
    const catchingUpFrom = NodeStateFile.peek(disk, folder)?.catchingUpFrom;
    const log = recoverLog({ disk, kernel, folder, catchingUpFrom });
    return log.kind === 'log' ? { kind: 'recovered', log } : { kind: 'impossible' };
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
    const { file, offset, position, reason } = error.details;
    const problem = {
      file: String(file ?? folder),
      offset: Number(offset ?? 0),
      position: position === undefined ? undefined : Number(position),
      reason: String(reason ?? error.message),
    };
    return { kind: 'damaged', problem };
  }
}

/** One task for each chunk that has records, or may have. */
function tasksFor(survey: FolderSurvey, recovered: RecoveredLog | undefined): VerificationTask[] {
  const { chunkSize, chunks } = survey;
  if (chunkSize === undefined) return [];
  const end = recovered?.end.position ?? Number.POSITIVE_INFINITY;
  const tasks: VerificationTask[] = [];
  for (const [i, { chunkNumber, path, footer, isReadable }] of chunks.entries()) {
    const from = chunkNumber * chunkSize;
    const to = Math.min(from + chunkSize, end);
    if (!isReadable || to <= from) continue;
    const isSealed = footer !== undefined && to === from + chunkSize;
    const before = startState(chunkNumber, chunks[i - 1]);
    const isFull = isSealed || recovered !== undefined;
    tasks.push({ path, chunkSize, from, to, isFull, before, footer: isSealed ? footer : undefined });
  }
  return tasks;
}

/** Runs the tasks, as many at once as the runner wants; results in the order of the tasks. */
async function runAll<Task, Result extends VerificationResult | IndexResult>(
  { runner, progress }: VerifyInput,
  tasks: readonly Task[],
  run: (task: Task) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let done = 0;
  let bytes = 0;
  const lane = async () => {
    for (let i = next++; i < tasks.length; i = next++) {
      const result = await run(tasks[i]!);
      results[i] = result;
      bytes += 'bytes' in result ? result.bytes : result.pages * PAGE_BYTES;
      progress(++done, tasks.length, bytes);
    }
  };
  await Promise.all(Array.from({ length: runner.jobsMax }, lane));
  return results;
}

function footerProblemsOf(survey: FolderSurvey, chunk: FolderSurvey['chunks'][number]): Problem[] {
  return survey.chunkSize === undefined || chunk.problem !== undefined
    ? []
    : footerProblems(chunk, survey.chunkSize);
}

function byPlace(a: Problem, b: Problem): number {
  return (a.position ?? -1) - (b.position ?? -1) || a.offset - b.offset || (a.file < b.file ? -1 : 1);
}
