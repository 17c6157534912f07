/**
 * A transaction that stays open over several requests: what is appended to it is durable at once and seen by nobody, until the commit makes all of it
 * visible at once. It survives a restart of nodes, a change of leader and a lost connection. Node and browsers.
 */
import { formatUuid, parseUuid } from '../base/bytes.js';
import { CairnError, type ErrorCode } from '../base/errors.js';
import { type AckPolicy, STEP_ACTION, TRANSACTION_ID_BYTES } from '../wire/frames.js';
import type { AppendRequest, ExpectedRevision, NewEvent, StreamAppend } from './append-encoder.js';
import type { AppendAnswer, TransactionResult } from './append-queue.js';

/** Where a transaction was left, perhaps by another process: what {@link OpenTransaction.place} said. */
export interface TransactionPlace {
  readonly id: string;
  /** How many steps it had. */
  readonly steps: number;
}

/** How its steps get to the server. */
export interface TransactionPort {
  append(request: AppendRequest): Promise<AppendAnswer>;
}

/** After these nobody knows whether the step was taken. */
const OUTCOME_OPEN: ReadonlySet<ErrorCode> = new Set([
  'timeout',
  'connection-lost',
  'outcome-unknown',
  'shutting-down',
]);

/** Made by `Client.begin`. */
export class OpenTransaction {
  /** A UUID. */
  readonly id: string;
  readonly #idBytes = new Uint8Array(TRANSACTION_ID_BYTES);
  readonly #port: TransactionPort;
  readonly #ackPolicy: AckPolicy | undefined;
  #steps: number;
  /** The step before: one at a time, as a step's number is only given away when the one before is known to be taken. */
  #before: Promise<unknown> = Promise.resolve();
  /** Why it can't go on. */
  #broken: CairnError | undefined;

  /** @internal */
  constructor(port: TransactionPort, ackPolicy: AckPolicy | undefined, place: TransactionPlace | undefined) {
    this.#port = port;
    this.#ackPolicy = ackPolicy;
    this.#steps = place?.steps ?? 0;
    if (place === undefined) {
      crypto.getRandomValues(this.#idBytes);
    } else if (
      !parseUuid(place.id, this.#idBytes, 0) ||
      !Number.isSafeInteger(place.steps) ||
      place.steps < 0
    ) {
      throw new CairnError('invalid-request', `the place of a transaction is a UUID and a number of steps`);
    }
    this.id = formatUuid(this.#idBytes, 0);
  }

  /** By this another client can go on, when the steps so far are answered. */
  get place(): TransactionPlace {
    return { id: this.id, steps: this.#steps };
  }

  /**
   * Adds events to the transaction; resolves when they are durable. Nobody sees them before the commit. `expected` is checked then, and can be given
   * with a stream's first events only. Fails as `Client.append`, and with `transaction-over` when the transaction has ended or timed out.
   */
  async append(
    stream: string,
    events: NewEvent | readonly NewEvent[],
    options?: { readonly expected?: ExpectedRevision },
  ): Promise<void> {
    await this.#step(STEP_ACTION.write, { stream, events, expected: options?.expected ?? 'any' });
  }

  /**
   * Writes everything as one transaction. `revisions` are in the order in which the streams were first appended to. After
   * `wrong-expected-revision` nothing is written, and the transaction is still open. Committing again what was committed gives the same result.
   */
  async commit(): Promise<TransactionResult> {
    const { revision, revisions = [revision], ...result } = await this.#step(STEP_ACTION.commit);
    return { ...result, revisions };
  }

  /** Ends it with nothing written. One that is never ended is over by itself, after `TransactionTimeoutMs` of the server. */
  async abandon(): Promise<void> {
    await this.#step(STEP_ACTION.abandon);
  }

  #step(action: number, content?: StreamAppend): Promise<AppendAnswer> {
    const answer = this.#before.then(() => this.#send(action, content));
    // Whoever asked for it is told; the next one only waits for it.
    this.#before = answer.catch(() => undefined);
    return answer;
  }

  async #send(action: number, content: StreamAppend | undefined): Promise<AppendAnswer> {
    if (this.#broken !== undefined) throw this.#broken;
    const isWrite = action === STEP_ACTION.write;
    const transaction = { id: this.#idBytes, step: this.#steps, action };
    try {
      const answer = await this.#port.append({ ...content, ackPolicy: this.#ackPolicy, transaction });
      // An end may be asked for again, by the same number.
      if (isWrite) this.#steps++;
      return answer;
    } catch (error) {
      if (isWrite && error instanceof CairnError && OUTCOME_OPEN.has(error.code))
        this.#broken = broken(error);
      throw error;
    }
  }
}

function broken(cause: CairnError): CairnError {
  const message = `it is unknown whether an earlier step of the transaction was taken (${cause.message}): begin a new one; nothing of this one is ever written`;
  return new CairnError('transaction-over', message, {}, cause);
}
