/** Scavenged chunks for tests: what the log's bytes are when some of a sample's records are gone, the slow way, and files made by the real writer. */
import { decodeFooter } from '../../src/log/chunk.js';
import { decodeHeader } from '../../src/log/decoded-record.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { PackedChunkWriter } from '../../src/log/packed-chunk-writer.js';
import type { MemoryDisk } from './memory-disk.js';
import { type NaiveSealed, naiveCrc } from './naive-records.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID, type SampleLog } from './sample-log.js';

export const PACKED_IDS = { chunkId: '018f4e5c-0000-7000-8000-00000000d000', createdUs: 2 };

export type IsRemoved = (record: NaiveSealed) => boolean;

/** The log's bytes with a Removed record for each that is gone; from docs/formats.md. */
export function naiveRemoved(log: SampleLog, isRemoved: IsRemoved): Buffer {
  let runFrom: NaiveSealed | undefined;
  let runLength = 0;
  const parts = log.records.map((record) => {
    if (!isRemoved(record)) {
      runFrom = undefined;
      return record.bytes;
    }
    const isNewRun =
      runFrom === undefined ||
      runFrom.epoch !== record.epoch ||
      runLength === 1024 ||
      Math.floor(runFrom.position / CHUNK_SIZE) !== Math.floor(record.position / CHUNK_SIZE);
    if (isNewRun) [runFrom, runLength] = [record, 0];
    runLength++;
    const bytes = Buffer.alloc(record.bytes.length);
    record.bytes.copy(bytes, 4, 4, 36);
    runFrom!.bytes.copy(bytes, 16, 16, 24);
    record.bytes.copy(bytes, 44, 0, 4);
    bytes.writeUInt32LE(naiveCrc(bytes.subarray(44)), 36);
    bytes.writeUInt8(7, 40);
    bytes.writeUInt8(1, 41);
    bytes.writeUInt16LE((record.type === 1 ? record.flags & 3 : 0) | (record.type << 8), 42);
    bytes.writeUInt32LE(naiveCrc(bytes.subarray(4, 44)), 0);
    return bytes;
  });
  return Buffer.concat(parts);
}

/** A log folder on this disk. */
export function folderOn(disk: MemoryDisk) {
  return { disk, kernel: javascriptKernel, folder: FOLDER, logId: LOG_ID, chunkSize: CHUNK_SIZE };
}

/** Packs the sealed chunk, whose records are to be had from `bytes`, the log's bytes. */
export function packChunk(
  disk: MemoryDisk,
  number: number,
  bytes: Buffer,
  isGone: (position: number) => boolean,
) {
  const writer = new PackedChunkWriter(folderOn(disk), { number, path: chunkPath(number) });
  const file = disk.files.get(chunkPath(number))!;
  const footer = decodeFooter(file.subarray(file.length - 4096));
  if (footer.kind !== 'footer') throw new Error('only sealed chunks are packed');
  const start = number * CHUNK_SIZE;
  for (let at = start; at < start + CHUNK_SIZE; ) {
    const { length, position } = decodeHeader(bytes, at);
    const occupied = Math.ceil(length / 8) * 8;
    if (isGone(position)) writer.remove(bytes, at);
    else writer.keep(bytes, at, occupied);
    at += occupied;
  }
  const { fileBytes } = writer;
  writer.install(footer.footer, PACKED_IDS);
  return fileBytes;
}
