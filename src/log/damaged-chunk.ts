/**
 * What must be known of a damaged or missing chunk before another file may take its place: what it continues, what continues it, and up to
 * where this node may have vouched for it. Reads only; runs on a thread that may block.
 */
import { alignUp } from '../base/bytes.js';
import {
  type Bytes,
  type ChainState,
  type Disk,
  DiskError,
  type RecordKernel,
  VERIFY_STOP,
} from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkFooter,
  chainAfter,
  chunkFileBytes,
  chunkFileName,
  type DecodedChunkFooter,
  decodeChunkHeader,
  decodeFooter,
} from './chunk.js';
import { fileBytesOf } from './chunk-contents.js';
import { ChunkReader } from './chunk-reader.js';
import { footerOf, listFolder } from './folder.js';
import { LOG_START, RECORD_ALIGNMENT, RECORD_HEADER_BYTES, RECORD_OCCUPIED_MIN } from './record.js';
import { findHeader, stateBefore } from './resync.js';
import { firstNonZeroPosition, lastNonZeroPosition } from './tail-classification.js';

/** The log that a folder holds, or should. */
export interface LogFolder {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly folder: string;
  readonly logId: string;
  readonly chunkSize: number;
}

export interface DamagedChunk {
  readonly number: number;
  readonly path: string;
  /** What its first record continues. */
  readonly before: Readonly<ChainState>;
  /** No byte that this node may have vouched for stands at or behind this position in the chunk. */
  readonly ackedEnd: Position;
  /** Whether there is a file whose data can be looked at. */
  readonly isReadable: boolean;
  /** What vouches for the chunk, if that is not damaged itself. */
  readonly footer: ChunkFooter | undefined;
  /** What the first record of the next chunk says that it continues. */
  readonly after: Readonly<ChainState> | undefined;
}

export type DamageSurvey =
  | { readonly kind: 'damaged'; readonly chunk: DamagedChunk }
  /** Nothing can be said before that chunk is mended. */
  | { readonly kind: 'earlier'; readonly number: number }
  /** The log has never got there: an empty chunk is as good. */
  | { readonly kind: 'unused'; readonly number: number; readonly path: string };

/** Looks at chunk `number`, its neighbours, and whether anything stands behind it. Throws `DiskError`. */
export function surveyDamage(log: LogFolder, number: number): DamageSurvey {
  const survey = new Survey(log);
  try {
    return survey.run(number);
  } finally {
    survey.close();
  }
}

/** A file whose length is that of a chunk, whatever is in it. */
interface ReadableFile {
  readonly path: string;
  readonly footer: DecodedChunkFooter;
}

class Survey {
  readonly #log: LogFolder;
  readonly #reader: ChunkReader;
  readonly #paths: ReadonlyMap<number, string>;

  constructor(log: LogFolder) {
    this.#log = log;
    this.#reader = new ChunkReader(log, log.chunkSize);
    const { chunks } = listFolder(log.disk, log.folder);
    this.#paths = new Map(chunks.map(({ chunkNumber, path }) => [chunkNumber, path]));
  }

  close(): void {
    this.#reader.close();
  }

