import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readU64 } from '../../src/base/bytes.js';
import type { Bytes } from '../../src/base/ports.js';
import type { ChunkFooter } from '../../src/log/chunk.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { type ChunkFileWriter, type ChunkOutcome, scavengeChunk } from '../../src/scavenge/chunk-scavenge.js';
import { NO_KNOWN_DRAFTS, withDrafts } from '../../src/scavenge/draft-steps.js';
import { RemovalRules } from '../../src/scavenge/removal-rules.js';
import { CHUNK_BYTES, draftName, FOLDER, type KeepFrom, LOG_ID, ScavengeLog } from './scavenge-log.js';

const SEED = { low: 1, high: 2 };
const STREAMS = ['a', 'b', 'order-1', '$$a', 'é'];

describe('a scavenge of a chunk', () => {
  test('removes what the rules say, no more and no less, from any log', () => {
    fc.assert(
      fc.property(
        fc.array(step(), { minLength: 5, maxLength: 60 }),
        fc.array(rule(), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (steps, rules, removed) => {
          const log = logOf(steps);
          for (const choice of removed) log.remove(log.records[choice % log.records.length]!);
          for (let chunk = 0; chunk < log.chunks; chunk++) expectAsNaive(log, chunk, rules);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('keeps a transaction that ends behind the chunk, and removes one that a new reign cuts off there', () => {
    for (const isCut of [false, true]) {
      const log = new ScavengeLog();
      log.transaction([{ stream: 'a', dataBytes: 40_000 }]);
      log.transaction(
        Array.from({ length: 5 }, () => ({ stream: 'b', dataBytes: 12_000 })),
        isCut,
      );
      log.reign();
      log.seal();
      const { outcome, removed } = scavenge(log, 0, []);
      expect(outcome.kind).toBe(isCut ? 'rewritten' : 'kept');
      expect(removed).toEqual(
        isCut
          ? log
              .recordsOf(0)
              .filter(({ stream }) => stream === 'b')
              .map(({ position }) => position)
          : [],
      );
    }
  });

  test('asks about a transaction over several requests whose end the chunk does not have, and leaves it alone if it is open', () => {
    const log = new ScavengeLog();
    log.draft(1);
    log.draft(1);
    log.seal();
    log.draft(1, true);
    log.seal();
    const asked = scavengeOnce(log, 0, []);
    expect(asked.outcome).toEqual({ kind: 'undecided', names: [new Uint8Array(draftName(1))] });
    expect(scavengeOnce(log, 0, [], new Map([[1, 0]])).outcome.kind).toBe('kept');
    expect(scavengeOnce(log, 0, [], new Map([[1, 2]])).removed).toHaveLength(2);
    expect(scavengeOnce(log, 1, []).outcome.kind).toBe('kept');
  });

  test('removes nothing of a stream whose name is not the very name in the rules', () => {
    const log = new ScavengeLog();
    for (const stream of ['a', 'ab', 'b', 'A']) log.transaction([{ stream, dataBytes: 10 }]);
    log.seal();
    const { removed } = scavenge(log, 0, [
      { stream: 'a', through: CHUNK_BYTES, keepFrom: Number.POSITIVE_INFINITY },
    ]);
    expect(removed).toEqual([log.records[0]!.position]);
  });

  test('writes a chunk anew of which nothing further goes, if its file has room for what went', () => {
    const log = new ScavengeLog();
    log.transaction([{ stream: 'a', dataBytes: 100 }]);
    log.seal();
    log.remove(log.records[0]!);
    expect(scavenge(log, 0, []).outcome).toMatchObject({ kind: 'rewritten', removed: 0 });
  });

  test('leaves the chunk as it is when it is given up in the middle', () => {
    const log = new ScavengeLog();
    log.transaction([{ stream: 'a', dataBytes: 100 }]);
    log.seal();
    const rules = [{ stream: 'a', through: CHUNK_BYTES, keepFrom: 1 }];
    const writer = new RecordedWriter();
    const rest = () => {
      if (writer.hasBegun) throw new Error('enough');
    };
    expect(() => scavengeWith(log, { chunk: 0, rules, writer, rest })).toThrow('enough');
    expect(writer.isDiscarded).toBe(true);
    expect(writer.footer).toBeUndefined();
  });

  test('tells damage in the chunk, and in the one before it', () => {
    const log = new ScavengeLog();
    log.seal();
    log.transaction([{ stream: 'b', dataBytes: 100 }]);
    log.seal();
    log.transaction([{ stream: 'b', dataBytes: 100 }]);
    const disk = log.disk();
    const [first, second] = [...disk.files.keys()].sort();
    disk.files.get(second!)![5_000]! ^= 1;
    expect(() => scavengeWith(log, { chunk: 1, rules: [], disk })).toThrow(/log is damaged/);
    disk.files.get(first!)!.fill(0, 4096 + CHUNK_BYTES);
    expect(() => scavengeWith(log, { chunk: 1, rules: [], disk })).toThrow(/footer/);
  });
});

interface Rule {
  readonly stream: string;
  readonly through: number;
  readonly keepFrom: number;
}

/** Takes down what it is given. */
class RecordedWriter implements ChunkFileWriter {
  readonly kept: number[] = [];
  readonly removed: number[] = [];
  footer: ChunkFooter | undefined;
  isDiscarded = false;
  hasBegun = false;

  keep(bytes: Bytes, at: number, length: number): void {
    this.hasBegun = true;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let record = at; record < at + length; record += 8 * Math.ceil(view.getUint32(record + 4, true) / 8))
      this.kept.push(readU64(view, record + 8));
  }

  remove(bytes: Bytes, at: number): void {
    this.hasBegun = true;
    this.removed.push(readU64(new DataView(bytes.buffer, bytes.byteOffset), at + 8));
  }

  install(footer: ChunkFooter): void {
    this.footer = footer;
  }

  discard(): void {
    this.isDiscarded = true;
  }
}

interface Attempt {
  readonly chunk: number;
  readonly rules: readonly Rule[];
  readonly drafts?: ReadonlyMap<number, number>;
  readonly writer?: RecordedWriter;
  readonly disk?: ReturnType<ScavengeLog['disk']>;
  readonly rest?: () => void;
}

function scavengeWith(log: ScavengeLog, attempt: Attempt): ChunkOutcome {
  const { chunk, rules, drafts = new Map<number, number>(), disk = log.disk() } = attempt;
  const table = new RemovalRules(SEED);
  for (const { stream, through, keepFrom } of rules) table.add(Buffer.from(stream), through, keepFrom);
  const names = [...drafts.keys()].map((draft) => new Uint8Array(draftName(draft)));
  const known = withDrafts(NO_KNOWN_DRAFTS, names, [...drafts.values()]);
  const copy = RemovalRules.fromTransfer(table.toTransfer());
  return scavengeChunk(
    { number: chunk, rules: copy, committed: log.end, drafts: known },
    {
      log: { disk, kernel: javascriptKernel, folder: FOLDER, logId: LOG_ID, chunkSize: CHUNK_BYTES },
      open: () => attempt.writer ?? new RecordedWriter(),
      newIds: () => ({ chunkId: LOG_ID, createdUs: 5 }),
      rest: attempt.rest ?? (() => undefined),
    },
  );
}

function scavengeOnce(
  log: ScavengeLog,
  chunk: number,
  rules: readonly Rule[],
  drafts = new Map<number, number>(),
) {
  const writer = new RecordedWriter();
  const outcome = scavengeWith(log, { chunk, rules, drafts, writer });
  return { outcome, writer, removed: writer.removed };
}

/** With answers to what is asked. */
function scavenge(log: ScavengeLog, chunk: number, rules: readonly Rule[]) {
  const first = scavengeOnce(log, chunk, rules);
  if (first.outcome.kind !== 'undecided') return first;
  const asked = first.outcome.names.map((name) => name[1]!);
  return scavengeOnce(log, chunk, rules, new Map(asked.map((draft) => [draft, log.lastStepIfEnded(draft)])));
}

function expectAsNaive(log: ScavengeLog, chunk: number, rules: readonly Rule[]): void {
  const keepFrom: KeepFrom = (stream, chunkEnd) =>
    Math.max(
      0,
      ...rules
        .filter((rule) => rule.stream === stream && chunkEnd <= rule.through)
        .map((rule) => rule.keepFrom),
    );
  const expected = log.naive(chunk, keepFrom, (draft) => log.lastStepIfEnded(draft));
  const records = log.recordsOf(chunk);
  const { outcome, writer } = scavenge(log, chunk, rules);
  const before = records.filter(({ removed }) => removed !== undefined).length;
  if (expected.length === 0) expect(outcome).toEqual({ kind: 'kept' });
  else {
    expect(outcome).toMatchObject({ kind: 'rewritten', removed: expected.length - before });
    expect(writer.removed).toEqual(expected);
    expect([...writer.kept, ...writer.removed].sort((a, b) => a - b)).toEqual(
      records.map(({ position }) => position),
    );
    const last = records.at(-1)!.bytes;
    const chain = {
      chain: last.readUInt32LE(0),
      previousLength: last.readUInt32LE(4),
      epoch: last.readUInt32LE(24),
    };
    expect(writer.footer).toMatchObject({ chunkNumber: chunk, ...chain, recordCount: records.length });
  }
}

type Step =
  | {
      readonly kind: 'transaction';
      readonly events: { stream: string; dataBytes: number }[];
      readonly isCut: boolean;
    }
  | { readonly kind: 'draft'; readonly draft: number; readonly isEnd: boolean }
  | { readonly kind: 'commit' | 'reign' };

function step(): fc.Arbitrary<Step> {
  const event = fc.record({ stream: fc.constantFrom(...STREAMS), dataBytes: fc.nat(14_000) });
  const events = fc.array(event, { minLength: 1, maxLength: 5 });
  const isCut = fc.boolean().chain((cut) => (cut ? fc.boolean() : fc.constant(false)));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('transaction' as const), events, isCut }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('draft' as const),
        draft: fc.integer({ min: 1, max: 4 }),
        isEnd: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'reign' as const) }) },
  );
}

function rule(): fc.Arbitrary<Rule> {
  return fc.record({
    stream: fc.constantFrom(...STREAMS),
    through: fc.integer({ min: 1, max: 10 }).map((chunks) => chunks * CHUNK_BYTES + 100),
    keepFrom: fc.oneof(fc.nat(20), fc.constant(Number.POSITIVE_INFINITY)),
  });
}

function logOf(steps: readonly Step[]): ScavengeLog {
  const log = new ScavengeLog();
  for (const step of steps) {
    if (step.kind === 'transaction') log.transaction(step.events, step.isCut);
    else if (step.kind === 'draft') log.draft(step.draft, step.isEnd);
    else if (step.kind === 'commit') log.commit();
    else log.reign();
  }
  // A cut transaction at the end is not committed.
  log.reign();
  log.transaction([{ stream: 'a', dataBytes: 1 }]);
  return log;
}
