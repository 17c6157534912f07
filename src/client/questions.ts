/** The StreamInfo requests that wait for their answers. They change nothing, so they are asked again after a lost connection. */

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

export class Questions {
  readonly #open = new Map<number, Question>();

  get size(): number {
    return this.#open.size;
  }

  has(requestId: number): boolean {
    return this.#open.has(requestId);
  }

  /** Notes a question; {@link write} is what asks it. */
  add(requestId: number, stream: string, deadlineMs: number): Promise<StreamInfo | undefined> {
    return new Promise((resolve, reject) => {
      this.#open.set(requestId, { stream, deadlineMs, resolve, reject, isSettled: false });
    });
  }

  write(writer: FrameWriter, requestId: number): void {
    const question = this.#open.get(requestId);
    if (question !== undefined) encodeStreamInfo(writer, requestId, question.stream);
  }

  /** Asks all again, over a new connection. */
  writeAll(writer: FrameWriter): void {
    for (const [requestId, question] of this.#open) {
      if (question.isSettled) this.#open.delete(requestId);
      else this.write(writer, requestId);
    }
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
    for (const question of this.#open.values()) {
      if (question.isSettled || question.deadlineMs > nowMs) continue;
      question.isSettled = true;
      question.reject(error());
      anyExpired = true;
    }
    return anyExpired;
  }

  /** The first deadline to come, or `Infinity`. */
  firstDeadlineMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { isSettled, deadlineMs } of this.#open.values()) {
      if (!isSettled && deadlineMs < first) first = deadlineMs;
    }
    return first;
  }

  fail(error: CairnError): void {
    for (const question of this.#open.values()) question.reject(error);
    this.#open.clear();
  }
}
