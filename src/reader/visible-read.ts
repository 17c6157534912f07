/**
 * A read of the whole log, in either direction, live or not, without what is hidden. Main thread. Works on the pages of another read. While no stream has
 * metadata they are passed on as they are; else the names of their events are looked at, and what is hidden is left out.
 *
 * What is hidden when the read begins is hidden from all of it. A live read besides looks out for events of metadata streams in what the index has
 * not followed yet, and lets it follow first, so that nothing is shown that was hidden before it was written.
 */
import { readU64 } from '../base/bytes.js';
import { isMetadataName } from '../base/stream-metadata.js';
import { occupiedBytes, PREPARE, RECORD, RECORD_TYPE } from '../log/record.js';
import type { HiddenEvents, Visibility } from './hidden-events.js';
import { PageBuilder } from './page-builder.js';
import { type LogRead, type ReadAnswer, type ReadPage, SHARED_PAGE_BYTES_MAX } from './read-page.js';
import type { ReadSource } from './read-source.js';

/** What looking at an event costs, in steps of matching (work-turns.ts). */
const WORK_PER_EVENT = 10;
/** Streams whose rules a read keeps. */
const KNOWN_MAX = 8192;

/** Begins when the index knows what was committed, and only then finds out whether anything is hidden. */
export class BegunRead implements LogRead {
  readonly #hidden: HiddenEvents;
  readonly #make: () => LogRead;
  #read: LogRead | undefined;
  #beginning: Promise<void> | undefined;
  #isClosed = false;

  constructor(hidden: HiddenEvents, make: () => LogRead) {
    this.#hidden = hidden;
    this.#make = make;
  }

  whenReady(): Promise<void> | undefined {
    return this.#begin() ?? this.#read!.whenReady?.();
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    const beginning = this.#begin();
    if (beginning !== undefined) await beginning;
    return this.#read!.nextPage(bytesMax);
  }

  close(): void {
    this.#isClosed = true;
    this.#read?.close?.();
  }

  /** Resolves when it has begun; undefined if it has. */
  #begin(): Promise<void> | undefined {
    if (this.#read !== undefined) return undefined;
    const upToDate = this.#beginning === undefined ? this.#hidden.upToDate() : undefined;
    if (upToDate !== undefined) this.#beginning = upToDate.then(() => this.#open());
    if (this.#beginning === undefined) this.#open();
    return this.#beginning;
  }

  #open(): void {
    this.#beginning = undefined;
    this.#read = this.#make();
    if (this.#isClosed) this.#read.close?.();
  }
}

/** An event of a stream that may have hidden ones. */
interface Suspect {
  readonly at: number;
  readonly key: string;
}

export class VisibleRead implements LogRead {
  readonly #source: ReadSource;
  readonly #read: LogRead;
  readonly #isLive: boolean;
  /** Of the streams that were met. */
  readonly #known = new Map<string, Visibility>();

  /** `read` has no limit on its events, unless nothing is hidden. */
  constructor(source: ReadSource, read: LogRead, isLive: boolean) {
    this.#source = source;
    this.#read = read;
    this.#isLive = isLive;
  }

  whenReady(): Promise<void> | undefined {
    return this.#read.whenReady?.();
  }

  close(): void {
    this.#read.close?.();
  }

  async nextPage(bytesMax: number): Promise<ReadAnswer> {
    const page = await this.#read.nextPage(bytesMax);
    if (page.kind !== 'page' || page.eventCount === 0) return page;
    const { hidden } = this.#source;
    const following = this.#isLive ? this.#follow(page) : undefined;
    if (following !== undefined) await following;
    return hidden.areNone ? page : await this.#visible(page);
  }

  /** Has the index follow, if the page has metadata that it does not know yet. */
  #follow(page: ReadPage): Promise<unknown> | undefined {
    const { hidden, headroomBytes } = this.#source;
    // What was hidden at the last page may be more by now, and less.
    this.#known.clear();
    if (page.next <= hidden.knownTo) return undefined;
    if (hasMetadata(page, headroomBytes)) return hidden.upToDate();
    hidden.noteNone(readU64(viewOf(page), headroomBytes + RECORD.position), page.next);
    return undefined;
  }

