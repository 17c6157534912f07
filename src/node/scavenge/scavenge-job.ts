/** What main and the worker that rewrites chunks say to each other. Types only. */
import type { ErrorCode, ErrorDetails } from '../../base/errors.js';
import type { Position } from '../../base/units.js';
import type { ChunkOutcome } from '../../scavenge/chunk-scavenge.js';
import type { KnownDrafts } from '../../scavenge/draft-steps.js';
import type { RemovalRulesTransfer } from '../../scavenge/removal-rules.js';

/** The log of a data folder. */
export interface ScavengedLog {
  readonly folder: string;
  readonly logId: string;
  readonly chunkSize: number;
}

/** What is wanted of one chunk. */
export interface ChunkWork {
  readonly number: number;
  readonly committed: Position;
  readonly throttlePercent: number;
  readonly drafts: KnownDrafts;
}

export interface ScavengeTask extends ChunkWork {
  readonly log: ScavengedLog;
  /** Rules stay with the worker from chunk to chunk; it has none when it is new. */
  readonly rulesNumber: number;
  readonly rules: RemovalRulesTransfer | undefined;
  /** 1 as soon as nobody wants it any more. */
  readonly cancelled: Int32Array;
}

export type ScavengeReport =
  | ChunkOutcome
  /** Asked for again with them. */
  | { readonly kind: 'rules-wanted' }
  | { readonly kind: 'cancelled' }
  /** Nothing has changed. */
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
      readonly isOutOfSpace: boolean;
    };

/** A chunk's file, as it is found. */
export interface FoundChunk {
  readonly chunkId: string;
  readonly fileBytes: number;
}

export interface SurveyTask {
  readonly folder: string;
  /** Of the first so many chunks. */
  readonly chunks: number;
}

/** By number; undefined where there is none that can be read. */
export type ChunkSurvey = readonly (FoundChunk | undefined)[];
