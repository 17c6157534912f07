/**
 * What a node has while it leads: the log as a leader writes it, and once the reign is established the sequencer, with the answers that
 * wait for the commit. Ends with the reign: what is pending then is for others to say. Main thread.
 */
import { randomFillSync } from 'node:crypto';
import { CairnError, type ErrorCode } from '../base/errors.js';
import type { ChainState } from '../base/ports.js';
import type { Epoch, Position, TimestampUs } from '../base/units.js';
import type { AppendedRecord, NodeRole } from '../cluster/effects.js';
import { encodeMembership } from '../cluster/membership-record.js';
import type { Platform } from '../native/platform.js';
import type { Confirm, Rejection } from '../sequencer/pending-replies.js';
import { RecordFramer } from '../sequencer/record-framer.js';
import { ReignLog } from '../sequencer/reign-log.js';
import type { Sequencer } from '../sequencer/sequencer.js';
import type { StreamHead } from '../sequencer/stream-heads.js';
import type { AckPolicy } from '../wire/frames.js';
import { buildSequencer } from './build-sequencer.js';
import type { LogStore } from './log-store.js';
import { loggedSteps } from './logged-steps.js';

export interface ReignHost {
  readonly store: LogStore;
  readonly platform: Platform;
  readonly retryWindowEvents: number;
  readonly transactionTimeoutMs: number;
  /** Most memory for stream heads. */
  readonly headCacheBytes: number;
  /** Of appends that say none. */
  readonly defaultAckPolicy: AckPolicy;
  /** Whole requests were published: the log ends here now. */
  published(end: Readonly<ChainState>): void;
  readonly confirm: Confirm;
  readonly canBeMet: (policy: AckPolicy) => boolean;
  /** There may be room for appends that had to wait, and fewer answers pending. */
  readonly settled: () => void;
}

/** Where a record that the core asked for stands. */
export interface PlacedRecord {
  /** Where it begins, Padding before it included. */
  readonly position: Position;
  readonly end: Position;
}

export class Reign {
  readonly epoch: Epoch;
  readonly log: ReignLog;
  readonly #host: ReignHost;
  readonly #framer: RecordFramer;
  readonly #appendsEnd: () => Position;
  #sequencer: Sequencer | undefined;
  #isEstablishing = false;
  #isOver = false;

  constructor(host: ReignHost, epoch: Epoch, timestampUs: TimestampUs) {
    const { store } = host;
    this.epoch = epoch;
    this.#host = host;
    this.#framer = new RecordFramer(store.producer, { chunkBytes: store.chunkSize, epoch, timestampUs });
    this.#appendsEnd = () => store.appendsEnd;
    this.log = new ReignLog(
      {
        producer: store.producer,
        framer: this.#framer,
        clock: { wallUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
        preparedEnd: () => store.preparedEnd,
        appendsEnd: this.#appendsEnd,
        published: (end) => {
          store.notePublished();
          host.published(end);
        },
      },
      store.committed,
    );
  }

  /** Decides appends; undefined until the reign is established and the index has told what is in the log. */
  get sequencer(): Sequencer | undefined {
    return this.#sequencer;
  }

  get timestampUs(): TimestampUs {
    return this.#framer.timestampUs;
  }

  /** Frames and publishes the record by itself; undefined if there is no room for it yet. */
  appendRecord(record: AppendedRecord): PlacedRecord | undefined {
    const { producer } = this.#host.store;
    this.log.endTurn();
    const position = producer.framed;
    const isFramed =
      record.type === 'epoch'
        ? this.log.openEpoch(randomFillSync(new Uint8Array(16)))
        : this.log.membership(encodeMembership(record.configuration));
    return isFramed ? { position, end: producer.framed } : undefined;
  }

  /** Everything before this reign's own records is committed: from a snapshot of the index, appends can be decided. */
  async establish(): Promise<void> {
    const { store, platform, retryWindowEvents, confirm, canBeMet, defaultAckPolicy } = this.#host;
    const { transactionTimeoutMs, headCacheBytes, settled } = this.#host;
    // A leader that wanted to resign and could not leads on.
    if (this.#isEstablishing) return;
    this.#isEstablishing = true;
    const snapshot = await store.indexer.snapshot();
    if (this.#isOver) return;
    this.#sequencer = buildSequencer({
      snapshot,
      retryWindowEvents,
      headCacheBytes,
      platform,
      parts: {
        producer: store.producer,
        framer: this.#framer,
        log: this.log,
        limits: store.limits,
        bodies: { kernel: platform.kernel, log: store.reader, settled },
        preparedEnd: this.#appendsEnd,
        outOfSpace: () => store.outOfSpace,
        takeAppends: defaultAckPolicy === 'quorum' ? platform.takeAppends : undefined,
        ...{ confirm, canBeMet, defaultAckPolicy },
        transactionTimeoutUs: 1000 * transactionTimeoutMs,
        headOf: (name) => this.#headOf(name),
        stepsOf: (name) => loggedSteps({ lookup: store.indexer, reader: store.reader }, name),
      },
    });
  }

  /** Of a stream whose metadata is damaged nothing is known until that is mended: then, appends to it wait. */
  async #headOf(name: Uint8Array): Promise<StreamHead> {
    for (;;) {
      try {
        return await this.#host.store.reader.streamHead(name);
      } catch (error) {
        const isDamage = error instanceof CairnError && DAMAGE.has(error.code);
        if (this.#isOver || !isDamage) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, DAMAGE_RETRY_MS).unref());
    }
  }

  committed(position: Position): void {
    this.log.setCommitted(position);
    this.#sequencer?.pending.quorum.release(position);
  }

  /** The reign is over. What was framed is published, and told to the core; who waits for an answer is told that it is unknown. */
  end(): void {
    this.log.endTurn();
    this.#isOver = true;
    const sequencer = this.#sequencer;
    this.#sequencer = undefined;
    if (sequencer === undefined) return;
    sequencer.pending.abandon(OUTCOME_UNKNOWN);
    // Not within the core's step, which ends it.
    queueMicrotask(() => sequencer.releaseWaiting());
  }
}

/** What may be mended. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set(['log-corrupt', 'disk-failure']);
/** Mending takes longer. */
const DAMAGE_RETRY_MS = 500;

const OUTCOME_UNKNOWN: Rejection = {
  code: 'outcome-unknown',
  message:
    'the leader changed before the append was committed: whether it was written is unknown; appending it again with the same event ids writes it once in any case',
  details: {},
};

/** Whether a node with this role leads that reign. */
export function leads(
  { role, epoch }: { readonly role: NodeRole; readonly epoch: number },
  reign: number,
): boolean {
  return epoch === reign && (role === 'preLeader' || role === 'leader' || role === 'resigning');
}
