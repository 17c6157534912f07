/**
 * Whether a retry, whose ids are in the log, has the events that are there: the same stream, type, JSON flag, metadata and data. Nothing is kept for
 * this when events are written, as retries are rare: the log itself is asked. Records that are in the ring, or in the windows of the log that
 * were read last, are compared at once, byte for byte. For others the answer is held while the log is read: one check after the other, in
 * windows, so that old events that come again in their order cost one read for many; in any other order several are read at a time. The request's bytes are gone by then; a digest of each
 * event is left. Of an event that a scavenge has removed nothing but its length is there to be compared: the ids decide. Lives as long as a reign, so what it has read is never truncated. Main thread.
 */
import { bytesEqual } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import type { Bytes, RecordKernel } from '../base/ports.js';
import type { Position } from '../base/units.js';
import {
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  PREPARE_HEADER_BYTES,
  RECORD,
  RECORD_TYPE,
} from '../log/record.js';
import type { RingProducer } from '../ring/producer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { PendingReplies, Rejection } from './pending-replies.js';

/** The published log, wherever it lies. `LogReader` is one. */
export interface PublishedLog {
  /** Fills `target` with the bytes from `position`. */
  readRaw(position: Position, target: Uint8Array): Promise<void>;
  /**
   * How many of these bytes, from `position`, where a record begins, are whole records as they were written; 0 if the first is longer than
   * that. Throws `log-corrupt` if the first is damaged, and sees to it that whoever can mend it knows.
   */
  wholeRecords(position: Position, bytes: Uint8Array): number;
}

/** Where bodies are compared with what is in the log. */
export interface BodySource {
  readonly kernel: RecordKernel;
  readonly log: PublishedLog;
  /** Answers that were held are released, and there is room for others. Called on a stack of its own. */
  readonly settled: () => void;
}

/** The answer to a retry with other events than those in the log. */
export const OTHER_CONTENT: Rejection = {
  code: 'event-id-conflict',
  message:
    'the event ids of this request are in the log already, but with other content (type, JSON flag, metadata or data). A retry must repeat its events as they were; for new events use new ids',
  details: {},
};

/** A thousand events of the usual size: few enough reads where old events come again in their order. */
const WINDOW_BYTES = 256 * 1024;
/** Where they don't, little is read that nobody asked for. Each window that goes on where the last one ended is twice as large. */
const FIRST_WINDOW_BYTES = 16 * 1024;
/** Windows that are read at the same time, for checks that wait: as many as a disk and Node's threads are quick with. */
const WINDOWS_MAX = 8;
/** How many of those that wait are looked at for that. */
const CHECKS_AHEAD = 64;
/**
 * Most events that wait for the log to be read, or one request, however many it has; 3 MB of digests. The sessions' limits on appends in
 * flight bound how many requests wait; this bounds the events that those may have.
 */
const WAITING_EVENTS_MAX = 65_536;

/** The digest of an event is five numbers: these. */
const DIGEST = { position: 0, recordLength: 1, namesAndFlag: 2, metadataLength: 3, crc: 4 } as const;
const DIGEST_NUMBERS = 5;

/** A retry whose answer is held. */
interface Check {
  readonly queue: PendingReplies;
  /** Its number in `queue`. */
  readonly entry: number;
  /** Of its events that were not in memory. */
  readonly digests: Float64Array;
  /** How many of them are checked. */
  done: number;
  next: Check | undefined;
}

/** Whole records in memory: those from `start` to `end`. */
interface Window {
  readonly bytes: Bytes;
  readonly view: DataView;
  readonly start: Position;
  readonly end: Position;
}

export class BodyChecks {
  readonly #producer: RingProducer;
  readonly #source: BodySource;
  readonly #ringView: DataView;
  /** What was read last, … */
  #windows: Window[] = [];
  /** … and the memory that it is read into: the first, unless it is a larger record, and the others, which are small. */
  #windowMemory: Uint8Array | undefined;
  #aheadMemory: Uint8Array | undefined;
  /** Where the next window would begin if it went on there, and how large it would be. */
  #nextStart: Position = 0;
  #nextBytes = FIRST_WINDOW_BYTES;
  /** Those that wait, oldest first. */
  #first: Check | undefined;
  #last: Check | undefined;
  #waitingEvents = 0;
  /** Whether some were settled since that was told. */
  #hasSettled = false;
  /** Where the record that was asked for is. */
  #bytes: Bytes;
  #view: DataView;
  #at = 0;

  constructor(producer: RingProducer, source: BodySource) {
    this.#producer = producer;
    this.#source = source;
    const { bytes } = producer.memory;
    this.#ringView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#bytes = bytes;
    this.#view = this.#ringView;
  }

