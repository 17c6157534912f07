/**
 * Reads one chunk's file from its first byte to its last and holds every byte against what it should be: header, records and their chain,
 * what follows them, length and checksum of the file. For chunks of a backup, and for those of a folder that is being restored. On a thread that may
 * block; past the page cache where the disk can, so that what counts is the medium.
 */

import { bytesEqual } from '../base/bytes.js';
import { formatCrc } from '../base/checked-json.js';
import type { Bytes, ChainState, Disk, FileHandle, RecordKernel } from '../base/ports.js';
import { CHUNK_HEADER_BYTES, type ChunkHeader, chunkFileBytes, decodeChunkHeader } from '../log/chunk.js';
import { logCorrupt } from '../log/damage.js';
import type { RecordRun } from '../log/scan.js';
import { firstNonZero } from '../log/zeros.js';
import { footerBlock, footerFor } from './backup-chunk.js';
import { type ChunkEntry, isSameState } from './manifest.js';
import { RecordStream } from './record-stream.js';

export interface PassParts {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** Is told how many bytes were read, piece by piece. */
  readonly noteRead?: ((bytes: number) => void) | undefined;
}

export interface ChunkPass {
  readonly path: string;
  /** What the chunk's header has to say. `undefined` ids are taken as they are. */
  readonly header: Omit<ChunkHeader, 'chunkId' | 'createdUs'> & Partial<ChunkHeader>;
  readonly before: Readonly<ChainState>;
  /** Where the records have to end; behind that are zeros, or the footer if it is the chunk's end. */
  readonly end: number;
  /** How long the file is. */
  readonly fileBytes: number;
  /** What the manifest says, if it says something. */
  readonly entry?: ChunkEntry | undefined;
  /** Is handed the data in order, verified or not; all that is thrown behind it means that it wasn't. */
  readonly take?: ((data: Bytes) => void) | undefined;
  readonly see?: ((run: RecordRun) => void) | undefined;
}

export interface PassedChunk {
  readonly header: ChunkHeader;
  readonly crc32c: string;
  readonly records: number;
  readonly end: Readonly<ChainState>;
  readonly isInTransaction: boolean;
  /** Whether a scavenge has removed any of the records. */
  readonly hasRemoved: boolean;
}

const PIECE_BYTES = 1_048_576;

/** Throws `log-corrupt` with the place of the first thing that is not as it should be, or `DiskError`. */
export function passChunk(parts: PassParts, pass: ChunkPass): PassedChunk {
  const file = parts.disk.open(pass.path, { access: 'read', direct: true });
  try {
    return new Passing(parts, pass, file).run();
  } finally {
    parts.disk.close(file);
  }
}

class Passing {
  readonly #parts: PassParts;
  readonly #pass: ChunkPass;
  readonly #file: FileHandle;
  readonly #start: number;
  readonly #stream: RecordStream;
  #crc = 0;

  constructor(parts: PassParts, pass: ChunkPass, file: FileHandle) {
    const { chunkNumber, chunkSize } = pass.header;
    this.#parts = parts;
    this.#pass = pass;
    this.#file = file;
    this.#start = chunkNumber * chunkSize;
    const { path, before, see } = pass;
    this.#stream = new RecordStream({ kernel: parts.kernel, chunkSize, file: path, before, see });
  }

  run(): PassedChunk {
    const { fileBytes, end, entry } = this.#pass;
    const size = this.#parts.disk.sizeOf(this.#file);
    if (size !== fileBytes) throw this.#damage(0, `the file has ${size} bytes instead of ${fileBytes}`);
    const bytes = this.#parts.disk.alignedBuffer(PIECE_BYTES);
    let header: ChunkHeader | undefined;
    let isPassed = false;
    for (let offset = 0; offset < fileBytes; offset += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, fileBytes - offset);
      this.#read(bytes, length, offset);
      header ??= this.#checkHeader(bytes);
      const dataEnd = CHUNK_HEADER_BYTES + end - this.#start;
      const from = Math.max(0, CHUNK_HEADER_BYTES - offset);
      const to = Math.min(length, dataEnd - offset);
      if (to > from) this.#takeData(bytes.subarray(from, to));
      if (dataEnd > offset + length) continue;
      if (!isPassed) this.#checkEnd();
      isPassed = true;
      this.#checkRest(bytes, Math.max(from, to), length, { offset, header });
    }
    const crc32c = formatCrc(this.#crc);
    if (entry !== undefined && crc32c !== entry.crc32c)
      throw this.#damage(0, `the checksum of the file is ${crc32c}, and the manifest says ${entry.crc32c}`);
    const { state, recordCount: records, isInTransaction, hasRemoved } = this.#stream;
    return { header: header!, crc32c, records, end: { ...state }, isInTransaction, hasRemoved };
  }

