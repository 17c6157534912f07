/**
 * Carries what simulated clients say to nodes and back, and wakes them when it is time. Pure. A client's connection is like a TCP session:
 * messages may be lost or late, never doubled (`client-messages.ts`).
 */

import type { EventQueue } from '../event-queue.js';
import type { Random } from '../random.js';
import type { Trace } from '../trace.js';
import type { ClientRequest, ClientResponse } from './client-messages.js';
import type { SimulatedClient } from './workload.js';

/** How clients reach nodes: a node that doesn't run swallows requests. */
export type AskNode = (
  name: string,
  request: ClientRequest,
  respond: (response: ClientResponse) => void,
) => void;

export interface ClientQuality {
  /** Of requests, and of responses. */
  lossChance: number;
  delayMaxMs: number;
}

export interface ClientDriverParts {
  readonly queue: EventQueue;
  readonly trace: Trace;
  readonly random: Random;
  readonly quality: Readonly<ClientQuality>;
  readonly ask: AskNode;
  /** A client was told that its events are committed. */
  readonly onAccepted: () => void;
}

export class ClientDriver {
  readonly #parts: ClientDriverParts;
  readonly #client: SimulatedClient;
  #isDone = false;

  constructor(parts: ClientDriverParts, client: SimulatedClient) {
    this.#parts = parts;
    this.#client = client;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  run(): void {
    const { queue, trace } = this.#parts;
    const turn = this.#client.next(queue.nowMs);
    if (turn.kind === 'done') {
      this.#isDone = true;
      return;
    }
    if (turn.kind === 'wait') {
      queue.at(turn.untilMs, () => this.run());
      return;
    }
    const { to, request } = turn;
    trace.note(queue.nowMs, this.#client.name, request.kind, () => `to ${to} ${JSON.stringify(request)}`);
    const deadline = queue.at(turn.deadlineMs, () => {
      if (this.#client.timedOut(request.request, queue.nowMs)) this.run();
    });
    this.#carry(() => {
      this.#parts.ask(to, request, (response) => this.#carry(() => this.#answered(response, deadline)));
    });
  }

  #answered(response: ClientResponse, deadline: { cancelled: boolean }): void {
    const { queue, trace, onAccepted } = this.#parts;
    const { name } = this.#client;
    trace.note(queue.nowMs, name, response.kind, () => JSON.stringify(response)).numbers(response.request);
    if (response.kind === 'appendOk') onAccepted();
    if (!this.#client.answered(response, queue.nowMs)) return;
    deadline.cancelled = true;
    this.run();
  }

  #carry(arrive: () => void): void {
    const { queue, random, quality } = this.#parts;
    if (random.chance(quality.lossChance)) return;
    queue.after(random.fraction() * quality.delayMaxMs, arrive);
  }
}
