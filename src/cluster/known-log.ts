/**
 * What a node's core knows of its own log: where it ends, what of it is durable, its epochs and configurations, and where
 * its transactions end. Pure; holds no records. Kept in step with the real log by what the core is told (effects.ts).
 */
import { assert } from '../base/assert.js';
import { readU64 } from '../base/bytes.js';
import {
  type Bytes,
  type ChainState,
  newSurvey,
  type RecordKernel,
  VERIFY_STOP,
  type VerifyStop,
} from '../base/ports.js';
import { type Epoch, earlier, FIRST_POSITION, later, type Position } from '../base/units.js';
import {
  LOG_START,
  occupiedBytes,
  originalType,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_TYPE,
} from '../log/record.js';
import { type Configuration, type MemberId, memberOf } from './configuration.js';
import { decodeMembership } from './membership-record.js';
import type { EpochEntry } from './messages.js';

export interface PlacedConfiguration {
  /** Where its record begins and ends. */
  readonly position: Position;
  readonly end: Position;
  readonly configuration: Configuration;
}

/** A log as recovery found it; all of it is durable. */
export interface LogStart {
  /** Where it ends, and what the next record continues from. */
  readonly end: Readonly<ChainState>;
  /** Where each epoch begins, oldest first. */
  readonly epochs: readonly EpochEntry[];
  /** All Membership records, oldest first. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The highest position that a Commit record calls committed. */
  readonly committed: Position;
}

/** A place where no transaction is open, and the end of the range that it was found in. */
interface Boundary {
  readonly position: Position;
  readonly rangeEnd: Position;
}

const EMPTY_LOG: LogStart = {
  end: LOG_START,
  epochs: [],
  configurations: [],
  committed: 0,
};

const NOTHING_NOTABLE: NotableRecords = { epochs: [], configurations: [] };

export class KnownLog {
  /** Whether a truncation is under way. */
  isTruncating = false;
  readonly #kernel: RecordKernel;
  readonly #epochs: EpochEntry[];
  readonly #configurations: PlacedConfiguration[];
  #end: ChainState;
  #durable: Position = FIRST_POSITION;
  /** The last place that is durable and in no transaction. */
  #durableBoundary: Position = FIRST_POSITION;
  /** The same of ranges that are not durable yet. */
  #boundaries: Boundary[] = [];
  #isInTransaction = false;
  readonly #survey = newSurvey();

  constructor(kernel: RecordKernel, start: LogStart = EMPTY_LOG) {
    this.#kernel = kernel;
    this.#end = { ...start.end };
    this.#durable = start.end.position;
    // Recovery drops an unfinished transaction.
    this.#durableBoundary = start.end.position;
    this.#epochs = [...start.epochs];
    this.#configurations = [...start.configurations];
  }

  get end(): Position {
    return this.#end.position;
  }

  get durable(): Position {
    return this.#durable;
  }

  /** The end of the last whole transaction that is durable. */
  get durableBoundary(): Position {
    return this.#durableBoundary;
  }

  /** Oldest first. */
  get epochs(): readonly EpochEntry[] {
    return this.#epochs;
  }

  /** The configuration that counts, if the log has one: the last, committed or not. */
  get configuration(): PlacedConfiguration | undefined {
    return this.#configurations.at(-1);
  }

  /** What of this log's history lies before `position`. */
  historyBefore(position: Position): Pick<LogStart, 'epochs' | 'configurations'> {
    return {
      epochs: this.#epochs.filter((entry) => entry.position < position),
      configurations: this.#configurations.filter((placed) => placed.position < position),
    };
  }

  /** Whether a configuration of this log has, or had, this member. */
  hasHad(id: MemberId): boolean {
    return this.memberSince(id) > 0;
  }

  /** The version of the first configuration of this log that has this member; 0 if none has. */
  memberSince(id: MemberId): number {
    const first = this.#configurations.find(({ configuration }) => memberOf(configuration, id) !== undefined);
    return first?.configuration.version ?? 0;
  }

