/**
 * The transactions that are open over several requests. Each step is in the log before it is answered, where nobody sees it, and so survives a restart
 * and a change of leader: a leader that does not know a transaction looks its steps up. The commit appends all of it as one transaction like any
 * other: then it is visible, at once. One that gets no step for a while is over. Main thread only, synchronous but for the looking up.
 */
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { Position, Revision, TimestampUs } from '../base/units.js';
import { AppendCursor } from '../wire/append-frame.js';
import { FRAME_HEADER_BYTES, STEP_ACTION } from '../wire/frames.js';
import type { BodySource } from './body-check.js';
import { Draft, type DraftEnd, decodeResult, draftName, encodeResult, type Misfit } from './draft.js';
import type { Lookups } from './lookups.js';
import type { AppendSink, PendingReplies, Rejection } from './pending-replies.js';
import { prepareBytes, type RecordFramer, recordBytes } from './record-framer.js';
import type { ReignLog } from './reign-log.js';
import type { StreamHeads } from './stream-heads.js';

/** A step as it stands in the log. */
export interface LoggedStep {
  readonly content: Bytes;
  readonly position: Position;
  readonly timestampUs: TimestampUs;
}

/** All steps of the transaction with this name that are committed, in order, those whose records were removed as undefined. Rejects with a `CairnError` if they can't be read now. */
export type StepSource = (name: Bytes) => Promise<readonly (LoggedStep | undefined)[]>;

/** What became of an append; `retry`: nothing was done, for want of room; `sought`: or because something is looked up; `held`: it is a duplicate or to be rejected, which the log has yet to tell. */
export type Decision = 'retry' | 'sought' | 'written' | 'duplicate' | 'rejected' | 'held';

type StepOutcome = 'taken' | 'retry' | 'sought';

/** The sequencer, as far as steps need it. */
export interface StepHost {
  readonly framer: RecordFramer;
  readonly log: ReignLog;
  readonly heads: StreamHeads;
  /** Most bytes of a step's frame: its record is no longer than that of the largest event. */
  readonly stepBytesMax: number;
  /** Most bytes of the records of one transaction, and most events. */
  readonly transactionBytesMax: number;
  readonly eventsMax: number;
  readonly stepsOf: StepSource;
  readonly lookups: Lookups;
  readonly bodies: Pick<BodySource, 'kernel'>;
  /** A transaction is over when it had no step for so long. */
  readonly timeoutUs: TimestampUs;
  /** Where the log ends, framed. */
  framed(): Position;
  outOfSpace(): Rejection | undefined;
  queueOf(append: AppendCursor): PendingReplies;
  reject(sink: AppendSink, token: number, rejection: Rejection): void;
  /** Takes an append that is no step. After `written` and `duplicate`, {@link lastResult} is what it answers. */
  decide(append: AppendCursor, sink: AppendSink, token: number): Decision;
  lastResult(): { readonly revisions: readonly Revision[]; readonly position: Position };
}

/** Transactions that are in memory; others are looked up when they go on. */
const DRAFTS_MAX = 1024;
const DRAFT_BYTES_MAX = 64 * 1024 * 1024;

export class Drafts {
  readonly #host: StepHost;
  /** By the transaction's id, the one that was touched last at the end. `sought`: it is being looked up; an error: that failed, which is told once. */
  readonly #known = new Map<string, Draft | 'sought' | CairnError>();
  readonly #cursor = new AppendCursor();
  #bytes = 0;

  constructor(host: StepHost) {
    this.#host = host;
  }

