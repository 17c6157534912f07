/**
 * Where an append that comes to this node is decided: here if it leads, or is about to; else on the leader, to which it is forwarded. Main
 * thread.
 */
import type { AppendPort } from '../net/engine-port.js';
import { Forwarder } from '../net/forwarder.js';
import type { AppendRun } from '../sequencer/append-runs.js';
import type { AppendSink, Rejection } from '../sequencer/pending-replies.js';
import type { AppendOutcome } from '../sequencer/sequencer.js';
import type { AppendCursor } from '../wire/append-frame.js';
import type { Engine } from './engine.js';

export interface AppendRouterOptions {
  readonly engine: Engine;
  readonly clientName: string;
  /** How long a forwarded append waits for a leader. */
  readonly patienceMs: number;
  /** Where clients find the node of this name. */
  readonly urlOf: (name: string) => string;
}

export class AppendRouter implements AppendPort {
  readonly #options: AppendRouterOptions;
  #forwarder: Forwarder | undefined;

  constructor(options: AppendRouterOptions) {
    this.#options = options;
  }

  append(append: AppendCursor, sink: AppendSink, token: number): AppendOutcome | Rejection {
    const { engine } = this.#options;
    const forwarder = engine.appends.decides ? undefined : this.#forwarder;
    if (forwarder === undefined) return engine.appends.append(append, sink, token);
    return append.requiresLeader ? this.#notLeader() : forwarder.append(append, sink, token);
  }

  appendRun(run: AppendRun, sink: AppendSink): void {
    this.#options.engine.appends.appendRun(run, sink);
  }

  refuse(sink: AppendSink, token: number, rejection: Rejection): void {
    this.#port.refuse(sink, token, rejection);
  }

  whenRoom(callback: () => void): void {
    this.#port.whenRoom(callback);
  }

  whenFound(callback: () => void): void {
    this.#port.whenFound(callback);
  }

  /** The node's role, or its leader, has changed. */
  update(): void {
    const { engine, clientName, patienceMs, urlOf } = this.#options;
    const { store, leaderName, appends } = engine;
    if (store === undefined) return;
    const hearsQuorum = () => engine.hearsQuorum;
    this.#forwarder ??= new Forwarder({ clientName, patienceMs, logId: store.logId, hearsQuorum });
    const isFollower = leaderName !== undefined && !appends.decides;
    this.#forwarder.setLeader(isFollower ? urlOf(leaderName) : undefined);
    if (appends.decides) this.#forwarder.refuseUnsent();
  }

  stop(): void {
    this.#forwarder?.stop();
  }

  get #port(): AppendPort {
    const { appends } = this.#options.engine;
    return appends.decides ? appends : (this.#forwarder ?? appends);
  }

  #notLeader(): Rejection {
    const { engine, urlOf } = this.#options;
    const { leaderName } = engine;
    const rejection = engine.appends.whyNot();
    if (leaderName === undefined) return rejection;
    return { ...rejection, details: { ...rejection.details, url: urlOf(leaderName) } };
  }
}
