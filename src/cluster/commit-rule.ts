/** When a position is committed (invariants 1 and 4). Pure. */
import { assert } from '../base/assert.js';
import type { Position } from '../base/units.js';
import { type Configuration, type MemberId, quorumOf, votersOf } from './configuration.js';

/**
 * The largest number that a majority of the voters have reached: of durable positions, what is safe; of answered rounds, what is
 * confirmed. Members without a vote count for nothing.
 */
export function quorumReached(configuration: Configuration, reachedBy: (id: MemberId) => number): number {
  const reached: number[] = [];
  for (const { id } of votersOf(configuration)) insertFalling(reached, reachedBy(id));
  return reached[quorumOf(configuration) - 1]!;
}

/** The largest first. By hand: there are nine at most, and to sort by a callback takes V8 ten times as long, which each ack would pay for. */
function insertFalling(numbers: number[], number: number): void {
  let at = numbers.length;
  for (; at > 0 && numbers[at - 1]! < number; at--) numbers[at] = numbers[at - 1]!;
  numbers[at] = number;
}

/** More publishes than this in flight share an end: commit then moves in larger steps, never too far. */
const ENDS_MAX = 4096;

/**
 * The ends of what a leader has published and not yet committed: commit stands at one of them, so never inside a transaction.
 */
export class PublishedEnds {
  #ends: Position[] = [];

  add(end: Position): void {
    assert(end > (this.#ends.at(-1) ?? 0), 'what is published grows');
    if (this.#ends.length === ENDS_MAX) this.#ends.pop();
    this.#ends.push(end);
  }

  /** The last end that is not after `position`; forgets it and all before it. Undefined if there is none. */
  take(position: Position): Position | undefined {
    let reached = 0;
    while (reached < this.#ends.length && this.#ends[reached]! <= position) reached++;
    if (reached === 0) return undefined;
    const end = this.#ends[reached - 1]!;
    this.#ends = this.#ends.slice(reached);
    return end;
  }
}
