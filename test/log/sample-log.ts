/**
 * A log for tests, built record by record, with the batches it was written in; and chunk files as a writer would leave them.
 * Small chunks, so that logs cross many.
 */
import { chunkFileName, encodeChunkHeader, encodeFooter } from '../../src/log/chunk.js';
import { MemoryDisk } from './memory-disk.js';
import {
  commitBody,
  epochBody,
  type NaiveEvent,
  type NaiveRecord,
  type NaiveSealed,
  naiveSeal,
  prepareBody,
} from './naive-records.js';

export const CHUNK_SIZE = 65_536;
export const FOLDER = '/data';
export const LOG_ID = '018f4e5c-0000-7000-8000-00000000a001';

export interface FolderShape {
  /** Write the records before this position only; the rest is zeros. Default: all. */
  readonly end?: number;
  /** Empty chunks behind the last one with records. Default 1. */
  readonly prepared?: number;
  /** Whether full chunks have their footers: all, or all but the last one with records. Default all. */
  readonly footers?: 'all' | 'not-the-last';
}

export class SampleLog {
  readonly records: NaiveSealed[] = [];
  /** Where batches end: all before such a position was written and synced before anything behind it. */
  readonly batchEnds: number[] = [0];
  epochNumber = 1;
  #revision = 0;
  #bytes = Buffer.alloc(0);

  get end(): number {
    const last = this.records.at(-1);
    return last === undefined ? 0 : last.position + last.bytes.length;
  }

  /** All bytes of the log. */
  get bytes(): Buffer {
    if (this.#bytes.length !== this.end)
      this.#bytes = Buffer.concat(this.records.map((record) => record.bytes));
    return this.#bytes;
  }

  epoch(): this {
    return this.#add({ type: 3, flags: 0, epoch: this.epochNumber, body: epochBody() });
  }

  /** Says that everything before `committed` is committed; by default all that there is. */
  commit(committed = this.end): this {
    return this.#add({ type: 2, flags: 0, epoch: this.epochNumber, body: commitBody(committed) });
  }

  /** A record of type Membership with this body. */
  membership(body: Uint8Array): this {
    return this.#add({ type: 4, flags: 0, epoch: this.epochNumber, body });
  }

  /** Appends events as one transaction; `missing` of its last ones are left out. */
  transaction(events: readonly NaiveEvent[], missing = 0): this {
    let first = -1;
    for (const [i, event] of events.slice(0, events.length - missing).entries()) {
      this.#padFor(prepareBody(event, 0, 0).length);
      if (first < 0) first = this.end;
      const flags = (i === 0 ? 1 : 0) | (i === events.length - 1 ? 2 : 0);
      const body = prepareBody(event, this.#revision++, this.end - first);
      this.#add({ type: 1, flags, epoch: this.epochNumber, body });
    }
    return this;
  }

  /** One event with so many bytes of data, none of them zero. */
  event(dataBytes = 20, stream = 's'): this {
    return this.transaction([{ stream, data: new Uint8Array(dataBytes).fill(0xab) }]);
  }

  /** Ends a batch: what comes next is written after this is durable. A batch never crosses the end of a chunk. */
  sync(): this {
    if (this.end !== this.batchEnds.at(-1)) this.batchEnds.push(this.end);
    return this;
  }

  /** Fills the chunk with events and Padding, exactly to its end; what is written is synced. */
  fillChunk(): this {
    const chunkEnd = (Math.floor(this.end / CHUNK_SIZE) + 1) * CHUNK_SIZE;
    while (chunkEnd - this.end > 8_192) this.event(4_000);
    this.#pad(chunkEnd - this.end);
    return this.sync();
  }

  /** A disk with the chunk files of this log. */
  disk(shape: FolderShape = {}): MemoryDisk {
    const { end = this.end, prepared = 1, footers = 'all' } = shape;
    const disk = new MemoryDisk();
    disk.makeDirectory(FOLDER);
    const content = Buffer.alloc(Math.ceil(this.end / CHUNK_SIZE) * CHUNK_SIZE);
    content.set(this.bytes.subarray(0, end));
    const used = Math.ceil(end / CHUNK_SIZE);
    for (let number = 0; number < used + prepared; number++) {
      const data = content.subarray(number * CHUNK_SIZE, (number + 1) * CHUNK_SIZE);
      const isFull = (number + 1) * CHUNK_SIZE <= end;
      const hasFooter = isFull && !(footers === 'not-the-last' && number === used - 1);
      disk.files.set(chunkPath(number), this.chunkFile(number, data, hasFooter));
    }
    return disk;
  }

  /** The bytes of a chunk's file. */
  chunkFile(number: number, data: Uint8Array, hasFooter: boolean): Uint8Array {
    const file = new Uint8Array(4096 + CHUNK_SIZE + 4096);
    const chunkId = chunkIdOf(number);
    const header = { chunkNumber: number, chunkSize: CHUNK_SIZE, logId: LOG_ID, chunkId, createdUs: 1 };
    encodeChunkHeader(file.subarray(0, 4096), header);
    file.set(data, 4096);
    if (hasFooter) file.set(this.footerBlock(number), 4096 + CHUNK_SIZE);
    return file;
  }

  /** The footer block that the chunk has, or will have. */
  footerBlock(number: number): Uint8Array {
    const endPosition = (number + 1) * CHUNK_SIZE;
    const start = number * CHUNK_SIZE;
    const inChunk = this.records.filter(({ position }) => position >= start && position < endPosition);
    const last = inChunk.at(-1)!;
    const block = new Uint8Array(4096);
    encodeFooter(block, {
      chunkNumber: number,
      endPosition,
      logId: LOG_ID,
      chunkId: chunkIdOf(number),
      chain: last.bytes.readUInt32LE(last.type === 7 ? 44 : 0),
      previousLength: last.length,
      epoch: last.epoch,
      recordCount: inChunk.length,
    });
    return block;
  }

  /** The end that recovery must find if the valid records end at `position`: without an unfinished transaction. */
  endWithoutOpenTransaction(position: number): number {
    let open: number | undefined;
    for (const record of this.records) {
      if (record.position + record.bytes.length > position) break;
      if (record.type === 3) open = undefined;
      if (record.type !== 1) continue;
      if ((record.flags & 1) !== 0) open = record.position;
      if ((record.flags & 2) !== 0) open = undefined;
    }
    return open ?? position;
  }

  /** The end of the last record that ends at or before `position`. */
  recordEndBefore(position: number): number {
    const ends = this.records.map((record) => record.position + record.bytes.length);
    return ends.filter((end) => end <= position).at(-1) ?? 0;
  }

  #padFor(bodyLength: number): void {
    const left = CHUNK_SIZE - (this.end % CHUNK_SIZE);
    const occupied = Math.ceil((44 + bodyLength) / 8) * 8;
    if (occupied !== left && occupied + 48 > left) this.#pad(left);
  }

  #pad(bytes: number): void {
    this.records.push(
      naiveSeal(
        { type: 5, flags: 0, epoch: this.epochNumber, body: new Uint8Array(bytes - 44) },
        this.records.at(-1),
      ),
    );
  }

  #add(record: NaiveRecord): this {
    this.#padFor(record.body.length);
    this.records.push(naiveSeal(record, this.records.at(-1)));
    return this;
  }
}

export function chunkPath(number: number): string {
  return `${FOLDER}/${chunkFileName(number, 0)}`;
}

function chunkIdOf(number: number): string {
  return `018f4e5c-0000-7000-8000-${String(number).padStart(12, '0')}`;
}
