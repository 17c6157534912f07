/** Puts the sequencer together from what the index thread found in the log and what the engine was opened with. */
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Disk, TakeAppends } from '../base/ports.js';
import type { IndexReady } from '../indexer/commands.js';
import type { Cursor } from '../ring/cursor.js';
import { CONTROL } from '../ring/layout.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendLimits } from '../sequencer/append-limits.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import { type FramerStart, RecordFramer } from '../sequencer/record-framer.js';
import { RetryWindow, retryWindowBytes } from '../sequencer/retry-window.js';
import { Sequencer } from '../sequencer/sequencer.js';
import { StreamHeads } from '../sequencer/stream-heads.js';

export interface SequencerBlueprint {
  readonly producer: RingProducer;
  readonly ready: IndexReady;
  readonly limits: AppendLimits;
  readonly retryWindowEvents: number;
  readonly framing: FramerStart;
  /** Up to where chunks exist. */
  readonly prepared: Cursor;
  readonly disk: Disk;
  readonly takeAppends: TakeAppends | undefined;
}

export function buildSequencer(blueprint: SequencerBlueprint): Sequencer {
  const { producer, ready, limits, retryWindowEvents, framing, prepared, disk, takeAppends } = blueprint;
  const { control } = producer.memory;
  const heads = new StreamHeads(
    NameTable.fromTransfer(ready.names),
    new Float64Array(ready.revisions),
    new Float64Array(ready.positions),
  );
  return new Sequencer({
    producer,
    framer: new RecordFramer(producer, framing),
    heads,
    retries: rememberedIds(ready, retryWindowEvents, disk),
    limits,
    hashSeed: randomSeed(),
    clock: { wallUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
    preparedEnd: () => prepared.load(),
    outOfSpace: () => outOfSpace(Atomics.load(control, CONTROL.preparerErrno)),
    takeAppends,
  });
}

function rememberedIds({ recent }: IndexReady, events: number, disk: Disk): RetryWindow {
  const memory = new ArrayBuffer(retryWindowBytes(events));
  disk.adviseHugePages(memory);
  const window = new RetryWindow(events, randomSeed(), memory);
  const streams = new Uint32Array(recent.streams);
  const revisions = new Float64Array(recent.revisions);
  const positions = new Float64Array(recent.positions);
  const source = { view: new DataView(recent.ids), idAt: 0 };
  for (let i = 0; i < streams.length; i++, source.idAt += 16) {
    window.add(source, streams[i]!, revisions[i]!, positions[i]!);
  }
  return window;
}

function randomSeed(): HashSeed {
  return { low: randomInt(2 ** 32), high: randomInt(2 ** 32) };
}

/** Why the preparer can't make another chunk; undefined if it can. `errno` is what it noted, 0 if nothing. */
function outOfSpace(errno: number): Rejection | undefined {
  if (errno === 0) return undefined;
  return OUT_OF_SPACE.get(errno) ?? DISK_FULL;
}

const DISK_FULL = diskFull(
  'ENOSPC',
  'the disk has no room for another chunk; nothing was written. Free space: writes resume by themselves within a second',
);

const OUT_OF_SPACE: ReadonlyMap<number, Rejection> = new Map([
  [
    constants.errno.EDQUOT,
    diskFull(
      'EDQUOT',
      "this user's disk quota has no room for another chunk; nothing was written. Raise it, or free space: writes resume by themselves within a second",
    ),
  ],
  [
    constants.errno.EFBIG,
    diskFull(
      'EFBIG',
      "a chunk is larger than this process's limit on file size, or than its file system allows; nothing was written. Raise the limit (ulimit -f) and start the node again",
    ),
  ],
]);

function diskFull(errno: string, message: string): Rejection {
  return { code: 'disk-full', message, details: { errno } };
}
