/**
 * The chunk files of a data folder: which there are, whether their headers fit together, and what their footers say. Runs at
 * start (main thread) and in tools; reads two blocks of each chunk and changes nothing, except where a function's name
 * says so. What it hands out is complete: chunks 0 to n without a gap, all of one log and one size.
 */
import { CairnError } from '../base/errors.js';
import type { Bytes, Disk } from '../base/ports.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  type DecodedChunkFooter,
  type DecodedChunkHeader,
  decodeChunkHeader,
  decodeFooter,
  parseFileName,
} from './chunk.js';
import { fileBytesOf } from './chunk-contents.js';
import { logCorrupt } from './damage.js';

/** A chunk's file as its name says. */
export interface ChunkName {
  readonly chunkNumber: number;
  readonly version: number;
  readonly path: string;
}

/** What a folder holds, by name alone. Every list is sorted. */
export interface FolderListing {
  /** The highest version of each chunk. */
  readonly chunks: readonly ChunkName[];
  /** Lower versions of chunks, which nothing makes: a file takes another's place under the same name. */
  readonly superseded: readonly ChunkName[];
  /** Paths of chunks in preparation. */
  readonly temporary: readonly string[];
  /** Paths of files that are called like chunks and yet aren't. */
  readonly malformed: readonly string[];
}

/** What a chunk's file says about itself, unchecked against others. `footer` is undefined if the file is too short. */
export interface ChunkBlocks {
  readonly fileBytes: number;
  readonly header: DecodedChunkHeader;
  readonly footer: DecodedChunkFooter | undefined;
}

/** A chunk whose header belongs to this place in this log. `footer` is `damaged` if it belongs to another chunk. */
export interface ChunkFile extends ChunkName {
  readonly header: ChunkHeader;
  readonly footer: DecodedChunkFooter;
}

export type OpenedFolder =
  | { readonly kind: 'empty'; readonly listing: FolderListing }
  | {
      readonly kind: 'log';
      readonly listing: FolderListing;
      readonly chunkSize: number;
      readonly logId: string;
      /** Chunk `n` is at index `n`. */
      readonly chunks: readonly ChunkFile[];
    };

/** Lists a folder. Files that have nothing to do with chunks (the lock) are left out. Throws `DiskError`. */
export function listFolder(disk: Disk, folder: string): FolderListing {
  const byNumber = new Map<number, ChunkName>();
  const superseded: ChunkName[] = [];
  const temporary: string[] = [];
  const malformed: string[] = [];
  for (const name of disk.list(folder)) {
    const path = `${folder}/${name}`;
    const parsed = parseFileName(name);
    if (parsed.kind === 'temporary') temporary.push(path);
    if (parsed.kind === 'malformed') malformed.push(path);
    if (parsed.kind !== 'chunk') continue;
    const { chunkNumber, version } = parsed;
    // Names come sorted and have a fixed width: a later one of the same number has the higher version.
    const lower = byNumber.get(chunkNumber);
    if (lower !== undefined) superseded.push(lower);
    byNumber.set(chunkNumber, { chunkNumber, version, path });
  }
  return { chunks: [...byNumber.values()], superseded, temporary, malformed };
}

/** Deletes what was in preparation when the last process ended. Throws `DiskError`. */
export function removeTemporaryFiles(disk: Disk, folder: string): void {
  const { temporary } = listFolder(disk, folder);
  if (temporary.length === 0) return;
  for (const path of temporary) disk.unlink(path);
  disk.syncDirectory(folder);
}

