/**
 * A random history that is right by construction: one atomic log, applied at one instant each, and clients whose operations
 * overlap. Written the slow and obvious way (lists are filtered, nothing is indexed), so that it shares no idea with the checker.
 */

import type { CommitMark } from '../../../src/sim/checks/committed-log.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { type Expected, extendDigest, type StreamState } from '../../../src/sim/clients/client-messages.js';
import {
  type AppendOperation,
  History,
  type Operation,
  type ReadOperation,
} from '../../../src/sim/clients/history.js';
import { Random } from '../../../src/sim/random.js';

/** Open for change: tests plant anomalies in it. */
export interface World {
  readonly operations: Operation[];
  readonly events: LoggedEvent[];
  readonly marks: CommitMark[];
}

export const EVENT_BYTES = 96;
const GAP_BYTES = 56;
/** Ends the run some steps after the last invocation: a few operations mostly stay open. */
const STOP_CHANCE = 0.05;
const STREAMS = ['a', 'b', 'c'];
const NODES = ['n0', 'n1', 'n2'];

/** The stream as it is in the log before `position`. */
export function stateAt(events: readonly LoggedEvent[], stream: string, position: number): StreamState {
  const seen = events.filter((event) => event.stream === stream && event.end <= position);
  return {
    revision: seen.length - 1,
    digest: seen.reduce((digest, { eventId }) => extendDigest(digest, eventId), 0),
    lastEventId: seen.at(-1)?.eventId ?? '',
  };
}

/** What a client is going to be told. */
type Answer = (nowMs: number) => void;

/** An operation on its way: not yet applied, or with its answer. */
interface OpenOperation {
  readonly operation: Operation;
  answer: Answer | undefined;
  /** The log must be committed up to here before the answer is given. */
  restsOn: number;
}

interface NaiveNode {
  readonly name: string;
  start: number;
  /** How much of the committed log it knows of. */
  commit: number;
}

/** A legal history of so many operations by four clients. */
export function legalHistory(seed: number, operations = 50): World {
  const random = new Random(seed);
  const maker = new HistoryMaker(random.fork(), operations);
  let nowMs = 0;
  while (maker.history.operations.length < operations || !random.chance(STOP_CHANCE)) maker.step(nowMs++);
  maker.commit(nowMs);
  return { operations: maker.history.operations, events: maker.events, marks: maker.marks };
}

class HistoryMaker {
  readonly history = new History();
  readonly events: LoggedEvent[] = [];
  readonly marks: CommitMark[] = [];
  readonly #random: Random;
  readonly #operationsMax: number;
  readonly #open: (OpenOperation | undefined)[] = [undefined, undefined, undefined, undefined];
  readonly #nodes: NaiveNode[] = NODES.map((name) => ({ name, start: 1, commit: 0 }));
  #end = 0;
  #committed = 0;

  constructor(random: Random, operationsMax: number) {
    this.#random = random;
    this.#operationsMax = operationsMax;
  }

  step(nowMs: number): void {
    const random = this.#random;
    if (random.chance(0.3)) this.commit(nowMs);
    if (random.chance(0.3)) this.#moveNode(random.pick(this.#nodes));
    const client = random.below(this.#open.length);
    const open = this.#open[client];
    if (open === undefined) {
      if (this.history.operations.length === this.#operationsMax) return;
      this.#open[client] = this.#invoke(`c${client}`, nowMs);
    } else if (random.chance(0.03)) {
      // The client gives up, and what it asked for may still happen, or not.
      if (open.operation.kind === 'append') {
        open.operation.unsettled++;
        this.history.completeAppend(open.operation, { kind: 'unknown' }, nowMs);
      } else this.history.completeRead(open.operation, { kind: 'failed' }, nowMs);
      if (open.answer === undefined && open.operation.kind === 'append' && random.chance(0.5)) {
        this.#append(open, open.operation);
      }
      this.#open[client] = undefined;
    } else if (open.answer === undefined) this.#apply(open);
    else if (open.restsOn <= this.#committed) {
      open.answer(nowMs);
      this.#open[client] = undefined;
    }
  }

  /** All that is in the log gets committed. */
  commit(nowMs: number): void {
    if (this.#committed === this.#end) return;
    this.#committed = this.#end;
    this.marks.push({ sequence: this.history.moment(nowMs).sequence, end: this.#end });
  }

  #moveNode(node: NaiveNode): void {
    const ends = [
      0,
      ...this.events.filter(({ isLast, end }) => isLast && end <= this.#committed).map(({ end }) => end),
    ];
    if (this.#random.chance(0.1)) {
      node.start++;
      node.commit = this.#random.pick(ends);
    } else node.commit = this.#random.pick([...ends.filter((end) => end >= node.commit), node.commit]);
  }

  #invoke(client: string, nowMs: number): OpenOperation {
    const random = this.#random;
    const stream = random.pick(STREAMS);
    if (random.chance(0.4)) {
      const mode = random.pick(['linearizable', 'committed'] as const);
      const node = random.pick(NODES);
      const operation = this.history.invokeRead({ client, stream, mode, node }, nowMs);
      return { operation, answer: undefined, restsOn: 0 };
    }
    const eventIds = Array.from({ length: random.between(1, 3) }, () => random.uuid());
    const head = stateAt(this.events, stream, this.#end).revision;
    const expected = random.pick<Expected>([
      'any',
      'any',
      'none',
      'exists',
      Math.max(0, head),
      Math.max(0, head),
      head + 1,
    ]);
    const operation = this.history.invokeAppend({ client, stream, expected, eventIds }, nowMs);
    operation.attempts = 1;
    return { operation, answer: undefined, restsOn: 0 };
  }

  #apply(open: OpenOperation): void {
    const { operation } = open;
    if (operation.kind === 'read') this.#read(open, operation);
    else if (this.#random.chance(0.05)) {
      open.answer = (nowMs) => this.history.completeAppend(operation, { kind: 'refused' }, nowMs);
    } else this.#append(open, operation);
  }

  #read(open: OpenOperation, operation: ReadOperation): void {
    const node = this.#nodes.find(({ name }) => name === operation.node)!;
    if (operation.mode === 'linearizable') node.commit = this.#committed;
    const { commit: upTo, start } = node;
    const state = stateAt(this.events, operation.stream, upTo);
    open.answer = (nowMs) => this.history.completeRead(operation, { kind: 'ok', state, upTo, start }, nowMs);
  }

  #append(open: OpenOperation, operation: AppendOperation): void {
    const { stream, expected, eventIds } = operation;
    const { revision: current } = stateAt(this.events, stream, this.#end);
    const fits =
      expected === 'any' || (expected === 'none' && current < 0) || (expected === 'exists' && current >= 0);
    open.restsOn = this.#end;
    if (!fits && expected !== current) {
      open.answer = (nowMs) => this.history.completeAppend(operation, { kind: 'rejected', current }, nowMs);
      return;
    }
    if (this.#random.chance(0.3)) this.#end += GAP_BYTES;
    const position = this.#end;
    for (const [i, eventId] of eventIds.entries()) {
      this.events.push({
        stream,
        revision: current + 1 + i,
        eventId,
        position: this.#end,
        end: this.#end + EVENT_BYTES,
        isFirst: i === 0,
        isLast: i === eventIds.length - 1,
      });
      this.#end += EVENT_BYTES;
    }
    const end = this.#end;
    open.restsOn = end;
    open.answer = (nowMs) =>
      this.history.completeAppend(
        operation,
        { kind: 'ok', firstRevision: current + 1, position, end },
        nowMs,
      );
  }
}
