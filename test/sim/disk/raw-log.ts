/** A log in bytes, record by record, with event ids and revisions as a test wants them. */
import { parseUuid } from '../../../src/base/bytes.js';
import {
  commitBody,
  epochBody,
  type NaiveRecord,
  type NaiveSealed,
  naiveSeal,
  prepareBody,
} from '../../log/naive-records.js';

const EPOCH = 1;
/** Where the event id stands in a Prepare's body. */
const ID_IN_BODY = 12;

export interface RawEvent {
  readonly stream: string;
  readonly revision: number;
  readonly eventId: string;
}

export class RawLog {
  readonly records: NaiveSealed[] = [];

  get end(): number {
    const last = this.records.at(-1);
    return last === undefined ? 0 : last.position + last.bytes.length;
  }

  /** Bytes from a record's start to another's end. */
  bytes(from = 0, to = this.end): Buffer {
    return Buffer.concat(
      this.records.filter(({ position }) => position >= from && position < to).map(({ bytes }) => bytes),
    );
  }

  /** Appends events as one transaction, its last `missing` left out; returns the new bytes. */
  transaction(events: readonly RawEvent[], missing = 0): Buffer {
    const first = this.end;
    for (const [i, event] of events.slice(0, events.length - missing).entries()) {
      const { stream, revision, eventId } = event;
      const body = prepareBody({ stream, data: new Uint8Array(8) }, revision, this.end - first);
      parseUuid(eventId, body, ID_IN_BODY);
      this.#add({
        type: 1,
        flags: (i === 0 ? 1 : 0) | (i === events.length - 1 ? 2 : 0),
        epoch: EPOCH,
        body,
      });
    }
    return this.bytes(first);
  }

  commit(committed = this.end): Buffer {
    return this.#add({ type: 2, flags: 0, epoch: EPOCH, body: commitBody(committed) });
  }

  epoch(): Buffer {
    return this.#add({ type: 3, flags: 0, epoch: EPOCH, body: epochBody() });
  }

  /** Cuts the log at the start of a record. */
  truncate(to: number): void {
    while (this.end > to) this.records.pop();
  }

  #add(record: NaiveRecord): Buffer {
    const sealed = naiveSeal(record, this.records.at(-1));
    this.records.push(sealed);
    return sealed.bytes;
  }
}
