/**
 * A log for tests of scavenges, with everything that one may meet: transactions whole and cut off, steps of open ones, records that are gone already. Slow
 * and obvious; and what goes of it, worked out over the whole log at once.
 */
import { chunkFileBytes, chunkFileName, encodeChunkHeader, encodeFooter } from '../../src/log/chunk.js';
import { MemoryDisk } from '../log/memory-disk.js';
import {
  commitBody,
  epochBody,
  type NaiveRecord,
  type NaiveSealed,
  naiveCrc,
  naiveSeal,
  prepareBody,
} from '../log/naive-records.js';

export const FOLDER = '/data';
export const LOG_ID = '10111213-1415-1617-1819-1a1b1c1d1e1f';
export const CHUNK_BYTES = 65_536;
const TYPE = { prepare: 1, commit: 2, epoch: 3, padding: 5, draft: 6, removed: 7 };

/** What a record says, besides its bytes. */
interface Meaning {
  readonly stream?: string;
  readonly revision?: number;
  readonly isFirst?: boolean;
  readonly isLast?: boolean;
  readonly draft?: number;
  readonly step?: number;
  readonly isEnd?: boolean;
}

export interface LoggedRecord extends Meaning {
  readonly type: number;
  readonly position: number;
  readonly bytes: Buffer;
  /** As it is on the disk, if it was removed before. */
  removed?: Buffer;
}

export interface TestEvent {
  readonly stream: string;
  readonly dataBytes: number;
}

/** Of a stream, in chunks that end at `through` or before. */
export type KeepFrom = (stream: string, chunkEnd: number) => number;

export class ScavengeLog {
  readonly records: LoggedRecord[] = [];
  readonly #heads = new Map<string, number>();
  readonly #steps = new Map<number, number>();
  #epoch = 1;
  #last: NaiveSealed | undefined;

  get end(): number {
    return this.#last === undefined ? 0 : this.#last.position + this.#last.bytes.length;
  }

