/** What sessions need of the engine, as an interface, so that they can be tested against a scripted one. */
import type { AppendRun } from '../sequencer/append-runs.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome } from '../sequencer/sequencer.js';
import type { AppendCursor } from '../wire/append-frame.js';

export interface AppendPort {
  /**
   * Takes an opened append; `retry` = call again from `whenRoom`, `sought` = from `whenFound`. Answers come to `sink` in log order. A rejection = not taken, because nobody is there
   * to decide about it (`not-leader`, `no-leader`, …): the caller answers, by {@link refuse}, and brings no further append of the same client, as
   * that one might be taken and so overtake this one.
   */
  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection;
  /** Takes the plain appends at the head of `run`; each is answered with its request id. What it leaves goes to `append`. */
  appendRun(run: AppendRun, sink: AppendSink): void;
  /** Answers a request that can't be an append, in its turn. */
  refuse(sink: AppendSink, token: number, rejection: Rejection): void;
  /** Calls back once when there may be room. */
  whenRoom(callback: () => void): void;
  /** Calls back once when something that was looked up is there. */
  whenFound(callback: () => void): void;
}
