/**
 * Mends one chunk: finds out what may stand in its place, asks the other members for it one after the other, and puts the first copy there
 * that passes. Blocks its thread while it works on files: main's before the node is open, later one of its own.
 */
import { randomUUID } from 'node:crypto';
import { chunkFileName } from '../../log/chunk.js';
import { isSound } from '../../log/chunk-check.js';
import { ChunkReplacement } from '../../log/chunk-replacement.js';
import { type DamagedChunk, type LogFolder, surveyDamage } from '../../log/damaged-chunk.js';
import { makeChunk } from '../../log/new-chunk.js';
import type { FetchedChunk } from '../../net/chunk-caller.js';

/** Hands the data of a chunk, as far as `peer` has it committed, to `take`. */
export type FetchChunk = (
  peer: string,
  number: number,
  take: (piece: Uint8Array) => void,
) => Promise<FetchedChunk>;

/** Why a member was of no help. */
export interface PeerAnswer {
  readonly peer: string;
  readonly reason: string;
}

export type RepairOutcome =
  /** `from`: whose copy it is; undefined if an empty chunk was all that was missing. */
  | {
      readonly kind: 'repaired';
      readonly number: number;
      readonly file: string;
      readonly from: string | undefined;
    }
  | {
      readonly kind: 'no-help';
      readonly number: number;
      readonly file: string;
      readonly answers: readonly PeerAnswer[];
    };

/** Mends chunk `number`, or one before it that has to be mended first. Asks each of `peers` once. Throws `DiskError`. */
export async function repairChunk(
  log: LogFolder,
  number: number,
  peers: readonly string[],
  fetch: FetchChunk,
): Promise<RepairOutcome> {
  const survey = surveyDamage(log, number);
  switch (survey.kind) {
    case 'earlier':
      return await repairChunk(log, survey.number, peers, fetch);
    case 'unused':
      makeChunk(log.disk, log.folder, newHeader(log, number));
      return { kind: 'repaired', number, file: chunkFileName(number, 0), from: undefined };
    case 'damaged':
      return await replace(log, survey.chunk, peers, fetch);
  }
}

/** The same for a chunk that may be sound: then nothing is done. For one that is sealed and committed as a whole. */
export async function mendIfDamaged(
  log: LogFolder,
  number: number,
  peers: readonly string[],
  fetch: FetchChunk,
): Promise<RepairOutcome | { readonly kind: 'sound' }> {
  const survey = surveyDamage(log, number);
  if (survey.kind === 'damaged' && isSound(log, survey.chunk)) return { kind: 'sound' };
  return await repairChunk(log, number, peers, fetch);
}

async function replace(
  log: LogFolder,
  chunk: DamagedChunk,
  peers: readonly string[],
  fetch: FetchChunk,
): Promise<RepairOutcome> {
  const { number } = chunk;
  const file = chunkFileName(number, 0);
  const answers: PeerAnswer[] = [];
  for (const peer of peers) {
    const reason = await replaceFrom(log, chunk, peer, fetch);
    if (reason === undefined) return { kind: 'repaired', number, file, from: peer };
    answers.push({ peer, reason });
  }
  return { kind: 'no-help', number, file, answers };
}

/** Undefined if it went well, else why not. */
async function replaceFrom(
  log: LogFolder,
  chunk: DamagedChunk,
  peer: string,
  fetch: FetchChunk,
): Promise<string | undefined> {
  const replacement = new ChunkReplacement(log, chunk);
  try {
    const fetched = await fetch(peer, chunk.number, (piece) => replacement.append(piece));
    if (fetched.kind === 'failed') return fetched.reason;
    const check = replacement.check();
    if (check.kind === 'bad') return check.reason;
    replacement.install(check, newHeader(log, chunk.number));
    return undefined;
  } finally {
    replacement.discard();
  }
}

function newHeader({ chunkSize, logId }: LogFolder, chunkNumber: number) {
  return { chunkNumber, chunkSize, logId, chunkId: randomUUID(), createdUs: Date.now() * 1000 };
}