  /** Takes a step, which is open in `append`. */
  take(append: AppendCursor, sink: AppendSink, token: number): StepOutcome {
    const found = this.#find(append);
    if (found === 'sought') return 'sought';
    const asked = { append, sink, token };
    if (found instanceof CairnError) return this.#reject(asked, found);
    this.#host.log.beginTurn();
    const { step, action } = append;
    // Steps are removed of one that was late once, with the timeout that there was then.
    const isPast = found.isRemoved || found.lastUs + this.#host.timeoutUs < this.#nowUs;
    const isLate = found.end === undefined && isPast;
    if (found.steps > 0 && isLate) return this.#reject(asked, overFor('timed out'));
    const isAgain = step < found.steps && (action === STEP_ACTION.write || found.end !== undefined);
    if (isAgain) return this.#again(found, asked);
    if (found.end !== undefined) return this.#reject(asked, overFor(`was ${found.end.kind}`));
    if (found.steps === 0 && (step > 0 || action !== STEP_ACTION.write)) return this.#reject(asked, UNKNOWN);
    if (step !== found.steps) return this.#reject(asked, outOfOrder(found.steps, step));
    if (action === STEP_ACTION.write) return this.#write(found, asked);
    return action === STEP_ACTION.commit ? this.#commit(found, asked) : this.#abandon(found, asked);
  }

