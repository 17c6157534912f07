/**
 * Looks up the steps of a transaction that is open: the index knows where their records are, as it knows the events of a stream. For a leader that
 * has not seen them itself. Of one that is over a scavenge has removed all but the last, and the index may know of them no more. Main thread.
 */
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { StreamLookup, StreamRuns } from '../indexer/commands.js';
import { decodeHeader } from '../log/decoded-record.js';
import { DRAFT_NAME, occupiedBytes, PREPARE, RECORD_TYPE } from '../log/record.js';
import type { LogReader } from '../reader/log-reader.js';
import type { LoggedStep } from '../sequencer/drafts.js';

const CONTENT_AT = PREPARE.stream + DRAFT_NAME.bytes;

/** All steps of the transaction with this name that are committed, in order, those that were removed as undefined; none if there is none. Rejects as a read does, and with `not-ready`. */
export async function loggedSteps(
  { lookup, reader }: { readonly lookup: StreamLookup; readonly reader: LogReader },
  name: Bytes,
): Promise<readonly (LoggedStep | undefined)[]> {
  const steps: (LoggedStep | undefined)[] = [];
  const query = { stream: name, direction: 'forwards', eventsMax: Infinity, bytesMax: Infinity } as const;
  for (let head = 0; steps.length <= head; ) {
    const runs = await lookup.lookup({ ...query, from: steps.length });
    head = runs.head;
    if (head < 0) break;
    if (runs.runCount === 0) throw new CairnError('not-ready', 'the transaction can not be looked up yet');
    const first = runs.next - runs.events.reduce((sum, count) => sum + count, 0);
    while (steps.length < first) steps.push(undefined);
    for (let run = 0; run < runs.runCount; run++) steps.push(...(await stepsOf(reader, runs, run)));
  }
  return steps;
}

async function stepsOf(
  reader: LogReader,
  { positions, bytes }: StreamRuns,
  run: number,
): Promise<(LoggedStep | undefined)[]> {
  const [start, length] = [positions[run]!, bytes[run]!];
  const records = new Uint8Array(length);
  await reader.readRaw(start, records);
  const steps: (LoggedStep | undefined)[] = [];
  // One at a time: a damaged record is an error, whatever comes before it.
  for (let at = 0; at < length; ) {
    reader.wholeRecords(start + at, records.subarray(at));
    const header = decodeHeader(records, at);
    const content = records.subarray(at + CONTENT_AT, at + header.length);
    const isThere = header.type !== RECORD_TYPE.removed;
    steps.push(isThere ? { content, position: header.position, timestampUs: header.timestampUs } : undefined);
    at += occupiedBytes(header.length);
  }
  return steps;
}
