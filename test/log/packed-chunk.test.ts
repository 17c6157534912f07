import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERIFY_STOP } from '../../src/base/ports.js';
import { chunkFileBytes } from '../../src/log/chunk.js';
import { isSound } from '../../src/log/chunk-check.js';
import { ChunkContents } from '../../src/log/chunk-contents.js';
import { surveyDamage } from '../../src/log/damaged-chunk.js';
import { openFolder } from '../../src/log/folder.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { LogScanner } from '../../src/log/scan.js';
import { ChunkContentsFile } from '../../src/reader/chunk-contents-file.js';
import type { MemoryDisk } from './memory-disk.js';
import { folderOn, naiveRemoved, packChunk } from './packed-sample.js';
import { CHUNK_SIZE, chunkPath, FOLDER, SampleLog } from './sample-log.js';

/** Events of many sizes, some longer than a stretch of the map, Commits and new epochs between them. */
const logs = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(300), fc.nat(40_000)) }) },
      { weight: 2, arbitrary: fc.constant('commit' as const) },
      { weight: 1, arbitrary: fc.constant('epoch' as const) },
      { weight: 2, arbitrary: fc.record({ events: fc.integer({ min: 2, max: 40 }) }) },
    ),
    { minLength: 5, maxLength: 120 },
  )
  .map((steps) => {
    const log = new SampleLog().epoch();
    for (const step of steps) {
      if (step === 'commit') log.commit();
      else if (step === 'epoch') [log.epochNumber++, log.epoch()];
      else if ('bytes' in step) log.event(step.bytes);
      else {
        const data = new Uint8Array(9).fill(7);
        log.transaction(Array.from({ length: step.events }, (_, i) => ({ stream: `s${i}`, data })));
      }
    }
    return log.fillChunk();
  });

/** Which records go: by their numbers, from none of them to all, in runs. */
const choices = fc.array(fc.record({ isGone: fc.boolean(), count: fc.integer({ min: 1, max: 30 }) }), {
  minLength: 1,
  maxLength: 60,
});

function removalOf(log: SampleLog, choice: readonly { isGone: boolean; count: number }[]) {
  const pattern = choice.flatMap(({ isGone, count }) => Array<boolean>(count).fill(isGone));
  const gone = new Set<number>();
  for (const [i, { position, type }] of log.records.entries()) {
    if (type !== 5 && type !== 3 && pattern[i % pattern.length]) gone.add(position);
  }
  return gone;
}

/** The log with all its sealed chunks packed, and its bytes as they are then. */
function packed(log: SampleLog, gone: ReadonlySet<number>): { disk: MemoryDisk; bytes: Buffer } {
  const disk = log.disk();
  for (let number = 0; number < log.end / CHUNK_SIZE; number++)
    packChunk(disk, number, log.bytes, (position) => gone.has(position));
  return { disk, bytes: naiveRemoved(log, ({ position }) => gone.has(position)) };
}

function read(disk: MemoryDisk, from: number, to: number): Buffer {
  const number = Math.floor(from / CHUNK_SIZE);
  const contents = new ChunkContents(folderOn(disk), chunkPath(number), number * CHUNK_SIZE);
  const target = new Uint8Array(to - from + 16).fill(0xee);
  expect(contents.read(from, target, 8, to - from)).toBe(to - from);
  contents.close();
  expect([...target.subarray(0, 8), ...target.subarray(-8)]).toEqual(Array<number>(16).fill(0xee));
  return Buffer.from(target.subarray(8, -8));
}