  /** A step that was taken before gets the answer that it had. */
  #again(draft: Draft, asked: Asked): 'taken' {
    const { action, step } = asked.append;
    const end = step === draft.steps - 1 ? draft.end : undefined;
    // What a step answered whose record was removed nobody knows any more.
    if (action !== actionOf(end) || draft.positionOf(step) === undefined)
      return this.#reject(asked, overFor(`was ${draft.end?.kind ?? 'continued'}`));
    const isOther = action === STEP_ACTION.write && draft.checksumOf(step) !== this.#checksumOf(asked.append);
    if (isOther) return this.#reject(asked, OTHER_STEP);
    if (end?.kind === 'committed') this.#answer(asked, { ...end, isDuplicate: true });
    else this.#answerStep(draft, asked, true);
    return 'taken';
  }

  #write(draft: Draft, asked: Asked): 'taken' | 'retry' {
    const { append } = asked;
    const { bytes, frameAt, frameLength } = append;
    const refusal = this.#refuse(draft, append);
    if (refusal !== undefined) return this.#reject(asked, refusal);
    const position = this.#place(draft, bytes.subarray(frameAt, frameAt + frameLength));
    if (position === undefined) return this.#noRoom(asked);
    this.#count(draft, () => draft.write(append, position, this.#checksumOf(append)));
    this.#known.set(keyOf(draft), draft);
    this.#answerStep(draft, asked);
    return 'taken';
  }

  #commit(draft: Draft, asked: Asked): StepOutcome {
    const { append, sink, token } = asked;
    const frame = draft.compose(append);
    const cursor = this.#cursor;
    const fault = cursor.open(frame, new DataView(frame.buffer), 0, frame.length);
    assert(fault === undefined, 'what valid steps make is valid');
    const decision = this.#host.decide(cursor, sink, token);
    if (decision === 'retry' || decision === 'sought') return decision;
    // What is held need not be noted: whoever commits again is compared with the log again.
    if (decision === 'rejected' || decision === 'held') return 'taken';
    const { revisions, position } = this.#host.lastResult();
    const end: DraftEnd = { kind: 'committed', revisions: [...revisions], position };
    // Without room for its record the events alone tell whoever commits again that it was done, as long as their ids are remembered.
    const at = this.#placeEnd(draft, append, encodeResult(end)) ?? position;
    this.#count(draft, () => draft.finish(end, at));
    return 'taken';
  }

  #abandon(draft: Draft, asked: Asked): 'taken' | 'retry' {
    const position = this.#placeEnd(draft, asked.append, NOTHING);
    if (position === undefined) return this.#noRoom(asked);
    this.#count(draft, () => draft.finish({ kind: 'abandoned' }, position));
    this.#answerStep(draft, asked);
    return 'taken';
  }

  /** Why the step can't be added to the transaction. */
  #refuse(draft: Draft, append: AppendCursor): Misfit | undefined {
    const { stepBytesMax, transactionBytesMax, eventsMax } = this.#host;
    if (append.frameLength > stepBytesMax) return stepTooLarge(append.frameLength, stepBytesMax);
    const misfit = draft.misfit(append);
    if (misfit !== undefined) return misfit;
    const events = draft.events + append.totalEvents;
    if (events > eventsMax) return tooLarge('events', events, eventsMax);
    const bytes = draft.recordBytes + recordBytes(append);
    if (bytes > transactionBytesMax) return tooLarge('bytes', bytes, transactionBytesMax);
    return this.#hasRoomFor(draft, append.frameLength) ? undefined : TOO_MANY;
  }

  /** Writes the step that ends the transaction, and what came of it; undefined if there is no room. */
  #placeEnd(draft: Draft, append: AppendCursor, result: Bytes): Position | undefined {
    const { bytes, frameAt, frameLength } = append;
    const content = new Uint8Array(frameLength + result.length);
    content.set(bytes.subarray(frameAt, frameAt + frameLength));
    content.set(result, frameLength);
    return this.#place(draft, content);
  }

  /** Frames the step's record; undefined if there is no room. */
  #place(draft: Draft, content: Bytes): Position | undefined {
    const { framer, log, heads } = this.#host;
    const bytes = prepareBytes(draft.name.length, content.length);
    if (log.roomFor(bytes, bytes) !== 'enough') return undefined;
    const { name, steps: step } = draft;
    const position = framer.draft({ name, step }, content);
    heads.advance(heads.intern(name, 0, name.length), step, position);
    draft.lastUs = framer.timestampUs;
    log.noteRecords();
    log.publishIfEnough();
    return position;
  }

  #noRoom(asked: Asked): 'taken' | 'retry' {
    const outOfSpace = this.#host.outOfSpace();
    return outOfSpace === undefined ? 'retry' : this.#reject(asked, outOfSpace);
  }

  #answerStep(draft: Draft, asked: Asked, isDuplicate = false): void {
    const { step } = asked.append;
    this.#answer(asked, { revisions: [step], position: draft.positionOf(step)!, isDuplicate });
  }

  #answer({ append, sink, token }: Asked, { revisions, position, isDuplicate }: StepAnswer): void {
    const queue = this.#host.queueOf(append);
    const entry = queue.appended(this.#host.framed(), sink, token, isDuplicate);
    queue.setResult(entry, revisions.at(-1)!, position);
    if (revisions.length > 1) queue.setRevisions(entry, revisions);
  }

  #reject({ sink, token }: Asked, { code, message, details = {}, restsOnLog = false }: Misfit): 'taken' {
    this.#host.reject(sink, token, { code, message, details, restsOnLog });
    return 'taken';
  }

  /** Of all that the frame says but its request id and what comes before that. */
  #checksumOf({ bytes, frameAt, frameLength }: AppendCursor): number {
    const { kernel } = this.#host.bodies;
    return kernel.crc32c(bytes, frameAt + FRAME_HEADER_BYTES, frameLength - FRAME_HEADER_BYTES, 0);
  }

  get #nowUs(): TimestampUs {
    return this.#host.framer.timestampUs;
  }

  /** The transaction that the step is of, a new one if the log has none of it. */
  #find(append: AppendCursor): Draft | 'sought' | CairnError {
    const name = draftName(append.bytes, append.transactionAt);
    const key = keyOf({ name });
    const known = this.#known.get(key);
    if (known instanceof CairnError) this.#known.delete(key);
    if (known instanceof Draft) {
      this.#known.delete(key);
      this.#known.set(key, known);
    }
    if (known === 'sought') return this.#host.lookups.waitFor(key);
    if (known !== undefined) return known;
    if (this.#isNew(name)) return new Draft(name);
    this.#known.set(key, 'sought');
    this.#host.lookups.begin(key);
    this.#host.stepsOf(name).then(
      (steps) => this.#found(key, this.#rebuilt(name, steps)),
      (error: unknown) => {
        if (!(error instanceof CairnError)) throw error;
        this.#found(key, error);
      },
    );
    return this.#host.lookups.waitFor(key);
  }

  /** Whether it is known that the log has no step of it. */
  #isNew(name: Bytes): boolean {
    const { heads } = this.#host;
    const number = heads.find(name, 0, name.length);
    return number < 0 ? heads.isComplete : heads.revision(number) < 0;
  }

  #found(key: string, draft: Draft | CairnError): void {
    this.#known.set(key, draft);
    if (draft instanceof Draft) this.#bytes += draft.bytes;
    this.#host.lookups.end(key);
  }

  #rebuilt(name: Bytes, steps: readonly (LoggedStep | undefined)[]): Draft {
    const draft = new Draft(name);
    const cursor = new AppendCursor();
    for (const step of steps) {
      if (step === undefined) {
        draft.lose();
        continue;
      }
      const { content, position, timestampUs } = step;
      const view = new DataView(content.buffer, content.byteOffset, content.length);
      const frameLength = view.getUint32(0, true);
      cursor.open(content, view, 0, frameLength);
      if (cursor.action === STEP_ACTION.write) draft.write(cursor, position, this.#checksumOf(cursor));
      else if (cursor.action === STEP_ACTION.abandon) draft.finish({ kind: 'abandoned' }, position);
      else draft.finish(decodeResult(content.subarray(frameLength)), position);
      draft.lastUs = timestampUs;
    }
    return draft;
  }

  /** Makes room for `bytes` more in memory: those that were not touched for longest are looked up when they go on. */
  #hasRoomFor(draft: Draft, bytes: number): boolean {
    const isNew = draft.steps === 0;
    const hasRoom = () =>
      this.#known.size + (isNew ? 1 : 0) <= DRAFTS_MAX && this.#bytes + bytes <= DRAFT_BYTES_MAX;
    for (const [key, known] of this.#known) {
      if (hasRoom()) return true;
      // What is not committed yet can't be looked up.
      if (known === draft || !(known instanceof Draft) || known.lastPosition >= this.#host.log.committed)
        continue;
      this.#known.delete(key);
      this.#bytes -= known.bytes;
    }
    return hasRoom();
  }

  #count(draft: Draft, change: () => void): void {
    this.#bytes -= draft.bytes;
    change();
    this.#bytes += draft.bytes;
  }
}