/** Reads the header and the footer of a chunk's file. Throws `DiskError`; damage is an answer. */
export function readChunkBlocks(disk: Disk, path: string): ChunkBlocks {
  const file = disk.open(path, { access: 'read' });
  try {
    const fileBytes = disk.sizeOf(file);
    if (fileBytes < CHUNK_HEADER_BYTES) {
      return { fileBytes, header: { kind: 'damaged', reason: 'the file is too short' }, footer: undefined };
    }
    const block: Bytes = new Uint8Array(CHUNK_HEADER_BYTES);
    disk.read(file, block, 0, CHUNK_HEADER_BYTES, 0);
    const header = decodeChunkHeader(block);
    const wantedBytes = header.kind === 'header' ? fileBytesOf(header.header) : Number.POSITIVE_INFINITY;
    if (fileBytes < wantedBytes) return { fileBytes, header, footer: undefined };
    disk.read(file, block, 0, CHUNK_FOOTER_BYTES, wantedBytes - CHUNK_FOOTER_BYTES);
    return { fileBytes, header, footer: decodeFooter(block) };
  } finally {
    disk.close(file);
  }
}

/**
 * Opens a data folder and checks that its chunks make one log.
 * Throws `bad-data-folder` (foreign names, a newer format), `log-corrupt` (a chunk is missing, damaged, cut short or of
 * another log), or `DiskError`.
 */
export function openFolder(disk: Disk, folder: string): OpenedFolder {
  const listing = listFolder(disk, folder);
  const foreign = listing.malformed[0];
  if (foreign !== undefined) {
    throw new CairnError(
      'bad-data-folder',
      `${foreign} is called like a chunk but not as Cairn names them; move it elsewhere`,
      { file: foreign },
    );
  }
  if (listing.chunks.length === 0) return { kind: 'empty', listing };
  const chunks: ChunkFile[] = [];
  for (const name of listing.chunks) chunks.push(openChunk(disk, folder, name, chunks));
  const { chunkSize, logId } = chunks[0]!.header;
  return { kind: 'log', listing, chunkSize, logId, chunks };
}

function openChunk(disk: Disk, folder: string, name: ChunkName, before: readonly ChunkFile[]): ChunkFile {
  const first = before[0]?.header;
  const position = before.length * (first?.chunkSize ?? 0);
  if (name.chunkNumber !== before.length) {
    throw logCorrupt({ file: folder, offset: 0, position }, `chunk ${before.length} is missing`);
  }
  const place = { file: name.path, offset: 0, position };
  const { fileBytes, header: decoded, footer } = readChunkBlocks(disk, name.path);
  if (decoded.kind === 'unknown-version') throw newerFormat(name.path, decoded.version);
  if (decoded.kind === 'damaged') throw logCorrupt(place, `the chunk header is damaged: ${decoded.reason}`);
  const { header } = decoded;
  if (header.chunkNumber !== name.chunkNumber) {
    throw logCorrupt(place, `the file holds chunk ${header.chunkNumber}`);
  }
  if (first !== undefined && (header.logId !== first.logId || header.chunkSize !== first.chunkSize)) {
    throw logCorrupt(place, 'the chunk belongs to another log');
  }
  if (fileBytes !== fileBytesOf(header) || footer === undefined) {
    throw logCorrupt(place, `the file has ${fileBytes} bytes instead of ${fileBytesOf(header)}`);
  }
  if (footer.kind === 'unknown-version') throw newerFormat(name.path, footer.version);
  return { ...name, header, footer: footerOf(header, footer) };
}

/** What a chunk's footer is worth: it counts only in the chunk that it was written for. */
export function footerOf(header: ChunkHeader, decoded: DecodedChunkFooter): DecodedChunkFooter {
  if (decoded.kind !== 'footer') return decoded;
  const { footer } = decoded;
  const fits =
    footer.logId === header.logId &&
    footer.chunkId === header.chunkId &&
    footer.chunkNumber === header.chunkNumber &&
    footer.endPosition === (header.chunkNumber + 1) * header.chunkSize;
  return fits ? decoded : { kind: 'damaged', reason: 'the footer belongs to another chunk' };
}

function newerFormat(file: string, version: number): CairnError {
  return new CairnError(
    'bad-data-folder',
    `${file} has format version ${version}, which this version of Cairn does not know; use a newer Cairn`,
    { file, version },
  );
}
