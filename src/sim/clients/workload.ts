/**
 * A simulated client: a small state machine with one operation at a time, which it records in the history itself. Pure: the
 * simulation asks it for the `next` thing, carries the request, and tells it the answer or that its time is up. Few streams and
 * guesses at revisions from what it last saw, so that clients contend; retries with the same event ids, here or elsewhere.
 */
import { assert } from '../../base/assert.js';
import type { Revision } from '../../base/units.js';
import type { Random } from '../random.js';
import type { AppendRequest, ClientRequest, ClientResponse, Expected } from './client-messages.js';
import type { AppendOperation, AppendOutcome, History, Operation } from './history.js';

export interface ClientOptions {
  readonly name: string;
  /** Names of nodes that it may ask. */
  readonly nodes: readonly string[];
  /** Shared with other clients. */
  readonly streams: readonly string[];
  /** How many operations until it is done. */
  readonly operationsMax: number;
  /** How long it waits for an answer. */
  readonly timeoutMs: number;
  /** Longest pause between operations, and before a retry. */
  readonly thinkMsMax: number;
  /** Of all operations, how many are reads, from 0 to 1. */
  readonly readShare: number;
}

export type ClientTurn =
  /** Then call `answered`, or `timedOut` at `deadlineMs`; once one of them returns true, `next` again. */
  | {
      readonly kind: 'send';
      readonly to: string;
      readonly request: ClientRequest;
      readonly deadlineMs: number;
    }
  /** Call `next` again at this time. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'done' };

/** Small transactions: their order and wholeness is the matter, not their size. */
const EVENTS_MAX = 4;
/** Enough to get through an election; then a client gives up, so that some outcomes stay unknown. */
const ATTEMPTS_MAX = 8;
const RETRY_CHANCE = 0.9;
const LINEARIZABLE_SHARE = 0.5;
/** How often it follows where it is pointed to; else it tries somebody, who may be a leader of old. */
const HINT_CHANCE = 0.8;
const SAME_NODE_CHANCE = 0.7;
/** How far from what it last saw a wrong guess is. */
const GUESS_OFF_MAX = 2;

export class SimulatedClient {
  readonly #options: ClientOptions;
  readonly #history: History;
  readonly #random: Random;
  /** The last revision it heard of, by stream. */
  readonly #seen = new Map<string, Revision>();
  #node: string;
  #operation: Operation | undefined;
  /** Numbers its requests; those of the open operation begin at `#firstRequest`. */
  #request = 0;
  #firstRequest = 0;
  #isWaiting = false;
  #wakeMs = 0;
  #started = 0;
  #isStopped = false;

  constructor(options: ClientOptions, history: History, random: Random) {
    this.#options = options;
    this.#history = history;
    this.#random = random;
    this.#node = random.pick(options.nodes);
  }

  get name(): string {
    return this.#options.name;
  }

  /** Begins nothing new; an operation that is open goes on to its end. */
  stop(): void {
    this.#isStopped = true;
  }

