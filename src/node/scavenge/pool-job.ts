/** The jobs of the worker that rewrites chunks: one at a time, with low priority, and with rests. It may block for as long as it likes. */
import { randomUUID } from 'node:crypto';
import { setPriority } from 'node:os';
import { CairnError } from '../../base/errors.js';
import { DiskError } from '../../base/ports.js';
import { listFolder, readChunkBlocks } from '../../log/folder.js';
import { PackedChunkWriter } from '../../log/packed-chunk-writer.js';
import { openPlatform } from '../../native/platform.js';
import { scavengeChunk } from '../../scavenge/chunk-scavenge.js';
import { RemovalRules } from '../../scavenge/removal-rules.js';
import { diskFailure } from '../disk-failure.js';
import type { ChunkSurvey, FoundChunk, ScavengeReport, ScavengeTask, SurveyTask } from './scavenge-job.js';

/** Of 0 to 19, as the index's jobs: a tenth of the time that a thread with 0 gets, when both want to work. */
const NICE = 10;

const { disk, kernel } = openPlatform();
// Elsewhere it would be the whole process's.
if (process.platform === 'linux') setPriority(NICE);

let known: { readonly number: number; readonly rules: RemovalRules } | undefined;

/** Nobody wants it any more. */
class Cancelled extends Error {}

export function scavenge(task: ScavengeTask): ScavengeReport {
  const { rulesNumber, rules: sent, log, number, committed, drafts } = task;
  if (sent !== undefined) known = { number: rulesNumber, rules: RemovalRules.fromTransfer(sent) };
  if (known?.number !== rulesNumber) return { kind: 'rules-wanted' };
  const { rules } = known;
  const folder = { disk, kernel, ...log };
  const rest = resting(task);
  try {
    return scavengeChunk(
      { number, rules, committed, drafts },
      {
        log: folder,
        open: (chunk) => new PackedChunkWriter(folder, chunk, { check: rest }),
        newIds: () => ({ chunkId: randomUUID(), createdUs: Date.now() * 1000 }),
        rest,
      },
    );
  } catch (error) {
    if (error instanceof Cancelled) return { kind: 'cancelled' };
    return failureOf(error);
  }
}

/** What the headers of the first chunks say. */
export function survey({ folder, chunks }: SurveyTask): ChunkSurvey {
  const found: (FoundChunk | undefined)[] = new Array(chunks).fill(undefined);
  for (const { chunkNumber, path } of listFolder(disk, folder).chunks) {
    if (chunkNumber < chunks) found[chunkNumber] = foundAt(path);
  }
  return found;
}

function foundAt(path: string): FoundChunk | undefined {
  try {
    const { header, fileBytes } = readChunkBlocks(disk, path);
    return header.kind === 'header' ? { chunkId: header.header.chunkId, fileBytes } : undefined;
  } catch (error) {
    // Whoever goes over it will say what is wrong.
    if (error instanceof DiskError) return undefined;
    throw error;
  }
}

/** To be called again and again: rests so long after each piece of work that no more of the time is used than is wished; throws `Cancelled`. */
function resting({ throttlePercent, cancelled }: ScavengeTask): () => void {
  let beganMs = performance.now();
  return () => {
    const restMs = ((performance.now() - beganMs) * (100 - throttlePercent)) / throttlePercent;
    if (Atomics.wait(cancelled, 0, 0, restMs) === 'not-equal' || Atomics.load(cancelled, 0) === 1)
      throw new Cancelled();
    beganMs = performance.now();
  };
}

/** Only our own bugs are thrown. */
function failureOf(error: unknown): ScavengeReport {
  if (error instanceof DiskError) {
    const { code, details } = diskFailure(error);
    return { kind: 'failed', code, message: error.message, details, isOutOfSpace: error.isOutOfSpace };
  }
  if (!(error instanceof CairnError)) throw error;
  const { code, message, details } = error;
  return { kind: 'failed', code, message, details, isOutOfSpace: false };
}
