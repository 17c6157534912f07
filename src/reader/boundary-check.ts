/**
 * Whether records found at a position that a client named are records of the log, and not something inside an event that was
 * made to look like them. Main thread. Checksums can't tell, for anyone can compute those; the index can: it knows where the
 * event that a record claims to be really stands.
 */
import { readU64 } from '../base/bytes.js';
import type { Position } from '../base/units.js';
import type { StreamLookup } from '../indexer/commands.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE, STREAM_NAME_BYTES_MAX } from '../log/record.js';

/** Whole records with good checksums, one behind the other: `view[at, end)`. */
export interface Claim {
  readonly view: DataView<ArrayBuffer>;
  readonly at: number;
  readonly end: number;
}

/** `unknown`: there is no event among them, so nothing that could do harm either. */
export type Verdict = 'genuine' | 'forged' | 'unknown';

/** Asks the index about the first event, or step of an open transaction, in the claim; the chain of checksums ties the others to it. */
export async function verdictOn({ view, at, end }: Claim, lookup: StreamLookup): Promise<Verdict> {
  for (let record = at; record < end; ) {
    if (isIndexed(view.getUint8(record + RECORD.type))) {
      return (await isWhereItSays({ view, at: record, end }, lookup)) ? 'genuine' : 'forged';
    }
    record += occupiedBytes(view.getUint32(record + RECORD.length, true));
  }
  return 'unknown';
}

/** Whether the index knows where records of this type are. */
export function isIndexed(type: number): boolean {
  return type === RECORD_TYPE.prepare || type === RECORD_TYPE.draft;
}

/** Whether the index knows the event whose header, with its position, is at `view[at]`. The name may end beyond `end`: then not. */
export async function isWhereItSays({ view, at, end }: Claim, lookup: StreamLookup): Promise<boolean> {
  if (at + PREPARE.stream > end) return false;
  const position: Position = readU64(view, at + RECORD.position);
  const from = readU64(view, at + PREPARE.revision);
  const nameBytes = view.getUint16(at + PREPARE.streamBytes, true);
  if (nameBytes > STREAM_NAME_BYTES_MAX || at + PREPARE.stream + nameBytes > end) return false;
  const stream = new Uint8Array(view.buffer, view.byteOffset + at + PREPARE.stream, nameBytes);
  const runs = await lookup.lookup({ stream, direction: 'forwards', from, eventsMax: 1, bytesMax: 1 });
  return runs.runCount === 1 && runs.positions[0] === position;
}
