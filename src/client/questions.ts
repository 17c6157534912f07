/**
 * The StreamInfo requests that wait for their answers. They change nothing, so they are asked again after a lost connection.
 * Servers count them as open reads, so only some are asked at a time; the others wait here.
 */

import type { CairnError } from '../base/errors.js';
import { encodeStreamInfo, type StreamInfoReply } from '../wire/answer-frames.js';
import type { FrameWriter } from '../wire/frame-writer.js';

/** Where a stream ends. */
export interface StreamInfo {
  /** Of its last event. */
  readonly revision: number;
  /** Of its last event. */
  readonly position: number;
}

interface Question {
  readonly stream: string;
  readonly deadlineMs: number;
  readonly resolve: (info: StreamInfo | undefined) => void;
  readonly reject: (error: CairnError) => void;
  /** Whether the user has been told something: then the answer is for nobody. */
  isSettled: boolean;
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
  add(requestId: number, stream: string, deadlineMs: number): Promise<StreamInfo | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { stream, deadlineMs, resolve, reject, isSettled: false });
    });
  }

  /** Asks as many of those waiting as a server with this limit lets; `writer` is called only if there are any. */
  write(openReadsMax: number, writer: () => FrameWriter): void {
    const askedMax = Math.min(ASKED_MAX, Math.max(1, Math.floor(openReadsMax / 2)));
    for (const [requestId, question] of this.#waiting) {
      if (this.#open.size >= askedMax) return;
      this.#waiting.delete(requestId);
      this.#open.set(requestId, question);
      encodeStreamInfo(writer(), requestId, { stream: question.stream, consistency: 'local', atLeast: 0 });
    }
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
  answer(requestId: number, { revision, position }: StreamInfoReply): boolean {
    this.#open.get(requestId)?.resolve(revision < 0 ? undefined : { revision, position });
    return this.#open.delete(requestId);
  }

  /** Returns whether there was such a question. */
  refuse(requestId: number, error: CairnError): boolean {
    this.#open.get(requestId)?.reject(error);
    return this.#open.delete(requestId);
  }

  /** Rejects those with a deadline not after `nowMs`, and returns whether there were any. */
  expire(nowMs: number, error: () => CairnError): boolean {
    let anyExpired = false;
    for (const [requestId, question] of [...this.#open, ...this.#waiting]) {
      if (question.isSettled || question.deadlineMs > nowMs) continue;
      question.isSettled = true;
      question.reject(error());
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