  /** The epoch of the last durable record; 0 if there is none. */
  get durableEpoch(): Epoch {
    for (let i = this.#epochs.length - 1; i >= 0; i--) {
      if (this.#epochs[i]!.position < this.#durable) return this.#epochs[i]!.epoch;
    }
    return 0;
  }

  noteDurable(position: Position): void {
    // Told of bytes that are being cut off.
    if (this.isTruncating) return;
    assert(position <= this.#end.position, 'only what is in the log can be durable');
    if (position <= this.#durable) return;
    this.#durable = position;
    let reached = 0;
    while (reached < this.#boundaries.length && this.#boundaries[reached]!.rangeEnd <= position) reached++;
    if (reached === 0) return;
    this.#durableBoundary = later(this.#durableBoundary, this.#boundaries[reached - 1]!.position);
    this.#boundaries = this.#boundaries.slice(reached);
  }

  /** The leader appended whole transactions. */
  notePublished(end: Readonly<ChainState>): void {
    assert(end.position >= this.#end.position, 'the log grows');
    this.#end = { ...end };
    this.#isInTransaction = false;
    this.#boundaries.push({ position: end.position, rangeEnd: end.position });
  }

  noteEpoch(entry: EpochEntry): void {
    assert(entry.epoch > (this.#epochs.at(-1)?.epoch ?? 0), 'epochs grow');
    this.#epochs.push(entry);
  }

  noteConfiguration(placed: PlacedConfiguration): void {
    this.#configurations.push(placed);
  }

  /**
   * Takes in a range from the leader, if it is whole valid records that continue this log: chain, checksums, positions and
   * epochs. Answers why it is not; then nothing has changed.
   */
  extend(bytes: Bytes): { readonly kind: 'ok' } | { readonly kind: 'bad'; readonly stop: VerifyStop } {
    const state = { ...this.#end };
    const stop = this.#kernel.verify(bytes, 0, bytes.length, state);
    if (stop !== VERIFY_STOP.end) return { kind: 'bad', stop };
    const survey = this.#survey;
    survey.epoch = this.#end.epoch;
    survey.isInTransaction = this.#isInTransaction;
    this.#kernel.survey(bytes, 0, bytes.length, survey);
    const notable = survey.isNotable ? this.#notable(bytes) : NOTHING_NOTABLE;
    if (notable === undefined) return { kind: 'bad', stop: VERIFY_STOP.badBody };
    const begin = this.#end.position;
    this.#end = state;
    for (const entry of notable.epochs) this.noteEpoch(entry);
    this.#configurations.push(...notable.configurations);
    this.#isInTransaction = survey.isInTransaction;
    if (survey.boundary >= 0)
      this.#boundaries.push({ position: begin + survey.boundary, rangeEnd: state.position });
    return { kind: 'ok' };
  }

  /**
   * The log is to be cut at `position`, which is not before anything committed (`commit`). From now on only what is before counts:
   * a promise must not speak for bytes that are about to go.
   */
  beginTruncation(position: Position, commit: Position): void {
    assert(position >= commit, 'what is committed is never truncated');
    assert(!this.isTruncating, 'one truncation at a time');
    this.isTruncating = true;
    this.#end = { position, chain: 0, previousLength: 0, epoch: 0 };
    this.#durable = earlier(this.#durable, position);
    while ((this.#epochs.at(-1)?.position ?? -1) >= position) this.#epochs.pop();
    while ((this.#configurations.at(-1)?.position ?? -1) >= position) this.#configurations.pop();
    this.#boundaries = this.#boundaries.filter(({ rangeEnd }) => rangeEnd <= position);
    // The cut may lie in a transaction; what is known to be committed doesn't.
    if (this.#durableBoundary > position) this.#durableBoundary = commit;
    this.#isInTransaction = true;
  }

  /** It is done: what the next record continues from is known again. */
  endTruncation(end: Readonly<ChainState>): void {
    assert(this.isTruncating && end.position === this.#end.position, 'the log was cut where it was to be');
    this.isTruncating = false;
    this.#end = { ...end };
    this.#durable = end.position;
  }

  /** What a range has beside events and commits; undefined if a configuration in it can't be read. */
  #notable(bytes: Bytes): NotableRecords | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const epochs: EpochEntry[] = [];
    const configurations: PlacedConfiguration[] = [];
    let lastEpoch = this.#end.epoch;
    for (let at = 0; at < bytes.length; ) {
      const length = view.getUint32(at + RECORD.length, true);
      const position = readU64(view, at + RECORD.position);
      const end = position + occupiedBytes(length);
      const epoch = view.getUint32(at + RECORD.epoch, true);
      if (epoch > lastEpoch) {
        epochs.push({ epoch, position });
        lastEpoch = epoch;
      }
      const type = originalType(view.getUint8(at + RECORD.type), view.getUint16(at + RECORD.flags, true));
      if (type === RECORD_TYPE.membership) {
        const content = bytes.subarray(at + RECORD_HEADER_BYTES, at + length);
        const configuration = decodeMembership(content);
        if (configuration === undefined) return undefined;
        configurations.push({ position, end, configuration });
      }
      at += occupiedBytes(length);
    }
    return { epochs, configurations };
  }
}

interface NotableRecords {
  readonly epochs: readonly EpochEntry[];
  readonly configurations: readonly PlacedConfiguration[];
}

/**
 * Where two logs part: the end of what they have in common, from their epochs. In each epoch one leader wrote one sequence, so
 * two logs that have the same Epoch record at the same position agree as far as both have that epoch. `told` is the newest
 * first and may have been cut short.
 */
export function commonEnd(
  mine: { readonly epochs: readonly EpochEntry[]; readonly end: Position },
  told: { readonly epochs: readonly EpochEntry[]; readonly end: Position },
): Position {
  let toldEnd = told.end;
  for (const entry of told.epochs) {
    const index = mine.epochs.findIndex(({ epoch }) => epoch === entry.epoch);
    if (index >= 0 && mine.epochs[index]!.position === entry.position) {
      return Math.min(toldEnd, mine.epochs[index + 1]?.position ?? mine.end);
    }
    toldEnd = entry.position;
  }
  return toldEnd;
}
