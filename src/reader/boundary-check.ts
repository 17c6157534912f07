/**
 * Whether records found at a position that a client named are records of the log, and not something inside an event that was
 * made to look like them. Main thread. Checksums can't tell, for anyone can compute those; the index can: it knows where the
 * event that a record claims to be really stands.
 */
import { readU64 } from '../base/bytes.js';
import type { Position } from '../base/units.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE, STREAM_NAME_BYTES_MAX } from '../log/record.js';
import type { ReadSource } from './read-source.js';

/** Whole records with good checksums, one behind the other: `view[at, end)`. */
export interface Claim {
  readonly view: DataView<ArrayBuffer>;
  readonly at: number;
  readonly end: number;
}

/**
 * What the index says of an event. `gone`: it has none of its stream that are as old, for a scavenge has taken them from chunks behind it and is about to
 * take this one; or none that are as new, and the stream has a tombstone, so that a scavenge takes all of it. So it is for nobody to see, and proves nothing.
 */
export type Standing = 'genuine' | 'forged' | 'gone';

/** The index, and what it leads to. */
type Asked = Pick<ReadSource, 'lookup' | 'rules'>;

/** `unknown`: there is no event in the claim, so nothing that could do harm either. `end`: behind the record that decided it. */
export interface Verdict {
  readonly kind: Standing | 'unknown';
  readonly end: number;
}

/** Asks the index about the first event, or step of an open transaction, in the claim; the chain of checksums ties the others to it. */
export async function verdictOn({ view, at, end }: Claim, source: Asked): Promise<Verdict> {
  for (let record = at; record < end; ) {
    const next = record + occupiedBytes(view.getUint32(record + RECORD.length, true));
    if (isIndexed(view.getUint8(record + RECORD.type)))
      return { kind: await standingOf({ view, at: record, end }, source), end: next };
    record = next;
  }
  return { kind: 'unknown', end };
}

/** Whether the index knows where records of this type are. */
export function isIndexed(type: number): boolean {
  return type === RECORD_TYPE.prepare || type === RECORD_TYPE.draft;
}

/** What the index says of the event whose header, with its position, is at `view[at]`. A name that ends beyond `end` is taken for forged. */
export async function standingOf({ view, at, end }: Claim, { lookup, rules }: Asked): Promise<Standing> {
  if (at + PREPARE.stream > end) return 'forged';
  const position: Position = readU64(view, at + RECORD.position);
  const from = readU64(view, at + PREPARE.revision);
  const nameBytes = view.getUint16(at + PREPARE.streamBytes, true);
  if (nameBytes > STREAM_NAME_BYTES_MAX || at + PREPARE.stream + nameBytes > end) return 'forged';
  const stream = new Uint8Array(view.buffer, view.byteOffset + at + PREPARE.stream, nameBytes);
  const runs = await lookup.lookup({ stream, direction: 'forwards', from, eventsMax: 1, bytesMax: 1 });
  if (runs.runCount !== 1) return (await rules.of(runs.metadata)).isTombstoned ? 'gone' : 'forged';
  if (runs.next > from + 1) return 'gone';
  return runs.positions[0] === position ? 'genuine' : 'forged';
}