  /**
   * Compares the events of all parts of `append` with the records at `positions`, theirs in the same order, as far as those are in
   * memory. `unread`: they are the same, but some are not in memory.
   */
  compare(append: AppendCursor, positions: readonly Position[]): 'same' | 'different' | 'unread' {
    // What was framed in this turn need not be in the ring yet.
    this.#producer.copies.flush();
    let event = 0;
    let isAllThere = true;
    append.rewindParts();
    do {
      while (append.nextEvent()) {
        if (!this.#find(positions[event++]!)) isAllThere = false;
        else if (!isSame(append, this.#bytes, this.#view, this.#at)) return 'different';
      }
    } while (append.nextPart());
    return isAllThere ? 'same' : 'unread';
  }

  /** Whether an append with `events` that are to be read can wait. If it can't, `settled` tells when to try again. */
  hasRoom(events: number): boolean {
    return this.#waitingEvents === 0 || this.#waitingEvents + events <= WAITING_EVENTS_MAX;
  }

  /** Holds this entry of `queue`, the answer to `append`, until the log was read where {@link compare} could not. */
  hold(append: AppendCursor, positions: readonly Position[], queue: PendingReplies, entry: number): void {
    const digests = this.#digests(append, positions);
    const check: Check = { queue, entry, digests, done: 0, next: undefined };
    queue.hold(entry);
    this.#waitingEvents += eventsOf(check);
    const isIdle = this.#first === undefined;
    if (isIdle) this.#first = check;
    else this.#last!.next = check;
    this.#last = check;
    if (isIdle) void this.#work();
  }

  /** Whether the record at `position` is in memory; then notes where. */
  #find(position: Position): boolean {
    const { floor, memory } = this.#producer;
    if (position >= floor) {
      this.#bytes = memory.bytes;
      this.#view = this.#ringView;
      this.#at = memory.offsetOf(position);
      return true;
    }
    const window = this.#windows.find(({ start, end }) => position >= start && position < end);
    if (window === undefined) return false;
    this.#bytes = window.bytes;
    this.#view = window.view;
    this.#at = position - window.start;
    return true;
  }

  #digests(append: AppendCursor, positions: readonly Position[]): Float64Array {
    const { kernel } = this.#source;
    const digests: number[] = [];
    let event = 0;
    append.rewindParts();
    do {
      while (append.nextEvent()) {
        const position = positions[event++]!;
        if (this.#find(position)) continue;
        const { streamLength, bodyLength, typeLength, metadataLength, isJson } = append;
        const recordLength = PREPARE_HEADER_BYTES + streamLength + bodyLength;
        const ofName = kernel.crc32c(append.bytes, append.streamAt, streamLength, 0);
        const crc = kernel.crc32c(append.bytes, append.typeAt, bodyLength, ofName);
        digests.push(
          position,
          recordLength,
          namesAndFlag(streamLength, typeLength, isJson),
          metadataLength,
          crc,
        );
      }
    } while (append.nextPart());
    return Float64Array.from(digests);
  }

  /** Works through those that wait until there are none. */
  async #work(): Promise<void> {
    for (let check = this.#first; check !== undefined; check = this.#first) {
      const verdict = this.#advance(check) ?? (await this.#read(check));
      if (verdict !== 'read') this.#settle(check, verdict);
    }
    this.#tellSettled();
  }

  /** Goes on with a check as far as its records are in memory; undefined if there are others. */
  #advance(check: Check): 'same' | 'different' | undefined {
    // Nobody waits for it any more.
    if (!check.queue.isHeld(check.entry)) return 'same';
    for (; check.done < eventsOf(check); check.done++) {
      if (!this.#find(nextPosition(check))) return undefined;
      if (!this.#isDigestOfFound(check.digests, nextDigest(check))) return 'different';
    }
    return 'same';
  }

  /**
   * Reads the window of the log that begins with the next record of `check`. If that can't be read, because it is damaged or the disk is, the
   * ids decide: the events are in the log, the damage is told to those who mend it, and a client that has done nothing wrong must not hear
   * that its retry has other events.
   */
  async #read(check: Check): Promise<'read' | 'same' | 'different'> {
    this.#tellSettled();
    this.#windows = [];
    const start = nextPosition(check);
    const bytes = this.#memoryFor(
      start,
      occupiedBytes(check.digests[nextDigest(check) + DIGEST.recordLength]!),
    );
    const [whole] = await Promise.all([
      this.#readWindow(start, bytes),
      ...this.#readAhead(check, bytes.length),
    ]);
    if (whole === undefined) return 'same';
    this.#nextStart = start + whole;
    // All that a record of the digest's length would take was read, so if this one is not whole it is longer.
    return whole === 0 ? 'different' : 'read';
  }

