/**
 * The StreamInfo requests that wait for their answers. They change nothing, so they are asked again after a lost connection.
 * Servers count them as open reads, so only some are asked at a time; the others wait here.
 */

import type { CairnError } from '../base/errors.js';
import { encodeStreamInfo, type StreamInfoReply } from '../wire/answer-frames.js';
import type { FrameWriter } from '../wire/frame-writer.js';
import type { ReadConsistency, StreamState } from '../wire/frames.js';

/** Where a stream begins and ends. */
export interface StreamInfo {
  /** Of its last event, hidden or not. Of a stream with a tombstone, of which a scavenge leaves nothing, the last that is there; −1 if none is. */
  readonly revision: number;
  /** Of its last event; 0 if it has none. */
  readonly position: number;
  /** Of the first event that is not hidden by its metadata; one above {@link revision} if all are. */
  readonly firstRevision: number;
  /** `deleted`: all of its events are hidden, and what is appended goes on behind them; `tombstoned`: deleted for good. */
  readonly state: StreamState;
}

interface Question {
  readonly stream: string;
  readonly consistency: ReadConsistency;
  readonly deadlineMs: number;
  readonly resolve: (info: StreamInfo | undefined) => void;
  readonly reject: (error: CairnError) => void;
  /** Whether the user has been told something: then the answer is for nobody. */
  isSettled: boolean;
  /** Why the last node that was asked could not answer. */
  refusal: CairnError | undefined;
}

/** Enough to keep a server busy; at most half of the open reads that it allows, so that reads find room, too. */
const ASKED_MAX = 16;

export class Questions {
  /** Those asked, and not answered. */
  readonly #open = new Map<number, Question>();
  /** Those not asked yet, oldest first. */
  readonly #waiting = new Map<number, Question>();

  get size(): number {
    return this.#open.size + this.#waiting.size;
  }

  has(requestId: number): boolean {
    return this.#open.has(requestId) || this.#waiting.has(requestId);
  }

  /** Notes a question; {@link write} is what asks it. */
  add(
    requestId: number,
    stream: string,
    consistency: ReadConsistency,
    deadlineMs: number,
  ): Promise<StreamInfo | undefined> {
    return new Promise((resolve, reject) => {
      const [isSettled, refusal] = [false, undefined];
      const question = { stream, consistency, deadlineMs, resolve, reject, isSettled, refusal };
      this.#waiting.set(requestId, question);
    });
  }

  /**
   * Asks as many of those waiting as a server with this limit lets; `writer` is called only if there are any. `atLeast`: what the log of whoever
   * answers must have reached.
   */
  write(openReadsMax: number, atLeast: number, writer: () => FrameWriter): void {
    const askedMax = Math.min(ASKED_MAX, Math.max(1, Math.floor(openReadsMax / 2)));
    for (const [requestId, question] of this.#waiting) {
      if (this.#open.size >= askedMax) return;
      this.#waiting.delete(requestId);
      this.#open.set(requestId, question);
      const { stream, consistency } = question;
      encodeStreamInfo(writer(), requestId, { stream, consistency, atLeast, wantsState: true });
    }
  }

  /** The node could not answer this one, another may: it has to be asked again. Returns whether there was such a question. */
  askLater(requestId: number, refusal: CairnError): boolean {
    const question = this.#open.get(requestId);
    if (question === undefined) return false;
    question.refusal = refusal;
    return true;
  }

  /** The connection is gone: all that are unanswered have to be asked again, in the old order. */
  unask(): void {
    const later = [...this.#waiting];
    this.#waiting.clear();
    for (const [requestId, question] of [...this.#open, ...later]) {
      if (!question.isSettled) this.#waiting.set(requestId, question);
    }
    this.#open.clear();
  }

  /** Returns whether there was such a question. */
  answer(requestId: number, { revision, position, visibility }: StreamInfoReply): boolean {
    const { state = 'live', firstRevision = 0 } = visibility ?? {};
    const isThere = revision >= 0 || state === 'tombstoned';
    this.#open.get(requestId)?.resolve(isThere ? { revision, position, firstRevision, state } : undefined);
    return this.#open.delete(requestId);
  }

  /** Returns whether there was such a question. */
  refuse(requestId: number, error: CairnError): boolean {
    this.#open.get(requestId)?.reject(error);
    return this.#open.delete(requestId);
  }

  /** Rejects those with a deadline not after `nowMs`, and returns whether there were any. */
  expire(nowMs: number, error: (refusal: CairnError | undefined) => CairnError): boolean {
    let anyExpired = false;
    for (const [requestId, question] of [...this.#open, ...this.#waiting]) {
      if (question.isSettled || question.deadlineMs > nowMs) continue;
      question.isSettled = true;
      question.reject(error(question.refusal));
      this.#waiting.delete(requestId);
      anyExpired = true;
    }
    return anyExpired;
  }

  /** The first deadline to come, or `Infinity`. Asked and waiting, each in the order of their deadlines. */
  firstDeadlineMs(): number {
    for (const { isSettled, deadlineMs } of this.#open.values()) if (!isSettled) return deadlineMs;
    for (const { deadlineMs } of this.#waiting.values()) return deadlineMs;
    return Number.POSITIVE_INFINITY;
  }

  fail(error: CairnError): void {
    for (const question of [...this.#open.values(), ...this.#waiting.values()]) question.reject(error);
    this.#open.clear();
    this.#waiting.clear();
  }
}
