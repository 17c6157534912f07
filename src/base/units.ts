/**
 * Numbers that must not be mixed up. A flavour is checked between flavours (a Revision is no Position) but a plain
 * number passes, because positions are computed with on every line of the hot path and casts there would hide more
 * than they show.
 */

type Flavoured<Name extends string> = number & { readonly unit?: Name };

/** A byte offset in the logical log: 0 is the first byte of the first record. Always a multiple of 8, below 2^53. */
export type Position = Flavoured<'position'>;
/**
 * Position 0, and what a field begins with that is to hold a position. It is the zero that V8 keeps as a double: a field, or code, that has only met
 * small integers is made for those, and most of what handles positions would be thrown away and compiled anew when the log outgrows 2 GiB.
 */
export const FIRST_POSITION: Position = -0;

/** The smaller of two positions: as `Math.min`, which would make a small integer of it where it can, see {@link FIRST_POSITION}. */
export function earlier(a: Position, b: Position): Position {
  return a < b ? a : b;
}

/** The larger of two positions. */
export function later(a: Position, b: Position): Position {
  return a > b ? a : b;
}
/** The number of an event in its stream: 0, 1, 2, … */
export type Revision = Flavoured<'revision'>;
/** A leader's reign (Raft's term, Paxos' ballot): 1, 2, 3, … below 2^32. */
export type Epoch = Flavoured<'epoch'>;
/** Microseconds since the Unix epoch. Never decides anything about safety. */
export type TimestampUs = Flavoured<'timestampUs'>;