  /** `isCut`: without its last event, and so without an end. */
  transaction(events: readonly TestEvent[], isCut = false): void {
    const written = isCut ? events.slice(0, -1) : events;
    const heads = new Map(this.#heads);
    for (const [i, { stream, dataBytes }] of written.entries()) {
      const revision = (heads.get(stream) ?? -1) + 1;
      heads.set(stream, revision);
      const [isFirst, isLast] = [i === 0, i === events.length - 1];
      const body = prepareBody({ stream, data: new Uint8Array(dataBytes).fill(revision) }, revision, 0);
      const flags = (isFirst ? 1 : 0) | (isLast ? 2 : 0);
      this.#add(
        { type: TYPE.prepare, flags, epoch: this.#epoch, body },
        { stream, revision, isFirst, isLast },
      );
    }
    // What has no end never happened.
    if (!isCut) for (const [stream, revision] of heads) this.#heads.set(stream, revision);
  }

  /** The next step of a transaction that is open over several requests. */
  draft(draft: number, isEnd = false): void {
    const step = this.#steps.get(draft) ?? 0;
    if (step < 0) return;
    this.#steps.set(draft, isEnd ? -1 : step + 1);
    const body = prepareBody({ stream: 'x', data: draftFrame(isEnd ? 1 : 0) }, step, 0);
    // In the place of stream and type: 0xff, and the transaction's id.
    const name = draftName(draft);
    const content = draftFrame(isEnd ? 1 : 0);
    const fixed = body.subarray(0, 36);
    fixed.writeUInt16LE(name.length, 28);
    fixed.writeUInt16LE(0, 30);
    const draftBody = Buffer.concat([fixed, name, content]);
    this.#add({ type: TYPE.draft, flags: 0, epoch: this.#epoch, body: draftBody }, { draft, step, isEnd });
  }

  commit(): void {
    this.#add({ type: TYPE.commit, flags: 0, epoch: this.#epoch, body: commitBody(this.end) }, {});
  }

  reign(): void {
    this.#epoch++;
    this.#add({ type: TYPE.epoch, flags: 0, epoch: this.#epoch, body: epochBody() }, {});
  }

  /** The record stands for itself no more, as after an earlier scavenge. */
  remove(record: LoggedRecord): void {
    const { type, bytes } = record;
    if (type !== TYPE.prepare && type !== TYPE.commit && type !== TYPE.draft) return;
    const removed = Buffer.alloc(bytes.length);
    bytes.copy(removed, 0, 0, 44);
    removed.writeUInt32LE(bytes.readUInt32LE(0), 44);
    removed.writeUInt32LE(naiveCrc(removed.subarray(44)), 36);
    removed.writeUInt8(TYPE.removed, 40);
    removed.writeUInt16LE(((type === TYPE.prepare ? bytes.readUInt16LE(42) & 3 : 0) | (type << 8)) >>> 0, 42);
    removed.writeUInt32LE(naiveCrc(removed.subarray(4, 44)), 0);
    record.removed = removed;
  }

  get chunks(): number {
    return Math.floor(this.end / CHUNK_BYTES);
  }

  /** Fills the chunk that it is in, and begins the next one. */
  seal(): void {
    const { chunks } = this;
    while (this.chunks === chunks) this.transaction([{ stream: 'filler', dataBytes: 9_000 }]);
  }

  /** The folder with all chunks, the last one without a footer if it is not full. */
  disk(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.folders.add(FOLDER);
    for (let number = 0; number * CHUNK_BYTES <= this.end; number++)
      disk.files.set(`${FOLDER}/${chunkFileName(number, 0)}`, this.#chunkFile(number));
    return disk;
  }

  /** All that is in a chunk, in order. */
  recordsOf(chunk: number): LoggedRecord[] {
    return this.records.filter(({ position }) => Math.floor(position / CHUNK_BYTES) === chunk);
  }

  /** Positions of the records of a chunk that go or are gone, by a look at the whole log. `over`: from which step on a transaction's steps stay. */
  naive(chunk: number, keepFrom: KeepFrom, over: (draft: number) => number): number[] {
    const endless = this.#endless();
    const chunkEnd = (chunk + 1) * CHUNK_BYTES;
    const going: number[] = [];
    let previousGoes = false;
    for (const record of this.recordsOf(chunk)) {
      const { type, position, stream = '', revision = -1, draft = -1, step = -1, removed } = record;
      if (removed !== undefined) previousGoes = true;
      else if (type === TYPE.prepare)
        previousGoes = endless.has(position) || revision < keepFrom(stream, chunkEnd);
      else if (type === TYPE.draft) previousGoes = step < over(draft);
      else if (type !== TYPE.commit) previousGoes = false;
      if (previousGoes) going.push(position);
    }
    return going;
  }

  /** The last step of a transaction if it has an end, else 0. */
  lastStepIfEnded(draft: number): number {
    return this.records.find((record) => record.draft === draft && record.isEnd === true)?.step ?? 0;
  }

  #endless(): Set<number> {
    const endless = new Set<number>();
    let open: number[] = [];
    for (const { type, position, isFirst, isLast } of this.records) {
      const isPrepare = type === TYPE.prepare;
      if (type === TYPE.epoch || (isPrepare && isFirst)) {
        for (const one of open) endless.add(one);
        open = [];
      }
      if (isPrepare) open.push(position);
      if (isPrepare && isLast) open = [];
    }
    return endless;
  }

  #chunkFile(chunkNumber: number): Uint8Array {
    const file = new Uint8Array(chunkFileBytes(CHUNK_BYTES));
    const ids = {
      chunkNumber,
      logId: LOG_ID,
      chunkId: `00000000-0000-0000-0000-${String(chunkNumber).padStart(12, '0')}`,
    };
    encodeChunkHeader(file.subarray(0, 4096), { ...ids, chunkSize: CHUNK_BYTES, createdUs: 1 });
    const records = this.recordsOf(chunkNumber);
    const start = chunkNumber * CHUNK_BYTES;
    for (const { position, bytes, removed } of records) file.set(removed ?? bytes, 4096 + position - start);
    const last = records.at(-1);
    const endPosition = start + CHUNK_BYTES;
    if (last === undefined || last.position + last.bytes.length < endPosition) return file;
    encodeFooter(file.subarray(-4096), {
      ...ids,
      endPosition,
      chain: last.bytes.readUInt32LE(0),
      previousLength: last.bytes.readUInt32LE(4),
      epoch: last.bytes.readUInt32LE(24),
      recordCount: records.length,
    });
    return file;
  }

  #add(record: NaiveRecord, meaning: Meaning): void {
    const left = CHUNK_BYTES - (this.end % CHUNK_BYTES);
    const occupied = Math.ceil((44 + record.body.length) / 8) * 8;
    if (occupied !== left && occupied + 48 > left)
      this.#push({ type: TYPE.padding, flags: 0, epoch: record.epoch, body: new Uint8Array(left - 44) }, {});
    this.#push(record, meaning);
  }

  #push(record: NaiveRecord, meaning: Meaning): void {
    const sealed = naiveSeal(record, this.#last);
    this.#last = sealed;
    this.records.push({ type: record.type, position: sealed.position, bytes: sealed.bytes, ...meaning });
  }
}

export function draftName(draft: number): Buffer {
  const name = Buffer.alloc(17, draft);
  name[0] = 0xff;
  return name;
}

/** An Append frame of a step, as far as anybody looks at it here. */
function draftFrame(action: number): Buffer {
  const frame = Buffer.alloc(200);
  frame.writeUInt32LE(action, 12 + 16 + 4);
  return frame;
}
