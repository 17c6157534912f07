/**
 * What is in a data folder besides chunks: the index with its manifest, the node's state, `history`; and what belongs to nobody. Reads the small
 * files; the index's own are jobs (index-verification.ts). For `cairn inspect verify`; main thread.
 */
import { type Disk, DiskError } from '../../base/ports.js';
import { HISTORY_FILE, historyProblem } from '../../cluster/history-file.js';
import { NodeStateFile } from '../../cluster/node-state-file.js';
import {
  eventIdsFileName,
  filesOf,
  loadManifest,
  type Manifest,
  segmentFileName,
} from '../../index/manifest.js';
import { chainAfter, parseFileName } from '../../log/chunk.js';
import { OF_BACKUPS_FILE, RESTORED_FILE, RESTORING_FILE } from '../../node/restored-folder.js';
import { SCAVENGE_FILE } from '../../scavenge/scavenge-state.js';
import type { FolderSurvey, Problem } from './folder-survey.js';
import type { EntryDepth, IndexTask } from './index-verification.js';

/** A file that no node reads. That is no damage. */
export interface Leftover {
  readonly file: string;
  readonly what: string;
}

export interface FolderContents {
  readonly problems: readonly Problem[];
  readonly leftovers: readonly Leftover[];
  /** Undefined if there is no index that can be used. */
  readonly manifest: Manifest | undefined;
}

const INDEX_FOLDER = 'index';
const STATE_FILE = 'node-state';
const OURS: ReadonlySet<string> = new Set([
  ...['lock', STATE_FILE, HISTORY_FILE, INDEX_FOLDER, SCAVENGE_FILE],
  ...[RESTORING_FILE, RESTORED_FILE, OF_BACKUPS_FILE],
]);
const TEMPORARY_PATTERN = /^(?:lock|node-state|history|scavenge|restoring)\.tmp/;
const TEMPORARY = 'an unfinished file; the next start of the node removes it';
const UNKNOWN = 'not a file of Cairn; no node reads it';

/** Throws `DiskError` if the folder itself can't be read. */
export function surveyContents(disk: Disk, survey: FolderSurvey): FolderContents {
  const { folder, logId } = survey;
  const leftovers = leftoversIn(disk, survey);
  const problems = [...stateProblems(disk, folder), ...historyProblems(disk, folder, logId)];
  const index = indexContents(disk, survey);
  return {
    problems: [...problems, ...index.problems],
    leftovers: [...leftovers, ...index.leftovers],
    manifest: index.manifest,
  };
}

/** One task for each file of the index. `isSound`: nothing is known to be damaged in this chunk. */
export function indexTasks(
  { folder, chunks, chunkSize, logId }: FolderSurvey,
  { segments, eventIds, seed }: Manifest,
  isSound: (chunk: number) => boolean,
  depth: EntryDepth,
): IndexTask[] {
  const task = (kind: IndexTask['kind'], name: string, firstChunk: number, lastChunk: number): IndexTask => {
    const footer = chunks.find(({ chunkNumber }) => chunkNumber === lastChunk)?.footer;
    const own = chunks.filter(({ chunkNumber: number }) => number >= firstChunk && number <= lastChunk);
    return {
      ...{ kind, path: `${folder}/${INDEX_FOLDER}/${name}`, logId: logId!, chunkSize: chunkSize! },
      ...{ firstChunk, lastChunk, seed, depth },
      end: footer && chainAfter(footer),
      chunks: own
        .filter(({ chunkNumber, footer }) => footer !== undefined && isSound(chunkNumber))
        .map(({ chunkNumber: number, path }) => ({ number, path })),
    };
  };
  return [
    ...segments.map(({ file, firstChunk, lastChunk }) =>
      task('segment', segmentFileName(file), firstChunk, lastChunk),
    ),
    ...eventIds.map(({ file, chunk }) => task('event-ids', eventIdsFileName(file), chunk, chunk)),
  ];
}

function leftoversIn(disk: Disk, { folder, listing }: FolderSurvey): Leftover[] {
  const found: Leftover[] = [
    ...listing.superseded.map(({ path: file }) => ({ file, what: 'an older version of a chunk' })),
    ...listing.temporary.map((file) => ({ file, what: TEMPORARY })),
  ];
  for (const name of disk.list(folder)) {
    if (OURS.has(name) || parseFileName(name).kind !== 'other') continue;
    found.push({ file: `${folder}/${name}`, what: TEMPORARY_PATTERN.test(name) ? TEMPORARY : UNKNOWN });
  }
  return found;
}

function stateProblems(disk: Disk, folder: string): Problem[] {
  const checked = readable(() => NodeStateFile.check(disk, folder));
  if (checked === undefined) return [];
  const remedy = 'the node does not start; wipe its folder, so that it joins anew, or restore a backup';
  return [problemOf(`${folder}/${STATE_FILE}`, `the state of the node is damaged: ${checked}; ${remedy}`)];
}

function historyProblems(disk: Disk, folder: string, logId: string | undefined): Problem[] {
  const checked = readable(() => historyProblem(disk, folder, logId));
  if (checked === undefined) return [];
  return [
    problemOf(
      `${folder}/${HISTORY_FILE}`,
      `${checked}; the next start reads the log instead, and makes it anew`,
    ),
  ];
}

function indexContents(disk: Disk, { folder, logId, chunkSize }: FolderSurvey): FolderContents {
  const indexFolder = `${folder}/${INDEX_FOLDER}`;
  if (!disk.list(folder).includes(INDEX_FOLDER)) return { problems: [], leftovers: [], manifest: undefined };
  const names = disk.list(indexFolder);
  // One that was never saved: the log has no sealed chunk yet, or its first start was cut short.
  if (names.length === 0) return { problems: [], leftovers: [], manifest: undefined };
  const loaded = loadManifest(disk, indexFolder);
  const isOurs = typeof loaded !== 'string' && loaded.logId === logId && loaded.chunkSize === chunkSize;
  if (!isOurs) {
    const reason = typeof loaded === 'string' ? loaded : 'it is that of another log';
    const remedy = 'the node makes the index anew from the log';
    const problem = problemOf(
      `${indexFolder}/manifest`,
      `the manifest of the index can not be used: ${reason}; ${remedy}`,
    );
    return { problems: [problem], leftovers: [], manifest: undefined };
  }
  const named = filesOf(loaded);
  const leftovers = names
    .filter((name) => !named.has(name))
    .map((name) => ({
      file: `${indexFolder}/${name}`,
      what: 'not in the manifest of the index; the next start of the node removes it',
    }));
  return { problems: [], leftovers, manifest: loaded };
}

/** What a disk can't read is damage, too. */
function readable(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof DiskError) return error.message;
    throw error;
  }
}

function problemOf(file: string, reason: string): Problem {
  return { file, offset: 0, position: undefined, reason };
}
