/**
 * The events in a range of raw log bytes, and which of them make whole transactions. Pure. As everywhere in Cairn, a transaction
 * whose last record is missing never happened: an Epoch record ends what the reign before left open (docs/formats.md).
 */
import type { Bytes } from '../../base/ports.js';
import type { Position, Revision } from '../../base/units.js';
import { type DecodedRecord, decodeRecord } from '../../log/decoded-record.js';
import { occupiedBytes, PREPARE_FLAG, RECORD, RECORD_HEADER_BYTES, RECORD_TYPE } from '../../log/record.js';

export interface LoggedEvent {
  readonly stream: string;
  readonly revision: Revision;
  readonly eventId: string;
  readonly position: Position;
  /** Where its record ends. */
  readonly end: Position;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** The event that a record is, or undefined. */
export function eventOf({ header, body }: DecodedRecord): LoggedEvent | undefined {
  if (body.kind !== 'prepare') return undefined;
  const { stream, revision, eventId, isFirst, isLast } = body;
  const { position } = header;
  return {
    stream,
    revision,
    eventId,
    position,
    end: position + occupiedBytes(header.length),
    isFirst,
    isLast,
  };
}

/** Calls `take` with each record of `bytes` and where it stands in them; returns the bytes of whole records, which are all unless one is cut off. */
export function forEachRecord(bytes: Bytes, take: (record: DecodedRecord, at: number) => void): number {
  let at = 0;
  while (bytes.length - at >= RECORD_HEADER_BYTES) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getUint32(4, true);
    const occupied = occupiedBytes(length);
    if (length < RECORD_HEADER_BYTES || at + occupied > bytes.length) break;
    take(decodeRecord(bytes, at), at);
    at += occupied;
  }
  return at;
}

/** Whether the last transaction in whole records, of which none is open at their beginning, has no end. */
export function isOpenAtEnd(bytes: Bytes): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let isOpen = false;
  for (let at = 0; at < bytes.length; at += occupiedBytes(view.getUint32(at + RECORD.length, true))) {
    const type = view.getUint8(at + RECORD.type);
    if (type === RECORD_TYPE.epoch) isOpen = false;
    if (type !== RECORD_TYPE.prepare) continue;
    isOpen = (view.getUint16(at + RECORD.flags, true) & PREPARE_FLAG.lastOfTransaction) === 0;
  }
  return isOpen;
}

/** Collects the events of a transaction until its last one. */
export class OpenTransaction {
  #events: LoggedEvent[] = [];

  get isOpen(): boolean {
    return this.#events.length > 0;
  }

  /** `whole`: take the events now. `astray`: it continues nothing, and is left out. A first event begins anew in any case. */
  add(event: LoggedEvent): 'open' | 'whole' | 'astray' {
    if (event.isFirst) this.#events = [event];
    else if (this.isOpen) this.#events.push(event);
    else return 'astray';
    return event.isLast ? 'whole' : 'open';
  }

  /** The events so far; afterwards there is no open transaction. */
  takeEvents(): readonly LoggedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
