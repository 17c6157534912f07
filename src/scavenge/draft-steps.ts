/**
 * The steps of open transactions in one chunk: which of them go. As of a stream the last stays, because a client may ask once more how its transaction
 * ended. Pure. What the chunk alone doesn't tell is asked of the index.
 */
import { readU64 } from '../base/bytes.js';
import { type HashSeed, NameTable } from '../base/name-table.js';
import type { Bytes } from '../base/ports.js';
import type { TimestampUs } from '../base/units.js';
import { DRAFT_NAME, PREPARE, RECORD } from '../log/record.js';
import { FRAME_HEADER_BYTES, STEP_ACTION, TRANSACTION_ID_BYTES } from '../wire/frames.js';

/** The longest that TransactionTimeoutMs can be: on every node a transaction is over that had no step for so long. */
export const DRAFT_OVER_AFTER_US = 86_400_000_000;

const CONTENT_AT = PREPARE.stream + DRAFT_NAME.bytes;
/** Behind the frame's header: the transaction's id and the step's number, then what it does. */
const ACTION_AT = CONTENT_AT + FRAME_HEADER_BYTES + TRANSACTION_ID_BYTES + 4;
/** As much of a Draft record as {@link endsDraft} looks at, if it has so much. */
export const DRAFT_HEAD_BYTES = ACTION_AT + 4;

/** Whether the Draft record at `at` ends its transaction. */
export function endsDraft(view: DataView, at: number): boolean {
  const end = at + view.getUint32(at + RECORD.length, true);
  return at + DRAFT_HEAD_BYTES <= end && view.getUint32(at + ACTION_AT, true) !== STEP_ACTION.write;
}

/** A transaction as of a point: its last step, and what is known of that. */
export interface LastStep {
  readonly step: number;
  readonly isEnd: boolean;
  readonly timestampUs: TimestampUs;
}

/** Steps of the transaction before this one go, at a point of this time. */
export function keepStepsFrom({ step, isEnd, timestampUs }: LastStep, atUs: TimestampUs): number {
  return isEnd || timestampUs + DRAFT_OVER_AFTER_US < atUs ? step : 0;
}

/** What is known of transactions from elsewhere. Packed, as it goes from thread to thread and there may be a million. */
export interface KnownDrafts {
  /** Of their records, one behind the other; see `DRAFT_NAME`. */
  readonly names: Uint8Array;
  /** From which step on the steps of each stay. */
  readonly keepFroms: Float64Array;
}

export const NO_KNOWN_DRAFTS: KnownDrafts = { names: new Uint8Array(0), keepFroms: new Float64Array(0) };

/** Names in one answer of {@link DraftSteps.undecided}: what is handed from thread to thread at once takes no time to speak of. */
export const UNDECIDED_MAX = 16_384;

/** A copy with more transactions. */
export function withDrafts(
  known: KnownDrafts,
  names: readonly Bytes[],
  keepFroms: readonly number[],
): KnownDrafts {
  const count = known.keepFroms.length;
  const all = {
    names: new Uint8Array((count + names.length) * DRAFT_NAME.bytes),
    keepFroms: new Float64Array(count + names.length),
  };
  all.names.set(known.names);
  all.keepFroms.set(known.keepFroms);
  for (const [i, name] of names.entries()) all.names.set(name, (count + i) * DRAFT_NAME.bytes);
  all.keepFroms.set(keepFroms, count);
  return all;
}

/** What a chunk says of one. */
interface DraftInChunk {
  steps: number;
  last: number;
  isOver: boolean;
  /** Undefined as long as nobody knows. */
  keepFrom: number | undefined;
}

export class DraftSteps {
  readonly #names: NameTable;
  /** By a name's number. Millions of steps are rare enough for objects. */
  readonly #drafts: DraftInChunk[] = [];

  constructor(seed: HashSeed, known: KnownDrafts) {
    this.#names = new NameTable(seed);
    for (const [i, keepFrom] of known.keepFroms.entries())
      this.#draftOf(known.names, i * DRAFT_NAME.bytes, DRAFT_NAME.bytes).keepFrom = keepFrom;
  }

  /** Notes the step whose record is at `at`. */
  note(bytes: Bytes, view: DataView, at: number): void {
    const draft = this.#draftOf(bytes, at + PREPARE.stream, DRAFT_NAME.bytes);
    draft.steps++;
    draft.last = Math.max(draft.last, stepOf(view, at));
    draft.isOver ||= endsDraft(view, at);
  }

  /** The names of those of which the chunk doesn't tell whether they are over; at most {@link UNDECIDED_MAX} at once. */
  undecided(): Bytes[] {
    const names: Bytes[] = [];
    for (const [number, draft] of this.#drafts.entries()) {
      if (names.length === UNDECIDED_MAX) break;
      if (!draft.isOver && draft.keepFrom === undefined && draft.steps > 0)
        names.push(this.#names.bytesOf(number));
    }
    return names;
  }

  /** Whether any step goes. Only when nothing is undecided. */
  get areSomeRemoved(): boolean {
    return this.#drafts.some((draft) => {
      const keepFrom = keepFromOf(draft);
      return keepFrom > 0 && draft.steps > (keepFrom > draft.last ? 0 : 1);
    });
  }

  /** Whether the step goes whose record is at `at`. */
  removes(bytes: Bytes, view: DataView, at: number): boolean {
    const number = this.#names.find(bytes, at + PREPARE.stream, DRAFT_NAME.bytes);
    return number >= 0 && stepOf(view, at) < keepFromOf(this.#drafts[number]!);
  }

  #draftOf(bytes: Bytes, at: number, length: number): DraftInChunk {
    const number = this.#names.intern(bytes, at, length);
    this.#drafts[number] ??= { steps: 0, last: -1, isOver: false, keepFrom: undefined };
    return this.#drafts[number];
  }
}

function keepFromOf({ isOver, last, keepFrom }: DraftInChunk): number {
  return isOver ? last : (keepFrom ?? 0);
}

function stepOf(view: DataView, at: number): number {
  return readU64(view, at + PREPARE.revision);
}
