import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChainState } from '../../../src/base/ports.js';
import { type WalkStep, walkChunk } from '../../../src/cli/inspect/chunk-walk.js';
import { ChunkReader } from '../../../src/log/chunk-reader.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import type { MemoryDisk } from '../../log/memory-disk.js';
import { CHUNK_SIZE, chunkPath, SampleLog } from '../../log/sample-log.js';
import { flip } from './damaged-logs.js';

const START: ChainState = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

interface Walked {
  /** Positions of runs, joined where they touch, and of damage. */
  readonly valid: readonly (readonly [number, number])[];
  readonly damage: readonly { position: number; to: number; reason: string }[];
  readonly end: number;
}

function walk(disk: MemoryDisk, chunk: number, before: ChainState | undefined): Walked {
  const reader = new ChunkReader({ disk, kernel }, CHUNK_SIZE);
  const range = { from: chunk * CHUNK_SIZE, to: (chunk + 1) * CHUNK_SIZE };
  reader.open(chunkPath(chunk), range.from, range.from, range.to);
  const valid: [number, number][] = [];
  const damage: Extract<WalkStep, { kind: 'damage' }>[] = [];
  const steps = walkChunk(kernel, reader, range, before);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) {
      reader.close();
      return { valid, damage, end: step.value.position };
    }
    if (step.value.kind === 'damage') {
      damage.push(step.value);
      continue;
    }
    const { position, length } = step.value;
    const last = valid.at(-1);
    if (last !== undefined && last[1] === position && damage.length === 0) last[1] += length;
    else valid.push([position, position + length]);
  }
}

describe('a walk over a chunk', () => {
  test('of valid records is one run up to where zeros follow', () => {
    const log = new SampleLog().epoch().event(5).event(9_000).commit();
    expect(walk(log.disk(), 0, START)).toEqual({ valid: [[0, log.end]], damage: [], end: log.end });
    expect(walk(log.disk(), 1, undefined)).toEqual({ valid: [], damage: [], end: CHUNK_SIZE });
  });

  test('needs no chunk before it to make sense of one', () => {
    const log = new SampleLog().epoch().fillChunk().event().commit();
    expect(walk(log.disk(), 1, undefined)).toMatchObject({ valid: [[CHUNK_SIZE, log.end]], damage: [] });
    expect(walk(log.disk(), 1, START).damage[0]!.reason).toContain('another position');
  });

  test('names a damaged body, and goes on with the next record, whose chain still holds', () => {
    const log = new SampleLog().epoch().event(500).event(500).event(500);
    const [, , hit, next] = log.records;
    const disk = log.disk();
    flip(disk, hit!.position + 300);
    const { valid, damage, end } = walk(disk, 0, START);
    expect(valid).toEqual([
      [0, hit!.position],
      [next!.position, log.end],
    ]);
    expect(damage).toMatchObject([
      { position: hit!.position, to: next!.position, header: { length: hit!.length } },
    ]);
    expect(end).toBe(log.end);
  });

  test('names a damaged header, and goes on where the next header stands', () => {
    const log = new SampleLog().epoch().event(500).event(500).event(500);
    const [, , hit, next] = log.records;
    const disk = log.disk();
    flip(disk, hit!.position + 4);
    const { valid, damage } = walk(disk, 0, START);
    expect(valid).toEqual([
      [0, hit!.position],
      [next!.position, log.end],
    ]);
    expect(damage).toMatchObject([{ position: hit!.position, to: next!.position, header: undefined }]);
  });

  test('names a broken chain, and still checks the records behind it', () => {
    const log = new SampleLog().epoch().event(500).event(500).event(500);
    const other = new SampleLog().epoch().event(501).event(500).event(500);
    const { position } = log.records[2]!;
    expect(other.records[2]!.position).toBe(position);
    const disk = log.disk();
    const from = 4096 + position;
    disk.files.get(chunkPath(0))!.set(other.disk().files.get(chunkPath(0))!.subarray(from), from);
    const { valid, damage, end } = walk(disk, 0, START);
    expect(damage).toMatchObject([{ position, to: position }]);
    expect(damage[0]!.reason).toContain('does not continue');
    expect(valid.at(-1)![1]).toBe(log.end);
    expect(end).toBe(log.end);
  });

  test('finds every record that no damage touched, and ends, whatever the damage', () => {
    const log = new SampleLog().epoch();
    for (let i = 0; i < 40; i++) log.event(i * 13).commit();
    const flips = fc.array(fc.nat(log.end - 1), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(flips, (positions) => {
        const disk = log.disk();
        for (const position of positions) flip(disk, position);
        const { valid } = walk(disk, 0, undefined);
        for (const { position, bytes } of log.records) {
          const now = disk.files.get(chunkPath(0))!.subarray(4096 + position, 4096 + position + bytes.length);
          const isWhole = Buffer.compare(bytes, now) === 0;
          const isFound = valid.some(([from, to]) => from <= position && position + bytes.length <= to);
          expect(isFound).toBe(isWhole);
        }
      }),
      { numRuns: 200 },
    );
  });
});
