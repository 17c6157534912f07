/**
 * Where a batch of the writer must end. Pure; any thread. Recovery takes a Commit record that stands behind a torn record, and calls it
 * committed, for proof of corruption (docs/formats.md, Recovery, rule 1). So a Commit must never be in the same unsynced batch as what
 * it names. On a leader that is so by itself if its own disk is never behind the quorum's; whoever writes what others have
 * framed, or commits without its own disk, asks here (or has {@link RecordKernel.survey} stop there); unless recovery is told not to take Commit records for proof (docs/formats.md, Catching up).
 */
import { assert } from '../base/assert.js';
import { type Bytes, newSurvey } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { RECORD, RECORD_TYPE } from './record.js';
import { survey } from './record-walks.js';

/**
 * How many of the whole records in `bytes[at, at+length)` may be written before the next sync, in bytes: up to the first Commit that
 * names a position beyond `durable`. 0 only if the range begins with one, and so never when all before the range is durable.
 */
export function batchLength(bytes: Bytes, at: number, length: number, durable: Position): number {
  const found = newSurvey({ durable });
  survey(bytes, at, length, found);
  const isWhole = found.bytes === length || bytes[at + found.bytes + RECORD.type] === RECORD_TYPE.commit;
  assert(isWhole, 'a batch is cut from whole records');
  return found.bytes;
}

/**
 * What holds for a write of a node that catches up holds for those that stand before it in line, as they are before it in the log: they need not wait for a
 * sync for each of their Commit records either, which on a slow disk takes minutes. Changes `line` up to what is no such write.
 */
export function admitAll<Operation extends { readonly kind: string; readonly isCatchUp?: boolean }>(
  line: Operation[],
): void {
  for (let at = line.length - 1; at >= 0; at--) {
    const operation = line[at]!;
    if (operation.kind !== 'write' || operation.isCatchUp === true) return;
    line[at] = { ...operation, isCatchUp: true };
  }
}
