/**
 * A store in one place behind a bad network, for simulated clients: requests and answers take their time, and some are lost; nodes
 * are names, of which some refuse. It can be told to be wrong in one way.
 */
import type { Anomaly } from '../../../src/sim/checks/anomaly.js';
import { CommittedLog } from '../../../src/sim/checks/committed-log.js';
import { checkHistory } from '../../../src/sim/checks/history-checker.js';
import type {
  AppendRequest,
  ClientRequest,
  ClientResponse,
} from '../../../src/sim/clients/client-messages.js';
import { History } from '../../../src/sim/clients/history.js';
import { SimulatedClient } from '../../../src/sim/clients/workload.js';
import { StreamModel } from '../../../src/sim/node/stream-model.js';
import { Random } from '../../../src/sim/random.js';
import { RawLog } from '../disk/raw-log.js';

export type Defect = 'none' | 'forgets-ids' | 'loses-appends' | 'reads-stale' | 'ignores-expected';

const NODES = ['n0', 'n1', 'n2'];
const DEFECT_CHANCE = 0.2;
const LOSS_CHANCE = 0.1;
/** Longer than a client waits, so that answers and requests come late. */
const DELAY_MS_MAX = 60;

export class NaiveService {
  readonly history = new History();
  readonly clients: SimulatedClient[];
  /** What clients sent and to whom, in order. */
  readonly sent: { readonly to: string; readonly request: ClientRequest }[] = [];
  readonly #committed = new CommittedLog(() => this.history.moment(this.#nowMs).sequence);
  readonly #random: Random;
  readonly #defect: Defect;
  readonly #log = new RawLog();
  readonly #model = new StreamModel();
  readonly #agenda: { readonly atMs: number; readonly act: () => void }[] = [];
  #nowMs = 0;

  constructor(seed: number, defect: Defect, operations: number) {
    this.#random = new Random(seed);
    this.#defect = defect;
    this.clients = Array.from({ length: 4 }, (_, i) => {
      const options = {
        name: `c${i}`,
        nodes: NODES,
        streams: ['a', 'b'],
        operationsMax: operations,
        timeoutMs: 50,
        thinkMsMax: 20,
        readShare: 0.4,
      };
      return new SimulatedClient(options, this.history, this.#random.fork());
    });
  }

  /** Lets all clients finish; returns what the checker says. */
  run(): readonly Anomaly[] {
    for (const client of this.clients) this.#turn(client);
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) {
      this.#nowMs = next.atMs;
      next.act();
    }
    const { events, marks } = this.#committed;
    return checkHistory({ operations: this.history.operations, events, marks });
  }

  #takeNext() {
    const first = this.#agenda.reduce(
      (best, { atMs }, i) => (atMs < (this.#agenda[best]?.atMs ?? 0) ? i : best),
      0,
    );
    return this.#agenda.splice(first, 1)[0];
  }

  #after(delayMs: number, act: () => void): void {
    this.#agenda.push({ atMs: this.#nowMs + delayMs, act });
  }

  #turn(client: SimulatedClient): void {
    const turn = client.next(this.#nowMs);
    if (turn.kind === 'wait') this.#after(turn.untilMs - this.#nowMs, () => this.#turn(client));
    if (turn.kind !== 'send') return;
    const { request, to } = turn;
    this.sent.push({ to, request });
    this.#after(turn.deadlineMs - this.#nowMs, () => {
      if (client.timedOut(request.request, this.#nowMs)) this.#turn(client);
    });
    this.#carry(() => {
      const response = this.#serve(request);
      this.#carry(() => {
        if (client.answered(response, this.#nowMs)) this.#turn(client);
      });
    });
  }

  #carry(act: () => void): void {
    if (!this.#random.chance(LOSS_CHANCE)) this.#after(this.#random.below(DELAY_MS_MAX), act);
  }

  #serve(request: ClientRequest): ClientResponse {
    const { request: number } = request;
    const isRefused = this.#random.chance(0.1);
    const leader = this.#random.pick([...NODES, undefined]);
    if (request.kind === 'append') {
      return isRefused ? { kind: 'appendRefused', request: number, leader } : this.#append(request);
    }
    if (isRefused) return { kind: 'readRefused', request: number, leader };
    const { records, end } = this.#log;
    const isStale = request.mode === 'linearizable' && records.length > 0 && this.#isWrong('reads-stale');
    // As if half of the log had not arrived yet.
    const upTo = isStale ? records[records.length >>> 1]!.position : end;
    const state = this.#model.stateAt(request.stream, upTo);
    return { kind: 'readOk', request: number, state, upTo, start: 1 };
  }

  #append(asked: AppendRequest): ClientResponse {
    const { request, stream, eventIds } = asked;
    const decision = this.#model.decide(asked);
    const { revision } = this.#model.stateAt(stream, this.#log.end);
    const isForced =
      (decision.kind === 'duplicate' && this.#isWrong('forgets-ids')) ||
      (decision.kind === 'rejected' && this.#isWrong('ignores-expected'));
    if (decision.kind === 'append' || isForced) {
      const position = this.#log.end;
      const firstRevision = revision + 1;
      const events = eventIds.map((eventId, i) => ({ stream, eventId, revision: firstRevision + i }));
      if (!this.#isWrong('loses-appends')) this.#write(this.#log.transaction(events));
      return { kind: 'appendOk', request, firstRevision, position, end: this.#log.end };
    }
    if (decision.kind === 'rejected') return { kind: 'appendRejected', request, current: decision.current };
    if (decision.kind === 'conflict') return { kind: 'appendConflict', request };
    const { firstRevision, position, end } = decision;
    return { kind: 'appendOk', request, firstRevision, position, end };
  }

  #write(bytes: Buffer): void {
    this.#committed.commit('n0', this.#model.end, bytes);
    this.#model.append(bytes);
  }

  #isWrong(defect: Defect): boolean {
    return this.#defect === defect && this.#random.chance(DEFECT_CHANCE);
  }
}