  #read(bytes: Bytes, length: number, offset: number): void {
    const { disk, kernel, noteRead } = this.#parts;
    const got = disk.read(this.#file, bytes, 0, length, offset);
    if (got < length) throw this.#damage(offset + got, 'the file was cut short');
    this.#crc = kernel.crc32c(bytes, 0, length, this.#crc);
    noteRead?.(length);
  }

  #checkHeader(bytes: Bytes): ChunkHeader {
    const decoded = decodeChunkHeader(bytes.subarray(0, CHUNK_HEADER_BYTES));
    if (decoded.kind === 'damaged') throw this.#damage(0, `the chunk header is damaged: ${decoded.reason}`);
    if (decoded.kind === 'unknown-version')
      throw this.#damage(
        0,
        `the chunk has format version ${decoded.version}, which this version does not know`,
      );
    const { header } = decoded;
    const wanted = Object.entries(this.#pass.header) as [keyof ChunkHeader, unknown][];
    const isWanted = wanted.every(([field, value]) => value === undefined || header[field] === value);
    if (!isWanted) throw this.#damage(0, 'the file holds another chunk, or one of another log');
    return header;
  }

  #takeData(data: Bytes): void {
    this.#pass.take?.(data);
    this.#stream.push(data);
  }

  /** The records have ended. */
  #checkEnd(): void {
    const { entry, end } = this.#pass;
    this.#stream.end();
    const { state, recordCount } = this.#stream;
    const isExpected = state.position === end && (entry === undefined || isSameState(state, entry.end));
    if (isExpected && (entry === undefined || entry.records === recordCount)) return;
    throw this.#damage(this.#offsetOf(state.position), 'the records do not end as the manifest says');
  }

  /** What follows the records in `bytes[at, length)`: zeros, and the footer if the chunk is full. */
  #checkRest(bytes: Bytes, at: number, length: number, place: { offset: number; header: ChunkHeader }): void {
    const { chunkSize } = this.#pass.header;
    const { offset, header } = place;
    const { state, recordCount } = this.#stream;
    const isSealed = state.position === this.#start + chunkSize;
    if (!isSealed) {
      const found = firstNonZero(bytes, at, length - at);
      if (found >= 0) throw this.#damage(offset + found, 'there is something behind the last record');
      return;
    }
    if (length === at) return;
    // Pieces and footer are whole blocks, and the footer is one.
    const footer = footerBlock(footerFor(header, state, recordCount));
    const isFooter = bytesEqual(bytes, at, footer, 0, footer.length);
    if (!isFooter) throw this.#damage(offset + at, 'the footer is not that of the records before it');
  }

  #offsetOf(position: number): number {
    return CHUNK_HEADER_BYTES + position - this.#start;
  }

  #damage(offset: number, reason: string): Error {
    const { path } = this.#pass;
    const position = this.#start + Math.max(0, offset - CHUNK_HEADER_BYTES);
    return logCorrupt({ file: path, offset, position }, reason);
  }
}

/** The parts of a pass over a sealed chunk with this header, which is known to the last byte. */
export function sealedPass(header: ChunkHeader, path: string, before: Readonly<ChainState>): ChunkPass {
  const { chunkNumber, chunkSize } = header;
  const end = (chunkNumber + 1) * chunkSize;
  return { path, header, before, end, fileBytes: chunkFileBytes(chunkSize) };
}
