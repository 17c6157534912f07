/**
 * A log for tests that can be cut and written on, record by record, with chunks of any size: what a ring, a store or a range is compared with.
 * Slow and obvious.
 */
import type { ChainState } from '../../src/base/ports.js';
import {
  commitBody,
  epochBody,
  type NaiveRecord,
  type NaiveSealed,
  naiveRemoved,
  naiveSeal,
  prepareBody,
} from './naive-records.js';

const PADDING = 5;

export class NaiveLog {
  readonly chunkBytes: number;
  epoch = 1;
  #records: NaiveSealed[] = [];
  /** Records of events among them: counted, as some tests have ten thousands. */
  #events = 0;

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  get records(): readonly NaiveSealed[] {
    return this.#records;
  }

  get end(): number {
    const last = this.#records.at(-1);
    return last === undefined ? 0 : endOf(last);
  }

  /** Where records begin, and the end. */
  get places(): number[] {
    return [...this.#records.map(({ position }) => position), this.end];
  }

  event(dataBytes: number, stream = 's'): this {
    const revision = this.#events;
    const body = prepareBody({ stream, data: new Uint8Array(dataBytes).fill(0xab) }, revision, 0);
    return this.#add({ type: 1, flags: 3, epoch: this.epoch, body });
  }

  /** An event that is one of several of a transaction. */
  part(dataBytes: number, which: 'first' | 'middle' | 'last'): this {
    const flags = { first: 1, middle: 0, last: 2 }[which];
    const body = prepareBody({ stream: 's', data: new Uint8Array(dataBytes).fill(0xcd) }, 0, 0);
    return this.#add({ type: 1, flags, epoch: this.epoch, body });
  }

  commit(committed = this.end): this {
    return this.#add({ type: 2, flags: 0, epoch: this.epoch, body: commitBody(committed) });
  }

  /** Begins a reign. */
  reign(epoch: number): this {
    this.epoch = epoch;
    return this.#add({ type: 3, flags: 0, epoch, body: epochBody() });
  }

  /** Cuts the log where a record begins. */
  truncate(to: number): this {
    this.#records = this.#records.filter(({ position }) => position < to);
    if (this.end !== to) throw new Error(`no record begins at ${to}`);
    this.#events = this.#records.filter(({ type }) => type === 1).length;
    return this;
  }

  /** Puts a Removed record in the place of the last one, as if the log came from a node that has scavenged it. */
  removeLast(): this {
    this.#records.push(naiveRemoved(this.#records.pop()!));
    return this;
  }

  /** The log's bytes of whole records from `from` up to `to`. */
  bytes(from = 0, to = this.end): Buffer {
    return Buffer.concat(
      this.#records.filter(({ position }) => position >= from && position < to).map(({ bytes }) => bytes),
    );
  }

  /** What a record at `position` continues. */
  stateAt(position: number): ChainState {
    const last = this.#records.filter((record) => endOf(record) <= position).at(-1);
    if (last === undefined) return { position: 0, chain: 0, previousLength: 0, epoch: 0 };
    const { bytes, length: previousLength, epoch } = last;
    const chain = bytes.readUInt32LE(last.type === 7 ? 44 : 0);
    return { position: endOf(last), chain, previousLength, epoch };
  }

  /** How many records the chunk that a record at `position` goes to has before it. */
  recordsInChunkAt(position: number): number {
    const start = position - (position % this.chunkBytes);
    return this.#records.filter((record) => record.position >= start && record.position < position).length;
  }

  #add(record: NaiveRecord): this {
    const left = this.chunkBytes - (this.end % this.chunkBytes);
    const occupied = Math.ceil((44 + record.body.length) / 8) * 8;
    if (occupied !== left && occupied + 48 > left) {
      this.#push({ type: PADDING, flags: 0, epoch: record.epoch, body: new Uint8Array(left - 44) });
    }
    return this.#push(record);
  }

  #push(record: NaiveRecord): this {
    this.#records.push(naiveSeal(record, this.#records.at(-1)));
    if (record.type === 1) this.#events++;
    return this;
  }
}

export function endOf({ position, bytes }: NaiveSealed): number {
  return position + bytes.length;
}
