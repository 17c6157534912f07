/** Engines in the test's own process, for tests of what main, its threads and the core do together. */
import type { Engine } from '../../src/node/engine.js';
import type { EngineOptions } from '../../src/node/engine-options.js';
import type { EngineEvents } from '../../src/node/engine-parts.js';
import { openLoneEngine } from '../../src/node/lone-engine.js';
import { appendFrame, idOf, openAppend } from '../sequencer/requests.js';

export const CHUNK_BYTES = 64 * 1024;

export function engineOptions(folder: string, changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    folder,
    chunkSize: CHUNK_BYTES,
    ringSize: 1024 * 1024,
    batchBytesMax: 1024 * 1024,
    syncMode: 'fdatasync',
    maxAppendSize: 16 * 1024,
    maxAppendEventSize: 8 * 1024,
    retryWindowEvents: 1024,
    transactionTimeoutMs: 60_000,
    indexCacheSize: 1024 * 1024,
    streamHeadCacheSize: 1024 * 1024,
    busyWaitUs: 400,
    ...changes,
  };
}

/** Of an engine that must not fail. */
export const UNTROUBLED: EngineEvents = {
  note: () => undefined,
  warn: () => undefined,
  failed: (error) => {
    throw error;
  },
};

export function openLone(folder: string, changes: Partial<EngineOptions> = {}): Promise<Engine> {
  return openLoneEngine(engineOptions(folder, changes), UNTROUBLED);
}

export interface TestAppend {
  readonly bytes?: number;
  readonly stream?: string;
  readonly expected?: number;
}

/** Appends one event; resolves to its revision, or to why it was rejected. */
export function append(
  engine: Engine,
  id: number,
  { bytes = 100, stream = 's', expected = -2 }: TestAppend = {},
): Promise<number | string> {
  const frame = appendFrame(stream, [{ id: idOf(id), data: new Uint8Array(bytes).fill(id) }], expected);
  return new Promise((resolve) => {
    const sink = {
      appended: (_token: number, revision: number) => resolve(revision),
      appendedParts: (_token: number, revisions: readonly number[]) => resolve(revisions.at(-1)!),
      rejected: (_token: number, { code }: { code: string }) => resolve(code),
    };
    const attempt = () => {
      const outcome = engine.appends.append(openAppend(frame), sink, 1);
      if (outcome === 'retry') engine.appends.whenRoom(attempt);
      else if (outcome === 'sought') engine.appends.whenFound(attempt);
      else if (outcome !== 'taken') engine.appends.refuse(sink, 1, outcome);
    };
    attempt();
  });
}
