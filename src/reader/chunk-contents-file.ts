/**
 * A chunk's file as the log sees it, for reads off the event loop: what `log/chunk-contents.ts` is for threads that may block. Main thread. Checks
 * nothing but that the bytes are there.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { CHUNK_HEADER_BYTES, decodeChunkHeader } from '../log/chunk.js';
import { decodeMap, packedLayout } from '../log/chunk-contents.js';
import { logCorrupt } from '../log/damage.js';
import { type PackedMap, unpack } from '../log/packed-chunk.js';
import { DirectFile, type DirectMemory } from './direct-file.js';

/** Where a chunk's file is. */
export interface ChunkFilePlace {
  readonly path: string;
  /** Position of the chunk's first byte. */
  readonly start: Position;
  readonly kernel: RecordKernel;
  /** Given if large reads are to go past the system's page cache. */
  readonly memory?: DirectMemory | undefined;
}

export class ChunkContentsFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  /** Position of the chunk's first byte. */
  readonly #start: Position;
  readonly #kernel: RecordKernel;
  readonly #direct: DirectFile | undefined;
  /** Whether it is that of a scavenged chunk, and then its map. */
  #isPacked = false;
  #map: PackedMap | undefined;

  private constructor(handle: FileHandle, { path, start, kernel, memory }: ChunkFilePlace) {
    this.#handle = handle;
    this.#path = path;
    this.#start = start;
    this.#kernel = kernel;
    this.#direct = memory && new DirectFile(path, memory);
  }

  /** Rejects with `log-corrupt` if it is the file of a scavenged chunk whose map is damaged, or with what the system says. */
  static async open(place: ChunkFilePlace): Promise<ChunkContentsFile> {
    const file = new ChunkContentsFile(await open(place.path, 'r'), place);
    try {
      file.#map = await file.#readMap();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#direct?.close();
    await this.#handle.close();
  }

  /** Fills `target[at, at+length)` with the log's bytes from `position`. Rejects as {@link open} does, also if the file was cut short. */
  async read(position: Position, target: Uint8Array, at: number, length: number): Promise<void> {
    const offset = CHUNK_HEADER_BYTES + position - this.#start;
    if (this.#map === undefined) return await this.#readBytes(offset, target, at, length);
    const wanted = { from: position, to: position + length, target, at };
    const steps = unpack(this.#kernel, this.#map, wanted);
    for (let step = steps.next(); step.done !== true; ) {
      const piece = new Uint8Array(step.value.length);
      await this.#readBytes(CHUNK_HEADER_BYTES + step.value.offset, piece, 0, piece.length);
      step = steps.next(piece);
    }
  }

  async #readMap(): Promise<PackedMap | undefined> {
    const block = new Uint8Array(CHUNK_HEADER_BYTES);
    await this.#handle.read(block, 0, block.length, 0);
    const decoded = decodeChunkHeader(block);
    // A header that can't be made out is a matter for others: the data is read as that of a plain chunk.
    if (decoded.kind !== 'header' || decoded.header.packed === undefined) return undefined;
    this.#isPacked = true;
    const { chunkSize, packed } = decoded.header;
    const { mapOffset, mapBytes } = packedLayout(chunkSize, packed.packedBytes);
    const bytes = new Uint8Array(mapBytes);
    await this.#readBytes(mapOffset, bytes, 0, mapBytes);
    const map = decodeMap(this.#kernel, decoded.header, bytes);
    if (map?.start === this.#start) return map;
    const place = { file: this.#path, offset: mapOffset, position: this.#start };
    throw logCorrupt(place, 'the map of the scavenged chunk is damaged');
  }

  async #readBytes(offset: number, target: Uint8Array, at: number, length: number): Promise<void> {
    let done = (await this.#direct?.read(offset, target.subarray(at, at + length))) ?? 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(target, at + done, length - done, offset + done);
      if (bytesRead === 0) throw this.#cutShort(offset + done);
      done += bytesRead;
    }
  }

  #cutShort(offset: number): Error {
    const position = this.#start + (this.#isPacked ? 0 : offset - CHUNK_HEADER_BYTES);
    return logCorrupt({ file: this.#path, offset, position }, 'the file was cut short');
  }
}