  /** The page without what is hidden; itself if nothing is. */
  async #visible(page: ReadPage): Promise<ReadPage> {
    const { hidden, turns } = this.#source;
    if (page.bytes.length > SHARED_PAGE_BYTES_MAX) {
      const turn = turns.enter();
      if (turn !== undefined) await turn;
      turns.spent(WORK_PER_EVENT * page.eventCount);
    }
    const { suspects, unknown } = this.#lookAt(page);
    if (suspects.length === 0) return page;
    if (unknown.size > 0) await hidden.learn(unknown, this.#known);
    const view = viewOf(page);
    const isHidden = ({ at, key }: Suspect): boolean => {
      const { firstRevision, oldestUs } = this.#known.get(key)!;
      return (
        readU64(view, at + PREPARE.revision) < firstRevision ||
        readU64(view, at + RECORD.timestamp) < oldestUs
      );
    };
    const left = suspects.filter(isHidden);
    return left.length === 0 ? page : this.#without(page, left);
  }

  #lookAt(page: ReadPage): { suspects: readonly Suspect[]; unknown: ReadonlyMap<string, Uint8Array> } {
    const { hidden, headroomBytes } = this.#source;
    const { bytes } = page;
    const view = viewOf(page);
    const suspects: Suspect[] = [];
    const unknown = new Map<string, Uint8Array>();
    if (this.#known.size > KNOWN_MAX) this.#known.clear();
    for (let at = headroomBytes; at < bytes.length; at += recordBytes(view, at)) {
      if (view.getUint8(at + RECORD.type) !== RECORD_TYPE.prepare) continue;
      const nameAt = at + PREPARE.stream;
      const nameBytes = view.getUint16(at + PREPARE.streamBytes, true);
      if (!hidden.mayHave(bytes, nameAt, nameBytes)) continue;
      const name = bytes.subarray(nameAt, nameAt + nameBytes);
      const key = String.fromCharCode(...name);
      suspects.push({ at, key });
      if (!this.#known.has(key) && !unknown.has(key)) unknown.set(key, name.slice());
    }
    return { suspects, unknown };
  }

  /** A copy without the events that stand at these places. */
  #without(page: ReadPage, left: readonly Suspect[]): ReadPage {
    const { copies, pages, headroomBytes } = this.#source;
    const view = viewOf(page);
    const leftBytes = left.reduce((sum, { at }) => sum + recordBytes(view, at), 0);
    const { bytes, eventCount, ...content } = page;
    const shorter = new PageBuilder(pages, headroomBytes, bytes.length - headroomBytes - leftBytes);
    let from = headroomBytes;
    for (const end of [...left.map(({ at }) => at), bytes.length]) {
      if (end > from) copies.add(from, shorter.at, end - from);
      shorter.at += end - from;
      from = end === bytes.length ? end : end + recordBytes(view, end);
    }
    copies.copy(bytes, shorter.bytes);
    page.release();
    return shorter.page({ ...content, eventCount: eventCount - left.length });
  }
}

/** Whether an event of a metadata stream is among the page's. */
function hasMetadata(page: ReadPage, headroomBytes: number): boolean {
  const { bytes } = page;
  const view = viewOf(page);
  for (let at = headroomBytes; at < bytes.length; at += recordBytes(view, at)) {
    if (view.getUint8(at + RECORD.type) !== RECORD_TYPE.prepare) continue;
    if (isMetadataName(bytes, at + PREPARE.stream, view.getUint16(at + PREPARE.streamBytes, true)))
      return true;
  }
  return false;
}

function viewOf({ bytes }: ReadPage): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function recordBytes(view: DataView, at: number): number {
  return occupiedBytes(view.getUint32(at + RECORD.length, true));
}