/** A step, and who wants to know. */
interface Asked {
  readonly append: AppendCursor;
  readonly sink: AppendSink;
  readonly token: number;
}

interface StepAnswer {
  readonly revisions: readonly number[];
  readonly position: Position;
  readonly isDuplicate: boolean;
}

const NOTHING = new Uint8Array(0);

const UNKNOWN: Rejection = overFor('is not known here');
const OTHER_STEP: Rejection = {
  code: 'event-id-conflict',
  message:
    'the transaction has this step already, with other content. A retry must repeat the step as it was; a further one has the next number',
  details: {},
};
const TOO_MANY: Rejection = {
  code: 'too-many-requests',
  message: 'too many transactions are open, or too large ones; commit or abandon some, or try again later',
  details: {},
};

/** What the step did that ended so; undefined: it wrote. */
function actionOf(end: DraftEnd | undefined): number {
  if (end === undefined) return STEP_ACTION.write;
  return end.kind === 'committed' ? STEP_ACTION.commit : STEP_ACTION.abandon;
}

function keyOf({ name }: { readonly name: Bytes }): string {
  return String.fromCharCode(...name);
}

function overFor(reason: string): Rejection {
  const message = `the transaction ${reason}, and takes no such step; begin a new one`;
  return { code: 'transaction-over', message, details: {} };
}

function outOfOrder(next: number, step: number): Rejection {
  const message = `step ${step} of the transaction comes before its turn: the next one is ${next}`;
  return { code: 'invalid-request', message, details: { next, step }, restsOnLog: true };
}

function stepTooLarge(amount: number, limit: number): Rejection {
  const message = `a step of ${amount} bytes, and this server's limit is ${limit}; write in several steps, or raise MaxAppendEventSize`;
  return { code: 'request-too-large', message, details: { amount, limit } };
}

function tooLarge(what: string, amount: number, limit: number): Rejection {
  const message = `with this step the transaction has ${amount} ${what}, and this server's limit is ${limit}; use several transactions`;
  return { code: 'request-too-large', message, details: { amount, limit } };
}
