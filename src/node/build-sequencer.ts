/** Puts the sequencer together from what the index thread found in the log and what the engine was opened with. */
import { randomBytes } from 'node:crypto';
import { NameTable } from '../base/name-table.js';
import type { Disk } from '../base/ports.js';
import type { IndexReady } from '../indexer/commands.js';
import type { Cursor } from '../ring/cursor.js';
import { CONTROL } from '../ring/layout.js';
import type { RingProducer } from '../ring/producer.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import { type FramerStart, RecordFramer } from '../sequencer/record-framer.js';
import { type IdHashKey, RetryWindow, retryWindowBytes } from '../sequencer/retry-window.js';
import { type AppendLimits, Sequencer } from '../sequencer/sequencer.js';
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
}

export function buildSequencer(blueprint: SequencerBlueprint): Sequencer {
  const { producer, ready, limits, retryWindowEvents, framing, prepared, disk } = blueprint;
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
    clock: { wallUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
    preparedEnd: () => prepared.load(),
    outOfSpace: () => (Atomics.load(control, CONTROL.preparerErrno) === 0 ? undefined : DISK_FULL),
  });
}

function rememberedIds({ recent }: IndexReady, events: number, disk: Disk): RetryWindow {
  const memory = new ArrayBuffer(retryWindowBytes(events));
  disk.adviseHugePages(memory);
  const window = new RetryWindow(events, randomHashKey(), memory);
  const streams = new Uint32Array(recent.streams);
  const revisions = new Float64Array(recent.revisions);
  const positions = new Float64Array(recent.positions);
  const source = { view: new DataView(recent.ids), idAt: 0 };
  for (let i = 0; i < streams.length; i++, source.idAt += 16) {
    window.add(source, streams[i]!, revisions[i]!, positions[i]!);
  }
  return window;
}

/** Multipliers must be odd, or bits of the ids would be lost. */
function randomHashKey(): IdHashKey {
  const bytes = randomBytes(16);
  return [0, 4, 8, 12].map((at) => bytes.readInt32LE(at) | 1) as unknown as IdHashKey;
}

const DISK_FULL: Rejection = {
  code: 'disk-full',
  message:
    'the disk has no room for another chunk; nothing was written. Free space: writes resume by themselves within a second',
  details: {},
};
