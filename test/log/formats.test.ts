import { describe, expect, test } from 'vitest';
import type { ChainState } from '../../src/base/ports.js';
import { VERIFY_STOP } from '../../src/base/ports.js';
import {
  type ChunkFooter,
  type ChunkHeader,
  chainAfter,
  decodeChunkHeader,
  decodeFooter,
  encodeChunkHeader,
  encodeFooter,
} from '../../src/log/chunk.js';
import { decodeRecord, describeRecord } from '../../src/log/decoded-record.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { PackedChunkWriter } from '../../src/log/packed-chunk-writer.js';
import { readGolden } from './golden-formats.js';
import { MemoryDisk } from './memory-disk.js';
import { chunkPath, FOLDER } from './sample-log.js';

const HEADER: ChunkHeader = {
  chunkNumber: 0,
  chunkSize: 65_536,
  logId: '018f4e5c-0000-7000-8000-00000000a001',
  chunkId: '018f4e5c-0000-7000-8000-00000000c000',
  createdUs: 1_700_000_000_000_000,
};

const FOOTER: ChunkFooter = {
  chunkNumber: 0,
  endPosition: 65_536,
  logId: HEADER.logId,
  chunkId: HEADER.chunkId,
  chain: 0x2f832c94,
  previousLength: 65_016,
  epoch: 1,
  recordCount: 6,
};

/** In the order in which they follow each other in chunk.hex. */
const RECORDS: readonly [string, string][] = [
  ['record-epoch.hex', 'epoch at 0, 64 bytes, epoch 1: leader 018f4e5c-0000-7000-8000-00000000e001'],
  ['record-prepare.hex', 'prepare at 64, 132 bytes, epoch 1: bücher-1 @0 Ordered, 24 bytes of data'],
  ['record-prepare-last.hex', 'prepare at 200, 97 bytes, epoch 1: bücher-1 @1 Paid, 4 bytes of data'],
  ['record-commit.hex', 'commit at 304, 56 bytes, epoch 1: committed before 304'],
  ['record-membership.hex', 'membership at 360, 158 bytes, epoch 1: 114 bytes'],
  ['record-padding.hex', 'padding at 520, 65016 bytes, epoch 1: fills the chunk'],
];

const DRAFT =
  'draft at 1000, 161 bytes, epoch 1: step 4 of transaction 018f4e5c-0000-7000-8000-000000000b01, 64 bytes';
const REMOVED = 'removed at 64, 132 bytes, epoch 1: stands for a prepare record that was removed';
const ALL_RECORDS = [
  ...RECORDS,
  ['record-draft.hex', DRAFT] as const,
  ['record-removed.hex', REMOVED] as const,
];

describe('the golden scavenged chunk', () => {
  test('is what the writer makes of the golden chunk', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory(FOLDER);
    const path = chunkPath(0);
    const plain = readGolden('chunk.hex');
    const golden = readGolden('chunk-scavenged.hex');
    const log = { disk, kernel: javascriptKernel, folder: FOLDER, logId: HEADER.logId, chunkSize: 65_536 };
    const writer = new PackedChunkWriter(log, { number: 0, path });
    const data = plain.subarray(4096);
    writer.keep(data, 0, 64);
    for (const at of [64, 200, 304]) writer.remove(data, at);
    writer.keep(data, 360, 65_536 - 360);
    expect(writer.fileBytes).toBe(golden.length);
    writer.install(FOOTER, HEADER);
    expect(Buffer.compare(disk.files.get(path)!, golden)).toBe(0);
    const decoded = decodeChunkHeader(golden.subarray(0, 4096));
    expect(decoded).toMatchObject({ kind: 'header', header: { ...HEADER, packed: { packedBytes: 65_312 } } });
  });
});

describe('the golden record', () => {
  test.each(ALL_RECORDS)('%s reads as it says', (name, description) => {
    const decoded = decodeRecord(readGolden(name), 0);
    expect(describeRecord(decoded)).toBe(description);
    expect(decoded.header.timestampUs).toBe(1_700_000_000_000_000 + decoded.header.position);
  });

  test.each(ALL_RECORDS)('%s is what seal makes of it', (name) => {
    const golden = readGolden(name);
    const { header } = decodeRecord(golden, 0);
    const bytes = golden.slice();
    bytes.fill(0, 0, 4); // crc
    bytes.fill(0, 28, 40); // chain, previousLength, bodyCrc
    const { position, chain, previousLength } = header;
    const state: ChainState = { position, chain, previousLength, epoch: 0 };
    expect(javascriptKernel.seal(bytes, 0, bytes.length, state)).toBe(1);
    expect(Buffer.compare(bytes, golden)).toBe(0);
    expect(state).toEqual({
      position: position + golden.length,
      // Behind what was removed the log goes on as it did.
      chain: name === 'record-removed.hex' ? 0xd4a3dd5e : header.crc,
      previousLength: header.length,
      epoch: 1,
    });
  });

  test('of a Prepare has all its fields', () => {
    const { header, body } = decodeRecord(readGolden('record-prepare.hex'), 0);
    expect(header).toMatchObject({ type: 1, version: 1, flags: 5, epoch: 1, previousLength: 64 });
    expect(body).toEqual({
      kind: 'prepare',
      transactionOffset: 0,
      revision: 0,
      eventId: '018f4e5c-0000-7000-8000-000000000001',
      stream: 'bücher-1',
      eventType: 'Ordered',
      metadata: new Uint8Array(Buffer.from('{"by":"ada"}')),
      data: new Uint8Array(Buffer.from('{"isbn":"9780262033848"}')),
      isFirst: true,
      isLast: false,
      isJson: true,
    });
  });
});

describe('the golden chunk', () => {
  test('header block is what encoding makes, and reads back', () => {
    const golden = readGolden('chunk-header.hex');
    const block = new Uint8Array(4096).fill(0xee);
    encodeChunkHeader(block, HEADER);
    expect(Buffer.compare(block, golden)).toBe(0);
    expect(decodeChunkHeader(golden)).toEqual({ kind: 'header', header: HEADER });
  });

  test('footer block is what encoding makes, and reads back', () => {
    const golden = readGolden('chunk-footer.hex');
    const block = new Uint8Array(4096).fill(0xee);
    encodeFooter(block, FOOTER);
    expect(Buffer.compare(block, golden)).toBe(0);
    expect(decodeFooter(golden)).toEqual({ kind: 'footer', footer: FOOTER });
  });

  test('is its header, its records and its footer', () => {
    const parts = ['chunk-header.hex', ...RECORDS.map(([name]) => name), 'chunk-footer.hex'];
    const whole = Buffer.concat(parts.map(readGolden));
    expect(whole.length).toBe(4096 + 65_536 + 4096);
    expect(Buffer.compare(readGolden('chunk.hex'), whole)).toBe(0);
  });

  test('verifies from its first record to what its footer says', () => {
    const golden = readGolden('chunk.hex');
    const state: ChainState = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    expect(javascriptKernel.verify(golden, 4096, 65_536, state)).toBe(VERIFY_STOP.end);
    expect(state).toEqual(chainAfter(FOOTER));
  });
});