/** Where bytes first differ; −1 if they don't. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.length === b.length ? a.findIndex((byte, i) => byte !== b[i]) : Math.min(a.length, b.length);
}

describe('a scavenged chunk', () => {
  test('has the bytes that the log had, and Removed records for what is gone, wherever it is read', () => {
    const ranges = fc.array(fc.tuple(fc.nat(CHUNK_SIZE), fc.nat(CHUNK_SIZE), fc.nat(5)), { maxLength: 30 });
    fc.assert(
      fc.property(logs, choices, ranges, (log, choice, wanted) => {
        const { disk, bytes } = packed(log, removalOf(log, choice));
        for (let start = 0; start < log.end; start += CHUNK_SIZE) {
          const whole = read(disk, start, start + CHUNK_SIZE);
          expect(difference(whole, bytes.subarray(start, start + CHUNK_SIZE))).toBe(-1);
        }
        for (const [a, b, chunk] of wanted) {
          const start = (chunk % (log.end / CHUNK_SIZE)) * CHUNK_SIZE;
          const [from, to] = [start + Math.min(a, b), start + Math.max(a, b)];
          if (from < start + CHUNK_SIZE)
            expect(difference(read(disk, from, to), bytes.subarray(from, to))).toBe(-1);
        }
        expect(disk.openCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('is a part of its log: its footer counts, and the chain goes through it', () => {
    fc.assert(
      fc.property(logs, choices, (log, choice) => {
        const gone = removalOf(log, choice);
        const { disk } = packed(log, gone);
        const opened = openFolder(disk, FOLDER);
        if (opened.kind !== 'log') throw new Error('there are chunks');
        const from = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
        const input = { ...folderOn(disk), chunks: opened.chunks, from, to: log.end };
        const scanner = new LogScanner(input);
        while (scanner.next() !== undefined);
        expect(scanner.state.chain).toBe(log.records.at(-1)!.bytes.readUInt32LE(0));
        scanner.close();
        const survey = surveyDamage(folderOn(disk), 0);
        expect(survey.kind === 'damaged' && isSound(folderOn(disk), survey.chunk)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('is packed again as what it is, and more can go', () => {
    fc.assert(
      fc.property(logs, choices, choices, (log, first, second) => {
        const [before, then] = [removalOf(log, first), removalOf(log, second)];
        const { disk, bytes } = packed(log, before);
        const all = new Set([...before, ...then]);
        for (let number = 0; number < log.end / CHUNK_SIZE; number++)
          packChunk(disk, number, bytes, (position) => all.has(position));
        const start = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
        for (let at = 0; at < log.end; at += CHUNK_SIZE) {
          const chunk = read(disk, at, at + CHUNK_SIZE);
          expect(javascriptKernel.verify(chunk, 0, CHUNK_SIZE, start)).toBe(VERIFY_STOP.end);
          for (const { position, bytes: record, type } of log.records) {
            if (position < at || position >= at + CHUNK_SIZE) continue;
            expect(chunk[position - at + 40]).toBe(all.has(position) ? 7 : type);
            if (all.has(position))
              expect(chunk.readUInt32LE(position - at + 44)).toBe(record.readUInt32LE(0));
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test('takes eight bytes for a removed record, and gives the rest back', () => {
    const log = new SampleLog().epoch();
    while (log.end < CHUNK_SIZE - 1000) log.event(100);
    log.fillChunk();
    const disk = log.disk();
    const events = log.records.filter(({ type }) => type === 1);
    const bytes = packChunk(disk, 0, log.bytes, (position) =>
      events.some((event) => event.position === position),
    );
    expect(bytes).toBe(disk.files.get(chunkPath(0))!.length);
    // Header, the Epoch record, runs, Padding; map; footer.
    expect(bytes).toBeLessThanOrEqual(4096 + 4096 + 4096 + 4096);
    expect(bytes).toBeLessThan(chunkFileBytes(CHUNK_SIZE) / 4);
  });

  test('reads the same off the event loop', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-packed-'));
    try {
      const log = new SampleLog().epoch().event(30_000).event(5).event(9_000).event(60).fillChunk();
      const gone = new Set(
        log.records.filter(({ type }, i) => type === 1 && i % 2 === 0).map(({ position }) => position),
      );
      const { disk, bytes } = packed(log, gone);
      const path = join(folder, 'chunk');
      writeFileSync(path, disk.files.get(chunkPath(0))!);
      const file = await ChunkContentsFile.open({ path, start: 0, kernel: javascriptKernel });
      for (const [from, to] of [
        [0, CHUNK_SIZE],
        [40_000, 40_100],
        [16_384, 16_385],
        [65_528, 65_536],
      ] as const) {
        const target = new Uint8Array(to - from);
        await file.read(from, target, 0, to - from);
        expect(difference(target, bytes.subarray(from, to))).toBe(-1);
      }
      await file.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('damage in a scavenged chunk', () => {
  /** A flipped byte anywhere: what is read up to the first record that is not as it was is right, and no wrong record is ever taken for a good one. */
  test('is found by who checks the records, and costs no others than those near it', () => {
    fc.assert(
      fc.property(logs, choices, fc.nat(), (log, choice, where) => {
        const { disk, bytes } = packed(log, removalOf(log, choice));
        const file = disk.files.get(chunkPath(0))!;
        const at = 4096 + (where % (file.length - 8192));
        file[at]! ^= 0x10;
        const got = read(disk, 0, CHUNK_SIZE);
        const state = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
        const stop = javascriptKernel.verify(got, 0, CHUNK_SIZE, state);
        const right = difference(got, bytes.subarray(0, CHUNK_SIZE));
        if (right >= 0) expect(stop).not.toBe(VERIFY_STOP.end);
        expect(difference(got.subarray(0, state.position), bytes.subarray(0, state.position))).toBe(-1);
      }),
      { numRuns: 200 },
    );
  });

  test('of its map makes all of it unreadable, and none of it wrong', async () => {
    const log = new SampleLog().epoch().event(3_000).fillChunk();
    const { disk } = packed(log, new Set([log.records[1]!.position]));
    const file = disk.files.get(chunkPath(0))!;
    file[file.length - 8192 + 5]! ^= 1;
    expect(read(disk, 0, CHUNK_SIZE).every((byte) => byte === 0)).toBe(true);
    const survey = surveyDamage(folderOn(disk), 0);
    expect(survey.kind === 'damaged' && isSound(folderOn(disk), survey.chunk)).toBe(false);
    const folder = mkdtempSync(join(tmpdir(), 'cairn-packed-'));
    const path = join(folder, 'chunk');
    writeFileSync(path, file);
    await expect(ChunkContentsFile.open({ path, start: 0, kernel: javascriptKernel })).rejects.toMatchObject({
      code: 'log-corrupt',
    });
    rmSync(folder, { recursive: true });
  });
});
