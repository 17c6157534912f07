/**
 * Keeps a connection's answers in the order of its appends while appends with different ack policies are in flight: what waits for all
 * voters is answered later than what waits for a quorum, and clients tell answers by their order. Main thread.
 */
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';

interface Expected {
  readonly token: number;
  /** Says the answer; undefined until there is one. */
  say: (() => void) | undefined;
}

export class AnswerOrder implements AppendSink {
  readonly #sink: AppendSink;
  readonly #expected: Expected[] = [];
  /** Answers to appends from before there was an order, which come without asking here. */
  #earlier: number;

  constructor(sink: AppendSink, earlier: number) {
    this.#sink = sink;
    this.#earlier = earlier;
  }

  /** Whether nothing is in flight: then no order is needed any more. */
  get isDone(): boolean {
    return this.#earlier === 0 && this.#expected.length === 0;
  }

  /** An append with this token is in flight, behind all others. */
  expect(token: number): void {
    this.#expected.push({ token, say: undefined });
  }

  /** One of the appends from before was answered. */
  noteEarlier(): void {
    this.#earlier--;
    this.#sayReady();
  }

  appended(token: number, revision: number, position: number, isDuplicate: boolean): void {
    this.#answered(token, () => this.#sink.appended(token, revision, position, isDuplicate));
  }

  appendedParts(token: number, revisions: readonly number[], position: number, isDuplicate: boolean): void {
    this.#answered(token, () => this.#sink.appendedParts(token, revisions, position, isDuplicate));
  }

  rejected(token: number, rejection: Rejection): void {
    this.#answered(token, () => this.#sink.rejected(token, rejection));
  }

  #answered(token: number, say: () => void): void {
    const expected = this.#expected.find((one) => one.token === token && one.say === undefined);
    if (expected !== undefined) expected.say = say;
    this.#sayReady();
  }

  #sayReady(): void {
    if (this.#earlier > 0) return;
    while (this.#expected[0]?.say !== undefined) this.#expected.shift()!.say!();
  }
}
