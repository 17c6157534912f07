/** A log that is filled in this process, without a node, for runs about large ones. Main thread. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultValues, nodeOptionsOf } from '../src/config/options.js';
import { loadManifest } from '../src/index/manifest.js';
import { openPlatform } from '../src/native/platform.js';
import type { Engine } from '../src/node/engine.js';
import { openLoneEngine } from '../src/node/lone-engine.js';
import { EngineTarget } from './engine-target.js';
import { rounded } from './rounded.js';

/** What the log is made of. `salt`: of the streams' names. */
export interface LogShape {
  readonly streams: number;
  readonly eventBytes: number;
  readonly salt: number;
}

const FILLING_IN_FLIGHT = 4096;
/** The index is done when its files have not changed for so long. */
const QUIET_MS = 3_000;

/**
 * Appends so many events to a log, one a request, to the streams in turn, and waits for the index. Returns how many a second that were. Throws
 * `CairnError` if the engine can't be opened or filled.
 */
export async function fillLog(
  folder: string,
  events: number,
  { streams, eventBytes, salt }: LogShape,
): Promise<number> {
  const engine = await openLog(folder);
  const load = { streams, eventBytes, inFlight: FILLING_IN_FLIGHT, eventsPerRequest: 1 };
  const target = new EngineTarget(engine, load, salt);
  const beganMs = performance.now();
  let sent = 0;
  let done = 0;
  await new Promise<void>((resolve, reject) => {
    target.completed = (slot, isOk) => {
      if (!isOk) reject(target.firstError!);
      else if (++done === events) resolve();
      else if (sent < events) {
        sent++;
        target.submit(slot);
      }
    };
    for (; sent < Math.min(events, FILLING_IN_FLIGHT); sent++) target.submit(sent);
  });
  const seconds = (performance.now() - beganMs) / 1000;
  await quiet(join(folder, 'index'), Math.floor(engine.store!.committed / engine.store!.chunkSize));
  await engine.stop();
  return rounded(events / seconds, 0);
}

/** Resolves when so many chunks have segments, and nothing has happened in the folder for so long. */
export async function quiet(folder: string, chunks: number, quietMs = QUIET_MS): Promise<void> {
  let last = '';
  for (let sinceMs = performance.now(); performance.now() - sinceMs < quietMs; await sleep(100)) {
    const names = filesIn(folder);
    const manifest = loadManifest(openPlatform().disk, folder);
    const covered = typeof manifest === 'string' ? 0 : (manifest.segments.at(-1)?.lastChunk ?? -1) + 1;
    const now = names.map((name) => `${name} ${bytesOf(folder, [name])}`).join();
    if (now !== last || covered < chunks) sinceMs = performance.now();
    last = now;
  }
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder);
}

export function bytesOf(folder: string, names: readonly string[]): number {
  return names.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

export function openLog(folder: string, indexCacheSize?: number): Promise<Engine> {
  const defaults = nodeOptionsOf(defaultValues());
  const options = { ...defaults, folder, indexCacheSize: indexCacheSize ?? defaults.indexCacheSize };
  return openLoneEngine(options, {
    note: () => undefined,
    warn: (message, facts) => console.error(message, facts),
    failed: (error) => {
      console.error(`${error.code}: ${error.message}`);
      process.exit(1);
    },
  });
}
