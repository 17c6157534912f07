/** The log of a node in a conversation: real sealed records in memory. What isn't synced is gone after a crash. */
import { assert } from '../../src/base/assert.js';
import { readU64 } from '../../src/base/bytes.js';
import type { Bytes, ChainState } from '../../src/base/ports.js';
import type { LogStart, PlacedConfiguration } from '../../src/cluster/known-log.js';
import { decodeMembership } from '../../src/cluster/membership-record.js';
import type { EpochEntry } from '../../src/cluster/messages.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import {
  COMMIT,
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_TYPE,
} from '../../src/log/record.js';

export const CHUNK_SIZE = 65_536;
const LOG_BEGIN: Readonly<ChainState> = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
const TEXT = new TextDecoder();

export interface LoggedRecord {
  readonly position: number;
  readonly end: Readonly<ChainState>;
  readonly bytes: Uint8Array;
  readonly type: number;
  /** Whether a transaction is still open behind it. */
  readonly isOpen: boolean;
  /** What a reader of the conversation is to see. */
  readonly words: string;
}

export class ConversationLog {
  #records: LoggedRecord[] = [];
  #durable = 0;

  get records(): readonly LoggedRecord[] {
    return this.#records;
  }

  get end(): Readonly<ChainState> {
    return this.#records.at(-1)?.end ?? LOG_BEGIN;
  }

  get durable(): number {
    return this.#durable;
  }

  write(bytes: Bytes): void {
    let isOpen = this.#records.at(-1)?.isOpen ?? false;
    for (let at = 0; at < bytes.length; ) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const length = occupiedBytes(view.getUint32(RECORD.length, true));
      const record = new Uint8Array(bytes.subarray(at, at + length));
      const { position } = this.end;
      const end = { ...this.end };
      const stop = javascriptKernel.verify(record, 0, length, end);
      assert(stop === 0, `what is written continues the log: stop ${stop} at ${position}`);
      const type = view.getUint8(RECORD.type);
      const flags = view.getUint16(RECORD.flags, true);
      if (type === RECORD_TYPE.prepare) isOpen = (flags & PREPARE_FLAG.lastOfTransaction) === 0;
      else if (type === RECORD_TYPE.epoch) isOpen = false;
      this.#records.push({ position, end, bytes: record, type, isOpen, words: describe(record, flags) });
      at += length;
    }
  }

  sync(): number {
    this.#durable = this.end.position;
    return this.#durable;
  }

  truncate(to: number): void {
    this.#records = this.#records.filter(({ end }) => end.position <= to);
    assert(this.end.position === to, `${to} is the end of a record`);
    this.#durable = to;
  }

  /** Power is lost, and recovery drops an unfinished transaction. */
  crash(): void {
    this.truncate(this.#durable);
    while (this.#records.at(-1)?.isOpen === true) this.#records.pop();
    this.#durable = this.end.position;
  }

  copy(): ConversationLog {
    const log = new ConversationLog();
    log.#records = [...this.#records];
    log.#durable = this.#durable;
    return log;
  }

  /** The words of the records in [from, to). */
  wordsOf(from: number, to: number): string {
    const within = this.#records.filter(({ position }) => position >= from && position < to);
    return within.map(({ words }) => words).join(', ');
  }

  rangeEnd(from: number, limit: number): number {
    const whole = this.#records.filter(({ position, end }) => position >= from && end.position <= limit);
    return (
      whole.at(-1)?.end.position ?? this.#records.find(({ position }) => position === from)!.end.position
    );
  }

  read(from: number, to: number): Uint8Array {
    const within = this.#records.filter(({ position, end }) => position >= from && end.position <= to);
    return new Uint8Array(Buffer.concat(within.map(({ bytes }) => bytes)));
  }

  /** As recovery finds it. */
  start(): LogStart {
    const configurations: PlacedConfiguration[] = [];
    const epochs: EpochEntry[] = [];
    let committed = 0;
    for (const { type, position, end, bytes } of this.#records) {
      if (end.epoch > (epochs.at(-1)?.epoch ?? 0)) epochs.push({ epoch: end.epoch, position });
      if (type === RECORD_TYPE.commit) committed = readU64(viewOf(bytes), COMMIT.committed);
      if (type !== RECORD_TYPE.membership) continue;
      const configuration = decodeMembership(contentOf(bytes));
      assert(configuration !== undefined, 'a Membership record holds a configuration');
      configurations.push({ position, end: end.position, configuration });
    }
    return { end: this.end, epochs, configurations, committed };
  }
}

function describe(record: Uint8Array, flags: number): string {
  const view = viewOf(record);
  switch (view.getUint8(RECORD.type)) {
    case RECORD_TYPE.epoch:
      return `epoch ${view.getUint32(RECORD.epoch, true)}`;
    case RECORD_TYPE.membership:
      return `members v${decodeMembership(contentOf(record))?.version}`;
    case RECORD_TYPE.commit:
      return `commit ${readU64(view, COMMIT.committed)}`;
    case RECORD_TYPE.prepare: {
      const stream = view.getUint16(PREPARE.streamBytes, true);
      const name = TEXT.decode(record.subarray(PREPARE.stream, PREPARE.stream + stream));
      const isFirst = (flags & PREPARE_FLAG.firstOfTransaction) !== 0;
      const isLast = (flags & PREPARE_FLAG.lastOfTransaction) !== 0;
      return `${isFirst && !isLast ? '(' : ''}${name}${isLast && !isFirst ? ')' : ''}`;
    }
    default:
      return 'padding';
  }
}

function contentOf(record: Uint8Array): Uint8Array {
  const length = viewOf(record).getUint32(RECORD.length, true);
  return record.subarray(RECORD_HEADER_BYTES, length);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
