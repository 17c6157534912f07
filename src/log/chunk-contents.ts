/**
 * A chunk's file as the log sees it: which bytes stand at a position, whether the file is plain or that of a scavenged chunk. Any thread that may
 * block.
 */
import { alignDown, alignUp } from '../base/bytes.js';
import { type Bytes, type Disk, DiskError, type FileHandle, type RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  CHUNK_FOOTER_BYTES,
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  chunkFileBytes,
  decodeChunkHeader,
} from './chunk.js';
import { mapEntries, PackedMap, unpack, type WantedBytes } from './packed-chunk.js';

/** What direct I/O wants. */
const BLOCK_BYTES = 4096;

/** Where chunk files are, and how their records are checked. */
export interface ChunkPlatform {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
}

/** How a chunk's file is to be read; see `Disk.open`. */
export interface ContentsOptions {
  readonly direct?: boolean;
  /** What the system has in memory of it is forgotten first. */
  readonly isRenewed?: boolean;
}

/** What of a file is not data: the map stands behind the data, at a multiple of a block. */
export interface PackedLayout {
  readonly mapOffset: number;
  readonly mapBytes: number;
  readonly footerOffset: number;
  readonly fileBytes: number;
}

/** How the file is laid out whose header says so. */
export function packedLayout(chunkSize: number, packedBytes: number): PackedLayout {
  const mapOffset = CHUNK_HEADER_BYTES + alignUp(packedBytes, BLOCK_BYTES);
  const mapBytes = mapEntries(chunkSize) * Uint32Array.BYTES_PER_ELEMENT;
  const footerOffset = mapOffset + alignUp(mapBytes, BLOCK_BYTES);
  return { mapOffset, mapBytes, footerOffset, fileBytes: footerOffset + CHUNK_FOOTER_BYTES };
}

/** How long the file with this header is. */
export function fileBytesOf({ chunkSize, packed }: ChunkHeader): number {
  return packed === undefined
    ? chunkFileBytes(chunkSize)
    : packedLayout(chunkSize, packed.packedBytes).fileBytes;
}

/** The map of a scavenged chunk, out of the bytes where the layout says it is; undefined if it is damaged. */
export function decodeMap(kernel: RecordKernel, header: ChunkHeader, bytes: Bytes): PackedMap | undefined {
  const { chunkNumber, chunkSize, packed } = header;
  const { mapBytes } = packedLayout(chunkSize, packed!.packedBytes);
  if (kernel.crc32c(bytes, 0, mapBytes, 0) !== packed!.mapCrc) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, mapBytes);
  const entries = Uint32Array.from({ length: mapEntries(chunkSize) }, (_, i) => view.getUint32(4 * i, true));
  return new PackedMap(chunkNumber * chunkSize, chunkSize, packed!.packedBytes, entries);
}

export class ChunkContents {
  readonly #platform: ChunkPlatform;
  /** Position of the chunk's first byte. */
  readonly #start: Position;
  readonly #file: FileHandle;
  /** Of a scavenged chunk: its map, or that nothing can be found in it. */
  readonly #map: PackedMap | 'damaged' | undefined;
  #block: Bytes;

  /** Throws `DiskError`. */
  constructor(platform: ChunkPlatform, path: string, start: Position, options: ContentsOptions = {}) {
    const { disk } = platform;
    this.#platform = platform;
    this.#start = start;
    this.#file = disk.open(path, { access: 'read', direct: options.direct === true });
    try {
      if (options.isRenewed === true) disk.dropCached(this.#file);
      this.#block = disk.alignedBuffer(BLOCK_BYTES);
      this.#map = this.#readMap();
    } catch (error) {
      disk.close(this.#file);
      throw error;
    }
  }

  close(): void {
    this.#platform.disk.close(this.#file);
  }

  /**
   * Fills `target[at, at+length)` with the log's bytes from `position`; returns how many the file has, fewer if it was cut short. What of a scavenged
   * chunk can't be found is zeros, as no record is. For direct reads the range and the memory are aligned.
   */
  read(position: Position, target: Bytes, at: number, length: number): number {
    const { disk, kernel } = this.#platform;
    const map = this.#map;
    const offset = CHUNK_HEADER_BYTES + position - this.#start;
    if (map === undefined) return disk.read(this.#file, target, at, length, offset);
    if (map === 'damaged') {
      target.fill(0, at, at + length);
      return length;
    }
    const steps = unpack(kernel, map, { from: position, to: position + length, target, at });
    for (let step = steps.next(); step.done !== true; ) step = steps.next(this.#piece(step.value));
    return length;
  }

  /** These bytes of the packed data, which are valid until the next call. */
  #piece({ offset, length }: WantedBytes): Bytes {
    const from = CHUNK_HEADER_BYTES + offset;
    const start = alignDown(from, BLOCK_BYTES);
    const wanted = alignUp(from + length, BLOCK_BYTES) - start;
    if (this.#block.length < wanted) this.#block = this.#platform.disk.alignedBuffer(wanted);
    const got = this.#platform.disk.read(this.#file, this.#block, 0, wanted, start);
    this.#block.fill(0, got, wanted);
    return this.#block.subarray(from - start, from - start + length);
  }

  #readMap(): PackedMap | 'damaged' | undefined {
    const { disk, kernel } = this.#platform;
    const header = this.#readHeader();
    if (header?.packed === undefined) return undefined;
    const { chunkSize, packed } = header;
    const { mapOffset, mapBytes } = packedLayout(chunkSize, packed.packedBytes);
    const bytes = disk.alignedBuffer(alignUp(mapBytes, BLOCK_BYTES));
    const got = disk.read(this.#file, bytes, 0, bytes.length, mapOffset);
    const map = got < bytes.length ? undefined : decodeMap(kernel, header, bytes);
    return map?.start === this.#start ? map : 'damaged';
  }

  /** A header that can't be made out is a matter for others: the data is read as that of a plain chunk. */
  #readHeader(): ChunkHeader | undefined {
    const { disk } = this.#platform;
    try {
      if (disk.read(this.#file, this.#block, 0, CHUNK_HEADER_BYTES, 0) < CHUNK_HEADER_BYTES) return undefined;
    } catch (error) {
      if (error instanceof DiskError && error.errno === 'EIO') return undefined;
      throw error;
    }
    const decoded = decodeChunkHeader(this.#block);
    return decoded.kind === 'header' ? decoded.header : undefined;
  }
}
