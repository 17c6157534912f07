/**
 * A node's side of its clients: decides appends while the node leads, serves reads anywhere, and answers only what may be said. Pure. A
 * yes waits until what it speaks for is committed. A no from the log's content waits for a read index besides: the bytes alone don't
 * tell a leader of old that the stream has moved on elsewhere.
 */
import type { Position } from '../../base/units.js';
import {
  type AppendRequest,
  type ClientRequest,
  type ClientResponse,
  NO_EVENTS,
  type ReadRequest,
} from '../clients/client-messages.js';
import type { Decision, NewEvent, StreamModel } from './stream-model.js';

/** What the desk needs of its process. */
export interface DeskHost {
  /** Everything before it is committed, as far as the node knows. */
  readonly commit: Position;
  /** Undefined as long as there is no log. */
  readonly model: StreamModel | undefined;
  /** How often the node has started. */
  readonly start: number;
  /** Whom clients should ask, if known. */
  readonly leaderName: string | undefined;
  /** Whether the node leads and takes appends. */
  readonly takesAppends: boolean;
  /** Appends a transaction; undefined if there is no room on the disk. */
  appendEvents(
    events: readonly NewEvent[],
  ): { readonly position: Position; readonly end: Position } | undefined;
  /** Asks the core from which position on an answer is fresh; {@link ClientDesk.readReady} or `readRefused` follows. */
  askReadIndex(request: number): void;
}

export type Respond = (response: ClientResponse) => void;

interface Pending {
  readonly respond: Respond;
  /** The answer, when it may be said; computed then. */
  readonly answer: () => ClientResponse;
  /** The answer if the read index can't be had. Undefined: none, the client's time runs out. */
  readonly refusal: (() => ClientResponse) | undefined;
  /** Undefined while a read index is waited for. */
  dependsOn: Position | undefined;
  /** What it depends on besides the read index. */
  readonly atLeast: Position;
  readonly isAppend: boolean;
}

/** Requests that wait for something; more are refused. */
const PENDING_MAX = 256;

export class ClientDesk {
  readonly #host: DeskHost;
  #pending: Pending[] = [];
  readonly #byIndex = new Map<number, Pending>();
  #nextIndex = 1;

  constructor(host: DeskHost) {
    this.#host = host;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  take(request: ClientRequest, respond: Respond): void {
    if (request.kind === 'append') this.#takeAppend(request, respond);
    else this.#takeRead(request, respond);
  }

  /** The commit position has moved. */
  committed(): void {
    this.#settle();
  }

  readReady(index: number, position: Position): void {
    const pending = this.#byIndex.get(index);
    if (pending === undefined) return;
    this.#byIndex.delete(index);
    pending.dependsOn = Math.max(position, pending.atLeast);
    this.#settle();
  }

  readRefused(index: number): void {
    const pending = this.#byIndex.get(index);
    if (pending === undefined) return;
    this.#byIndex.delete(index);
    this.#pending = this.#pending.filter((other) => other !== pending);
    if (pending.refusal !== undefined) pending.respond(pending.refusal());
  }

  /** The node leads no more: what its appends have become is for others to say. */
  leadershipLost(): void {
    this.#pending = this.#pending.filter((pending) => {
      if (pending.isAppend && pending.refusal !== undefined) pending.respond(pending.refusal());
      return !pending.isAppend;
    });
    for (const [index, pending] of this.#byIndex) if (pending.isAppend) this.#byIndex.delete(index);
  }

  #takeAppend(request: AppendRequest, respond: Respond): void {
    const host = this.#host;
    const { model, takesAppends } = host;
    const refused = (): ClientResponse => {
      const leader = host.takesAppends ? undefined : host.leaderName;
      return { kind: 'appendRefused', request: request.request, leader };
    };
    if (model === undefined || !takesAppends || this.#pending.length >= PENDING_MAX) {
      respond(refused());
      return;
    }
    const decision = model.decide(request);
    if (decision.kind === 'rejected' || decision.kind === 'conflict') {
      const answer = negative(request.request, decision);
      const atLeast = decision.dependsOn;
      this.#waitForIndex({ respond, answer: () => answer, refusal: refused, atLeast, isAppend: true });
      return;
    }
    const placed = decision.kind === 'append' ? host.appendEvents(decision.events) : decision;
    if (placed === undefined) {
      respond(refused());
      return;
    }
    const { position, end } = placed;
    const { firstRevision } = decision;
    const answer = { kind: 'appendOk', request: request.request, firstRevision, position, end } as const;
    const atLeast = end;
    const pending = { respond, answer: () => answer, refusal: undefined, atLeast, isAppend: true };
    this.#pending.push({ ...pending, dependsOn: end });
    this.#settle();
  }

  #takeRead({ request, stream, mode }: ReadRequest, respond: Respond): void {
    const host = this.#host;
    const answer = (): ClientResponse => {
      const { commit: upTo, model, start } = host;
      const state = model?.stateAt(stream, upTo) ?? NO_EVENTS;
      return { kind: 'readOk', request, state, upTo, start };
    };
    if (mode === 'committed') {
      respond(answer());
      return;
    }
    const refusal = (): ClientResponse => ({ kind: 'readRefused', request, leader: host.leaderName });
    if (this.#pending.length >= PENDING_MAX) respond(refusal());
    else this.#waitForIndex({ respond, answer, refusal, atLeast: 0, isAppend: false });
  }

  #waitForIndex(waiting: Omit<Pending, 'dependsOn'>): void {
    const pending = { ...waiting, dependsOn: undefined };
    const index = this.#nextIndex++;
    this.#pending.push(pending);
    this.#byIndex.set(index, pending);
    this.#host.askReadIndex(index);
  }

  #settle(): void {
    const { commit } = this.#host;
    const isReady = ({ dependsOn }: Pending): boolean => dependsOn !== undefined && dependsOn <= commit;
    if (!this.#pending.some(isReady)) return;
    const ready = this.#pending.filter(isReady);
    this.#pending = this.#pending.filter((pending) => !isReady(pending));
    for (const { respond, answer } of ready) respond(answer());
  }
}

function negative(
  request: number,
  decision: Extract<Decision, { kind: 'rejected' | 'conflict' }>,
): ClientResponse {
  if (decision.kind === 'conflict') return { kind: 'appendConflict', request };
  return { kind: 'appendRejected', request, current: decision.current };
}