  /** Reads small windows for checks behind `check`, whose window has `length` bytes, that need other parts of the log. */
  #readAhead(check: Check, length: number): Promise<number | undefined>[] {
    const stretches = [{ start: nextPosition(check), length }];
    const reads: Promise<number | undefined>[] = [];
    let next = check.next;
    for (let looked = 0; next !== undefined && looked < CHECKS_AHEAD; looked++, next = next.next) {
      if (stretches.length === WINDOWS_MAX) break;
      const position = nextPosition(next);
      if (stretches.some((one) => position >= one.start && position < one.start + one.length)) continue;
      this.#aheadMemory ??= new Uint8Array((WINDOWS_MAX - 1) * FIRST_WINDOW_BYTES);
      const at = reads.length * FIRST_WINDOW_BYTES;
      const bytes = Math.min(FIRST_WINDOW_BYTES, this.#producer.published - position);
      stretches.push({ start: position, length: bytes });
      // Whether that works out is seen when it is their turn.
      reads.push(this.#readWindow(position, this.#aheadMemory.subarray(at, at + bytes)));
    }
    return reads;
  }

  /** Fills `bytes` from `start`: a window then. Resolves to how many of them are whole records; undefined if they can't be read. */
  async #readWindow(start: Position, bytes: Uint8Array): Promise<number | undefined> {
    const { log } = this.#source;
    try {
      await log.readRaw(start, bytes);
      const whole = log.wholeRecords(start, bytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#windows.push({ bytes, view, start, end: start + whole });
      return whole;
    } catch (error) {
      if (error instanceof CairnError) return undefined;
      throw error;
    }
  }

  /** Where to read the window from `start`, which has room for a record that takes `bytesMin`. */
  #memoryFor(start: Position, bytesMin: number): Uint8Array {
    // Somebody else's events, or a chunk's end, may lie in between.
    const goesOn = start >= this.#nextStart && start < this.#nextStart + WINDOW_BYTES;
    this.#nextBytes = goesOn ? Math.min(2 * this.#nextBytes, WINDOW_BYTES) : FIRST_WINDOW_BYTES;
    const length = Math.min(Math.max(this.#nextBytes, bytesMin), this.#producer.published - start);
    if (length > WINDOW_BYTES) return new Uint8Array(length);
    this.#windowMemory ??= new Uint8Array(WINDOW_BYTES);
    return this.#windowMemory.subarray(0, length);
  }

  /** Whether the digest is that of the record that was found. */
  #isDigestOfFound(digests: Float64Array, digest: number): boolean {
    const [bytes, view, at] = [this.#bytes, this.#view, this.#at];
    const recordLength = view.getUint32(at + RECORD.length, true);
    if (recordLength !== digests[digest + DIGEST.recordLength]) return false;
    if (isRemoved(view, at)) return true;
    const typeLength = view.getUint16(at + PREPARE.typeBytes, true);
    const streamLength = view.getUint16(at + PREPARE.streamBytes, true);
    const names = namesAndFlag(streamLength, typeLength, isJson(view, at));
    if (names !== digests[digest + DIGEST.namesAndFlag]) return false;
    if (view.getUint32(at + PREPARE.metadataBytes, true) !== digests[digest + DIGEST.metadataLength])
      return false;
    const nameAndBody = recordLength - PREPARE_HEADER_BYTES;
    const crc = this.#source.kernel.crc32c(bytes, at + PREPARE_HEADER_BYTES, nameAndBody, 0);
    return crc === digests[digest + DIGEST.crc];
  }

  /** Tells so once for many, and never in the turn in which the first one came. */
  #tellSettled(): void {
    if (!this.#hasSettled) return;
    this.#hasSettled = false;
    this.#source.settled();
  }

  #settle(check: Check, verdict: 'same' | 'different'): void {
    this.#hasSettled = true;
    this.#first = check.next;
    this.#waitingEvents -= eventsOf(check);
    if (verdict === 'same') check.queue.free(check.entry);
    else check.queue.refuse(check.entry, OTHER_CONTENT);
  }
}

function eventsOf({ digests }: Check): number {
  return digests.length / DIGEST_NUMBERS;
}

/** Where in `digests` the next one is that is to be checked. */
function nextDigest({ done }: Check): number {
  return done * DIGEST_NUMBERS;
}

/** Where the record of the next event that is to be checked stands. */
function nextPosition(check: Check): Position {
  return check.digests[nextDigest(check) + DIGEST.position]!;
}

/** The lengths of both names, and the flag, as one number. */
function namesAndFlag(streamLength: number, typeLength: number, flag: boolean): number {
  return 0x20000 * streamLength + 2 * typeLength + (flag ? 1 : 0);
}

function isRemoved(view: DataView, at: number): boolean {
  return view.getUint8(at + RECORD.type) === RECORD_TYPE.removed;
}

function isJson(view: DataView, at: number): boolean {
  return (view.getUint16(at + RECORD.flags, true) & PREPARE_FLAG.json) !== 0;
}

/** Whether the event that `append` stands on is that of the record at `at`; lengths first. */
function isSame(append: AppendCursor, bytes: Bytes, view: DataView, at: number): boolean {
  const { streamLength, bodyLength, typeLength, metadataLength } = append;
  if (view.getUint32(at + RECORD.length, true) !== PREPARE_HEADER_BYTES + streamLength + bodyLength)
    return false;
  if (isRemoved(view, at)) return true;
  if (view.getUint16(at + PREPARE.typeBytes, true) !== typeLength) return false;
  if (view.getUint32(at + PREPARE.metadataBytes, true) !== metadataLength) return false;
  if (isJson(view, at) !== append.isJson) return false;
  const nameAt = at + PREPARE_HEADER_BYTES;
  return (
    bytesEqual(append.bytes, append.streamAt, bytes, nameAt, streamLength) &&
    bytesEqual(append.bytes, append.typeAt, bytes, nameAt + streamLength, bodyLength)
  );
}
