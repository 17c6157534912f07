/** Puts a leader's sequencer together from a snapshot of the index: stream heads, and the last event ids. */
import { randomInt } from 'node:crypto';
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Disk } from '../base/ports.js';
import type { IndexSnapshot } from '../indexer/commands.js';
import { RetryWindow, retryWindowBytes } from '../sequencer/retry-window.js';
import { Sequencer, type SequencerParts } from '../sequencer/sequencer.js';
import { StreamHeads } from '../sequencer/stream-heads.js';

export interface SequencerBlueprint {
  readonly snapshot: IndexSnapshot;
  readonly retryWindowEvents: number;
  readonly disk: Disk;
  readonly parts: Omit<SequencerParts, 'heads' | 'retries' | 'hashSeed'>;
}

export function buildSequencer({ snapshot, retryWindowEvents, disk, parts }: SequencerBlueprint): Sequencer {
  const heads = new StreamHeads(
    NameTable.fromTransfer(snapshot.names),
    new Float64Array(snapshot.revisions),
    new Float64Array(snapshot.positions),
  );
  const retries = rememberedIds(snapshot, retryWindowEvents, disk);
  return new Sequencer({ ...parts, heads, retries, hashSeed: randomSeed() });
}

function rememberedIds({ recent }: IndexSnapshot, events: number, disk: Disk): RetryWindow {
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
