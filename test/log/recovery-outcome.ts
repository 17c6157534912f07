/** Runs recovery on a disk, says how it ended, and checks what must hold whatever it was given. */
import { expect } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import { LogScanner } from '../../src/log/scan.js';
import { repairTail, sealChunk } from '../../src/log/tail-repair.js';
import type { MemoryDisk } from './memory-disk.js';
import { FOLDER } from './sample-log.js';

export type RecoveryOutcome =
  | { readonly kind: 'recovered'; readonly log: RecoveredLog }
  | { readonly kind: 'refused'; readonly error: CairnError };

/** Recovers. Any error but a CairnError gets through and fails the test, as does a write or an open file left behind. */
export function outcomeOf(disk: MemoryDisk, catchingUpFrom?: number): RecoveryOutcome {
  const written = disk.bytesWritten;
  try {
    const log = recoverLog({ disk, kernel, folder: FOLDER, catchingUpFrom });
    if (log.kind === 'empty') throw new Error('the folder is empty');
    return { kind: 'recovered', log };
  } catch (error) {
    if (error instanceof CairnError) return { kind: 'refused', error };
    throw error;
  } finally {
    expect(disk.bytesWritten).toBe(written);
    expect(disk.openCount).toBe(0);
  }
}

/** Does what recovery asks for, and checks that a second recovery finds the same end and nothing to do. */
export function repair(disk: MemoryDisk, log: RecoveredLog): void {
  repairTail(disk, log);
  if (log.needsFooter !== undefined) sealChunk(disk, log.needsFooter.path, log.needsFooter.footer);
  const again = outcomeOf(disk);
  if (again.kind === 'refused') throw again.error;
  expect(again.log.end).toEqual(log.end);
  expect(again.log.recordsInActiveChunk).toBe(log.recordsInActiveChunk);
  expect(again.log.torn).toBeUndefined();
  expect(again.log.needsFooter).toBeUndefined();
}

/** All bytes of the recovered log, read with every check there is. */
export function contentOf(disk: MemoryDisk, log: RecoveredLog): Buffer {
  const { chunks, chunkSize, end } = log;
  const from = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
  const scanner = new LogScanner({ disk, kernel, chunks, chunkSize, from, to: end.position });
  const parts: Buffer[] = [];
  try {
    for (let run = scanner.next(); run !== undefined; run = scanner.next()) {
      parts.push(Buffer.from(run.bytes.slice(run.at, run.at + run.length)));
    }
  } finally {
    scanner.close();
  }
  expect(scanner.state).toEqual(end);
  return Buffer.concat(parts);
}
