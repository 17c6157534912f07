/** Puts a leader's sequencer together from a snapshot of the index: stream heads, if they are few, and the last event ids. */
import { randomInt } from 'node:crypto';
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { IndexSnapshot } from '../indexer/commands.js';
import type { Platform } from '../native/platform.js';
import { RetryWindow, retryWindowBytes } from '../sequencer/retry-window.js';
import { Sequencer, type SequencerParts } from '../sequencer/sequencer.js';
import { StreamHeads } from '../sequencer/stream-heads.js';

export interface SequencerBlueprint {
  readonly snapshot: IndexSnapshot;
  readonly retryWindowEvents: number;
  /** Most memory for stream heads. */
  readonly headCacheBytes: number;
  readonly platform: Pick<Platform, 'disk' | 'rememberAll'>;
  readonly parts: Omit<SequencerParts, 'heads' | 'retries' | 'hashSeed'>;
}

export function buildSequencer({
  snapshot,
  retryWindowEvents,
  headCacheBytes,
  platform,
  parts,
}: SequencerBlueprint): Sequencer {
  const { seed, heads: all } = snapshot;
  const heads = new StreamHeads({
    seed,
    bytesMax: headCacheBytes,
    all: all && {
      names: NameTable.fromTransfer(all.names),
      revisions: new Float64Array(all.revisions),
      positions: new Float64Array(all.positions),
    },
  });
  const retries = rememberedIds(snapshot, retryWindowEvents, platform);
  return new Sequencer({ ...parts, heads, retries, hashSeed: randomSeed() });
}

function rememberedIds(
  { recent }: IndexSnapshot,
  events: number,
  { disk, rememberAll }: SequencerBlueprint['platform'],
): RetryWindow {
  const memory = new ArrayBuffer(retryWindowBytes(events));
  disk.adviseHugePages(memory);
  const window = new RetryWindow(events, randomSeed(), memory);
  const remembered = {
    ids: new Uint32Array(recent.ids),
    streams: new Uint32Array(recent.streams),
    revisions: new Float64Array(recent.revisions),
    positions: new Float64Array(recent.positions),
  };
  window.addAll(remembered, rememberAll);
  return window;
}

function randomSeed(): HashSeed {
  return { low: randomInt(2 ** 32), high: randomInt(2 ** 32) };
}