  /** What it does now. Not to be called while it waits for an answer. */
  next(nowMs: number): ClientTurn {
    assert(!this.#isWaiting, 'a client does one thing at a time');
    const isDone = this.#isStopped || this.#started === this.#options.operationsMax;
    if (this.#operation === undefined && isDone) return { kind: 'done' };
    if (nowMs < this.#wakeMs) return { kind: 'wait', untilMs: this.#wakeMs };
    const operation = this.#operation ?? this.#begin(nowMs);
    this.#isWaiting = true;
    const request = this.#requestOf(operation);
    return { kind: 'send', to: this.#node, request, deadlineMs: nowMs + this.#options.timeoutMs };
  }

  /** Takes an answer; false if it is one that the client no longer waits for, and goes on waiting or pausing. */
  answered(response: ClientResponse, nowMs: number): boolean {
    const operation = this.#operation;
    if (operation === undefined || response.request < this.#firstRequest) return false;
    const isCurrent = this.#isWaiting && response.request === this.#request;
    // A yes is a yes whichever attempt it answers. A late no says nothing about the attempts after it.
    if (!isCurrent && response.kind !== 'appendOk') return false;
    const wasWaiting = this.#isWaiting;
    this.#isWaiting = false;
    if (operation.kind === 'append') this.#appendAnswered(operation, response, nowMs);
    else {
      if (response.kind === 'readOk') {
        const { state, upTo, start } = response;
        this.#seen.set(operation.stream, state.revision);
        this.#history.completeRead(operation, { kind: 'ok', state, upTo, start }, nowMs);
      } else this.#history.completeRead(operation, { kind: 'failed' }, nowMs);
      if (response.kind === 'readRefused') this.#goElsewhere(response.leader);
      this.#finish(nowMs);
    }
    return wasWaiting;
  }

  /** The deadline of that request has come; false if the client no longer waits for it, and nothing changes. */
  timedOut(request: number, nowMs: number): boolean {
    const operation = this.#operation;
    if (operation === undefined || !this.#isWaiting || request !== this.#request) return false;
    this.#isWaiting = false;
    if (!this.#random.chance(SAME_NODE_CHANCE)) this.#goElsewhere(undefined);
    if (operation.kind === 'append') {
      operation.unsettled++;
      this.#retryOrGiveUp(operation, nowMs);
    } else {
      this.#history.completeRead(operation, { kind: 'failed' }, nowMs);
      this.#finish(nowMs);
    }
    return true;
  }

  #begin(nowMs: number): Operation {
    const { name: client, streams, readShare } = this.#options;
    const random = this.#random;
    const stream = random.pick(streams);
    this.#started++;
    this.#firstRequest = this.#request + 1;
    if (random.chance(readShare)) {
      const mode = random.chance(LINEARIZABLE_SHARE) ? 'linearizable' : 'committed';
      // Reads go everywhere: followers serve them too. Often to the same node twice, for its answers must not go back.
      if (!random.chance(SAME_NODE_CHANCE)) this.#goElsewhere(undefined);
      this.#operation = this.#history.invokeRead({ client, stream, mode, node: this.#node }, nowMs);
    } else {
      const eventIds = Array.from({ length: random.between(1, EVENTS_MAX) }, () => random.uuid());
      const expected = this.#guess(stream);
      this.#operation = this.#history.invokeAppend({ client, stream, expected, eventIds }, nowMs);
    }
    return this.#operation;
  }

  /** Mostly what the client believes, which others may have made untrue meanwhile; sometimes what it knows to be wrong. */
  #guess(stream: string): Expected {
    const random = this.#random;
    const seen = this.#seen.get(stream) ?? -1;
    const exact = seen < 0 ? 'none' : seen;
    const draw = random.below(10);
    if (draw < 3) return 'any';
    if (draw < 7) return exact;
    if (draw === 7) return 'exists';
    if (draw === 8) return 'none';
    return Math.max(0, seen + random.between(-GUESS_OFF_MAX, GUESS_OFF_MAX));
  }

  #requestOf(operation: Operation): ClientRequest {
    const { client, stream } = operation;
    const request = ++this.#request;
    if (operation.kind === 'read') return { kind: 'read', request, client, stream, mode: operation.mode };
    operation.attempts++;
    const { expected, eventIds } = operation;
    return { kind: 'append', request, client, stream, expected, eventIds } satisfies AppendRequest;
  }

  #appendAnswered(operation: AppendOperation, response: ClientResponse, nowMs: number): void {
    switch (response.kind) {
      case 'appendOk': {
        const { firstRevision, position, end } = response;
        this.#seen.set(operation.stream, firstRevision + operation.eventIds.length - 1);
        this.#completeAppend(operation, { kind: 'ok', firstRevision, position, end }, nowMs);
        break;
      }
      case 'appendRejected':
        this.#seen.set(operation.stream, response.current);
        this.#completeAppend(operation, { kind: 'rejected', current: response.current }, nowMs);
        break;
      case 'appendConflict':
        this.#completeAppend(operation, { kind: 'conflict' }, nowMs);
        break;
      case 'appendRefused':
        this.#goElsewhere(response.leader);
        this.#retryOrGiveUp(operation, nowMs);
        break;
      default:
        assert(false, 'an append is answered as one');
    }
  }

  #retryOrGiveUp(operation: AppendOperation, nowMs: number): void {
    if (operation.attempts < ATTEMPTS_MAX && this.#random.chance(RETRY_CHANCE)) {
      this.#pause(nowMs);
      return;
    }
    this.#completeAppend(operation, { kind: operation.unsettled > 0 ? 'unknown' : 'refused' }, nowMs);
  }

  #completeAppend(operation: AppendOperation, outcome: AppendOutcome, nowMs: number): void {
    this.#history.completeAppend(operation, outcome, nowMs);
    this.#finish(nowMs);
  }

  #finish(nowMs: number): void {
    this.#operation = undefined;
    this.#pause(nowMs);
  }

  #pause(nowMs: number): void {
    this.#wakeMs = nowMs + this.#random.below(this.#options.thinkMsMax + 1);
  }

  #goElsewhere(hint: string | undefined): void {
    const { nodes } = this.#options;
    const isFollowed = hint !== undefined && nodes.includes(hint) && this.#random.chance(HINT_CHANCE);
    this.#node = isFollowed ? hint : this.#random.pick(nodes);
  }
}