  run(number: number): DamageSurvey {
    const { folder, chunkSize } = this.#log;
    const path = this.#paths.get(number) ?? `${folder}/${chunkFileName(number, 0)}`;
    const file = this.#fileOf(number);
    const before = number === 0 ? LOG_START : this.#endOf(number - 1);
    const isLast = [...this.#paths.keys()].every((other) => other <= number || this.#isEmpty(other));
    const isUnused = isLast && (file === undefined || this.#isEmpty(number));
    if (before === 'unsealed' && isUnused) return { kind: 'unused', number, path };
    if (before === 'unsealed' || before === 'unknown') return { kind: 'earlier', number: number - 1 };
    const chunkEnd = (number + 1) * chunkSize;
    const isOpen = isLast && file?.footer.kind === 'absent';
    const writtenEnd = isOpen ? unlessUnreadable(() => this.#writtenEnd(file, number)) : chunkEnd;
    const ackedEnd = writtenEnd ?? chunkEnd;
    const footer = file?.footer.kind === 'footer' ? file.footer.footer : undefined;
    const isReadable = file !== undefined && writtenEnd !== undefined;
    const after = unlessUnreadable(() => this.#firstOf(number + 1));
    return { kind: 'damaged', chunk: { number, path, before, ackedEnd, isReadable, footer, after } };
  }

  /** What the chunk after this one continues; `unsealed`: this one is whole, and the log has not got beyond it. */
  #endOf(number: number): ChainState | 'unsealed' | 'unknown' {
    const file = this.#fileOf(number);
    if (file?.footer.kind === 'footer') return chainAfter(file.footer.footer);
    return file?.footer.kind === 'absent' ? 'unsealed' : 'unknown';
  }

  #isEmpty(number: number): boolean {
    const file = this.#fileOf(number);
    if (file?.footer.kind !== 'absent') return false;
    const { start, end } = this.#open(file, number);
    const first = unlessUnreadable(() => firstNonZeroPosition(this.#reader, start, end) ?? 'none');
    return first === 'none';
  }

  /** Behind everything that may be a record, or the rest of one. */
  #writtenEnd(file: ReadableFile, number: number): Position {
    const { start, end } = this.#open(file, number);
    const reader = this.#reader;
    const last = lastNonZeroPosition(reader, start, end);
    if (last === undefined) return start;
    let written = alignUp(last + 1, RECORD_ALIGNMENT);
    // The last record may end with zeros.
    reader.seek(start, end);
    while (reader.position < written) {
      const occupied = findHeader(this.#log.kernel, reader, end);
      if (occupied < RECORD_OCCUPIED_MIN) break;
      written = Math.max(written, reader.position + occupied);
      if (reader.position + occupied >= end) break;
      if (occupied <= reader.length) reader.skip(occupied);
      else reader.seek(reader.position + occupied, end);
    }
    return written;
  }

  /** What the first record of a chunk says that it continues; undefined if there is none, or it is damaged. */
  #firstOf(number: number): ChainState | undefined {
    const file = this.#fileOf(number);
    if (file === undefined) return undefined;
    const { start, end } = this.#open(file, number);
    const reader = this.#reader;
    reader.seek(start, end);
    reader.require(RECORD_HEADER_BYTES);
    const state = stateBefore(reader.bytes, reader.at);
    if (state.position !== start) return undefined;
    const stop = this.#log.kernel.verify(reader.bytes, reader.at, RECORD_HEADER_BYTES, { ...state });
    return stop === VERIFY_STOP.partial ? state : undefined;
  }

  #open({ path }: ReadableFile, number: number): { start: Position; end: Position } {
    const { chunkSize } = this.#log;
    const start = number * chunkSize;
    this.#reader.open(path, start, start, start + chunkSize);
    return { start, end: start + chunkSize };
  }

  #fileOf(number: number): ReadableFile | undefined {
    const path = this.#paths.get(number);
    return path === undefined ? undefined : unlessUnreadable(() => this.#readFile(path, number));
  }

  #readFile(path: string, number: number): ReadableFile | undefined {
    const { disk, chunkSize, logId } = this.#log;
    const file = disk.open(path, { access: 'read' });
    try {
      const fileBytes = disk.sizeOf(file);
      if (fileBytes < CHUNK_HEADER_BYTES) return undefined;
      const block: Bytes = new Uint8Array(CHUNK_HEADER_BYTES);
      disk.read(file, block, 0, CHUNK_HEADER_BYTES, 0);
      const header = decodeChunkHeader(block);
      const isKnown = header.kind === 'header' && header.header.chunkSize === chunkSize;
      if (fileBytes !== (isKnown ? fileBytesOf(header.header) : chunkFileBytes(chunkSize))) return undefined;
      disk.read(file, block, 0, CHUNK_FOOTER_BYTES, fileBytes - CHUNK_FOOTER_BYTES);
      const footer = decodeFooter(block);
      if (header.kind !== 'header') return { path, footer: withoutHeader(footer) };
      const isOurs = header.header.logId === logId && header.header.chunkNumber === number;
      return { path, footer: isOurs ? footerOf(header.header, footer) : withoutHeader(footer) };
    } finally {
      disk.close(file);
    }
  }
}

/** What `read` gives; undefined where the medium can't be read. Throws every other `DiskError`. */
export function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DiskError && error.errno === 'EIO') return undefined;
    throw error;
  }
}

/** A footer that nobody vouches for. */
function withoutHeader(footer: DecodedChunkFooter): DecodedChunkFooter {
  return footer.kind === 'absent' ? footer : { kind: 'damaged', reason: 'its header is damaged' };
}
