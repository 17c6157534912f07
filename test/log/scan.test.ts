import { describe, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import type { ChainState } from '../../src/base/ports.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { LogScanner } from '../../src/log/scan.js';
import type { MemoryDisk } from './memory-disk.js';
import type { NaiveSealed } from './naive-records.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from './sample-log.js';

const LOG = new SampleLog()
  .epoch()
  .event(100)
  .fillChunk()
  .event(5_000)
  .commit()
  .fillChunk()
  .event(10)
  .commit();
const CHUNKS = [0, 1, 2].map((number) => ({ path: chunkPath(number) }));
const START: ChainState = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

/** The state behind a record. */
function stateAfter(record: NaiveSealed): ChainState {
  const { position, bytes, length, epoch } = record;
  return { position: position + bytes.length, chain: bytes.readUInt32LE(0), previousLength: length, epoch };
}

function scanner(disk: MemoryDisk, from: ChainState, to: number): LogScanner {
  return new LogScanner({ disk, kernel, chunks: CHUNKS, chunkSize: CHUNK_SIZE, from, to });
}

function allOf(scan: LogScanner): Buffer {
  const parts: Buffer[] = [];
  for (let run = scan.next(); run !== undefined; run = scan.next()) {
    expect(run.length).toBeGreaterThan(0);
    parts.push(Buffer.from(run.bytes.slice(run.at, run.at + run.length)));
  }
  scan.close();
  return Buffer.concat(parts);
}

describe('a scan', () => {
  test('gives every record of the log, in order, across chunks', () => {
    const disk = LOG.disk();
    const scan = scanner(disk, START, LOG.end);
    expect(Buffer.compare(allOf(scan), LOG.bytes)).toBe(0);
    expect(scan.state).toEqual(stateAfter(LOG.records.at(-1)!));
    expect(disk.openCount).toBe(0);
  });

  test('may begin and end behind any record', () => {
    const disk = LOG.disk();
    for (const first of LOG.records) {
      for (const last of [first, LOG.records[20]!, LOG.records.at(-1)!]) {
        const from = stateAfter(first);
        const to = stateAfter(last).position;
        if (to < from.position) continue;
        const bytes = allOf(scanner(disk, from, to));
        expect(Buffer.compare(bytes, LOG.bytes.subarray(from.position, to))).toBe(0);
      }
    }
  });

  test('stops at damage, naming file, offset and position, after all that is before it', () => {
    const disk = LOG.disk();
    const damaged = LOG.records.find(({ position }) => position > CHUNK_SIZE + 5_000)!;
    disk.files.get(chunkPath(1))![4096 + damaged.position - CHUNK_SIZE + 50]! ^= 1;
    const scan = scanner(disk, START, LOG.end);
    let end = 0;
    let thrown: unknown;
    try {
      for (let run = scan.next(); run !== undefined; run = scan.next()) end = run.position + run.length;
    } catch (error) {
      thrown = error;
    }
    scan.close();
    expect(end).toBe(damaged.position);
    expect(thrown).toBeInstanceOf(CairnError);
    const { code, details } = thrown as CairnError;
    expect(code).toBe('log-corrupt');
    const { position } = damaged;
    expect(details).toMatchObject({ file: chunkPath(1), offset: 4096 + position - CHUNK_SIZE, position });
  });

  test('reads no more than the header of the file and the range', () => {
    const disk = LOG.disk();
    allOf(scanner(disk, stateAfter(LOG.records[0]!), LOG.records[2]!.position));
    expect(disk.bytesRead).toBe(2 * 4096);
  });
});
