/**
 * What a data folder holds, without judging: where a node would refuse to start, this goes on, and lists what is wrong. Reads two
 * blocks of each chunk. For `cairn inspect`; main thread.
 */
import { CairnError } from '../../base/errors.js';
import { type Disk, DiskError } from '../../base/ports.js';
import { type ChunkFooter, type ChunkHeader, footerOffsetOf } from '../../log/chunk.js';
import { fileBytesOf } from '../../log/chunk-contents.js';
import {
  type ChunkName,
  type FolderListing,
  footerOf,
  listFolder,
  readChunkBlocks,
} from '../../log/folder.js';

/** Something that is not as it should be. `position` is undefined where it concerns no place in the log. */
export interface Problem {
  readonly file: string;
  readonly offset: number;
  readonly position: number | undefined;
  readonly reason: string;
}

export interface SurveyedChunk extends ChunkName {
  readonly fileBytes: number;
  readonly header: ChunkHeader | undefined;
  /** Undefined if there is none, or none that counts. */
  readonly footer: ChunkFooter | undefined;
  /** Whether the file is long enough for a chunk of this log, so that its data can be read. */
  readonly isReadable: boolean;
  /** What is wrong with header, length and name. */
  readonly problem: string | undefined;
  /** What is wrong with the footer. Whether that matters depends on what the chunk holds. */
  readonly footerProblem: string | undefined;
}

export interface FolderSurvey {
  readonly folder: string;
  readonly listing: FolderListing;
  /** Of the first chunk that says so; undefined if none does. */
  readonly chunkSize: number | undefined;
  readonly logId: string | undefined;
  readonly chunks: readonly SurveyedChunk[];
  /** Everything that keeps the chunks from making one log, the footers left aside. */
  readonly problems: readonly Problem[];
}

/**
 * Surveys a folder. Throws `invalid-configuration` if it isn't one, `bad-data-folder` if it has no chunk, or `DiskError`.
 */
export function surveyFolder(disk: Disk, folder: string): FolderSurvey {
  const listing = listExisting(disk, folder);
  if (listing.chunks.length === 0) {
    throw new CairnError('bad-data-folder', `there is no chunk in ${folder}`, { file: folder });
  }
  const blocks = listing.chunks.map((name) => ({ name, ...readChunkBlocks(disk, name.path) }));
  const headers = blocks.map(({ header }) => (header.kind === 'header' ? header.header : undefined));
  const first = headers.find((header) => header !== undefined);
  const chunks = blocks.map(({ name, fileBytes, header, footer }): SurveyedChunk => {
    const own = header.kind === 'header' ? header.header : undefined;
    const counted = own === undefined || footer === undefined ? undefined : footerOf(own, footer);
    return {
      ...name,
      fileBytes,
      header: own,
      footer: counted?.kind === 'footer' ? counted.footer : undefined,
      isReadable: first !== undefined && fileBytes === fileBytesOf({ ...first, packed: own?.packed }),
      problem: header.kind === 'header' ? misfit(name, header.header, fileBytes, first) : unreadable(header),
      footerProblem: counted === undefined || counted.kind === 'damaged' ? counted?.reason : undefined,
    };
  });
  const chunkSize = first?.chunkSize;
  const problems = [
    ...folderProblems(folder, listing),
    ...chunks.flatMap((chunk) => chunkProblem(chunk, chunkSize)),
  ];
  return { folder, listing, chunkSize, logId: first?.logId, chunks, problems };
}

/** The footer's problem as one with a place. */
export function footerProblems(chunk: SurveyedChunk, chunkSize: number): Problem[] {
  if (chunk.footerProblem === undefined) return [];
  const position = (chunk.chunkNumber + 1) * chunkSize;
  const reason = `the chunk footer is damaged: ${chunk.footerProblem}`;
  return [{ file: chunk.path, offset: footerOffsetOf(chunkSize), position, reason }];
}

function listExisting(disk: Disk, folder: string): FolderListing {
  try {
    return listFolder(disk, folder);
  } catch (error) {
    if (!(error instanceof DiskError) || !['ENOENT', 'ENOTDIR'].includes(error.errno)) throw error;
    throw new CairnError('invalid-configuration', `${folder} is not a folder`, { file: folder }, error);
  }
}

function unreadable(
  header: { kind: 'damaged'; reason: string } | { kind: 'unknown-version'; version: number },
): string {
  if (header.kind === 'damaged') return `the chunk header is damaged: ${header.reason}`;
  return `format version ${header.version} is not known to this version of Cairn`;
}

function misfit(
  name: ChunkName,
  header: ChunkHeader,
  fileBytes: number,
  first: ChunkHeader | undefined,
): string | undefined {
  if (header.chunkNumber !== name.chunkNumber) return `the file holds chunk ${header.chunkNumber}`;
  if (header.logId !== first?.logId || header.chunkSize !== first.chunkSize)
    return 'the chunk belongs to another log';
  const expected = fileBytesOf(header);
  return fileBytes === expected ? undefined : `the file has ${fileBytes} bytes instead of ${expected}`;
}

function folderProblems(folder: string, { chunks, malformed }: FolderListing): Problem[] {
  const none = { offset: 0, position: undefined };
  const foreign = malformed.map((file) => ({
    file,
    ...none,
    reason: 'the file is called like a chunk, but is none',
  }));
  const numbers = new Set(chunks.map(({ chunkNumber }) => chunkNumber));
  const last = chunks.at(-1)?.chunkNumber ?? 0;
  const missing: Problem[] = [];
  for (let number = 0; number < last; number++) {
    if (!numbers.has(number)) missing.push({ file: folder, ...none, reason: `chunk ${number} is missing` });
  }
  return [...foreign, ...missing];
}

function chunkProblem(chunk: SurveyedChunk, chunkSize: number | undefined): Problem[] {
  if (chunk.problem === undefined) return [];
  const position = chunkSize === undefined ? undefined : chunk.chunkNumber * chunkSize;
  return [{ file: chunk.path, offset: 0, position, reason: chunk.problem }];
}
