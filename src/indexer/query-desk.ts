/**
 * Main's end of the mailboxes to and from the index thread: sends queries, keeps in line what does not fit, and hands each answer
 * to who asked. Main thread.
 */
import { assert } from '../base/assert.js';
import type { CairnError } from '../base/errors.js';
import type { Position } from '../base/units.js';
import { STREAM_NAME_BYTES_MAX } from '../log/record.js';
import { Cursor } from '../ring/cursor.js';
import { Doorbell } from '../ring/doorbell.js';
import { CONTROL, type RingDescriptor, RingMemory } from '../ring/layout.js';
import { type MailboxDescriptor, MailboxReceiver, MailboxSender } from '../ring/mailbox.js';
import type { ListingPlace, StreamLookup, StreamQuery, StreamRuns } from './commands.js';
import { sendListingQuery, sendQuery, sendSnapshotQuery, takeAnswer } from './messages.js';

interface OpenQuery {
  readonly query: StreamQuery;
  readonly committed: Position;
  resolve(runs: StreamRuns): void;
  reject(error: CairnError): void;
}

export class QueryDesk implements StreamLookup {
  readonly #queries: MailboxSender;
  readonly #answers: MailboxReceiver;
  readonly #committed: Cursor;
  readonly #indexerBell: Doorbell;
  /** Sent and not answered yet, by id. */
  readonly #sent = new Map<number, OpenQuery>();
  /** Not sent yet, because the mailbox was full. Bounded by the reads that sessions may have open. */
  #waiting: OpenQuery[] = [];
  /** What is answered by reports, and was not asked yet, because the mailbox was full. */
  readonly #questions: ((queries: MailboxSender) => boolean)[] = [];
  #nextId = 1;
  #isSending = false;
  #closed: CairnError | undefined;

  constructor(ring: RingDescriptor, queries: MailboxDescriptor, answers: MailboxDescriptor) {
    const { control } = new RingMemory(ring);
    this.#queries = new MailboxSender(queries);
    this.#answers = new MailboxReceiver(answers);
    this.#committed = new Cursor(control, CONTROL.committed, ring.start);
    this.#indexerBell = new Doorbell(control, CONTROL.indexerBell);
  }

  lookup(query: StreamQuery): Promise<StreamRuns> {
    if (query.stream.length > STREAM_NAME_BYTES_MAX) return Promise.resolve(noStream(query.from));
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      this.#waiting.push({ query, committed: this.#committed.load(), resolve, reject });
      this.#sendSoon();
    });
  }

  /** Asks for a snapshot of the index with all that is committed now; it comes as a report. */
  askSnapshot(): void {
    const committed = this.#committed.load();
    this.#questions.push((queries) => sendSnapshotQuery(queries, committed));
    this.#send();
  }

  /** Asks for a page of the names of metadata streams, with all that are committed now; it comes as a report. */
  askMetadataStreams(place: ListingPlace, namesMax: number): void {
    const committed = this.#committed.load();
    this.#questions.push((queries) => sendListingQuery(queries, committed, place, namesMax));
    this.#send();
  }

  /** Hands out the answers that have come. To be called whenever main's bell rings, which also keeps the cursor up to date. */
  deliver(): void {
    if (this.#closed !== undefined) return;
    this.#committed.load();
    const taken = this.#takeAnswers();
    if (this.#waiting.length > 0 || this.#questions.length > 0) this.#send();
    // The index thread may have parked because its answers did not fit.
    if (taken > 0 && this.#sent.size > 0) this.#indexerBell.ring();
  }

  /** Nobody will answer any more; what was answered by then still counts. */
  close(error: CairnError): void {
    this.#takeAnswers();
    this.#closed = error;
    for (const open of [...this.#sent.values(), ...this.#waiting]) open.reject(error);
    this.#sent.clear();
    this.#waiting = [];
  }

  /** Returns how many there were. */
  #takeAnswers(): number {
    let taken = 0;
    for (let answer = takeAnswer(this.#answers); answer !== undefined; answer = takeAnswer(this.#answers)) {
      const open = this.#sent.get(answer.id);
      assert(open !== undefined, 'an answer has its query');
      this.#sent.delete(answer.id);
      open.resolve(answer.runs);
      taken++;
    }
    return taken;
  }

  /** All that is asked in one go is sent together: the index thread is woken once, and so is main for the answers. */
  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    queueMicrotask(() => {
      this.#isSending = false;
      if (this.#closed === undefined) this.#send();
    });
  }

  #send(): void {
    let count = 0;
    const questionsBefore = this.#questions.length;
    while (this.#questions.length > 0 && this.#questions[0]!(this.#queries)) this.#questions.shift();
    for (const open of this.#waiting) {
      const id = this.#nextId;
      if (!sendQuery(this.#queries, id, open.committed, open.query)) break;
      this.#nextId = (id + 1) >>> 0;
      this.#sent.set(id, open);
      count++;
    }
    this.#waiting.splice(0, count);
    if (count > 0 || this.#questions.length < questionsBefore) this.#indexerBell.ring();
  }
}

/** The answer about a stream that can't exist. */
function noStream(next: number): StreamRuns {
  const nothing = { positions: new Float64Array(0), bytes: new Uint32Array(0), events: new Uint32Array(0) };
  return { head: -1, next, runCount: 0, ...nothing };
}
