/**
 * Numbers that must not be mixed up. A flavour is checked between flavours (a Revision is no Position) but a plain
 * number passes, because positions are computed with on every line of the hot path and casts there would hide more
 * than they show.
 */

type Flavoured<Name extends string> = number & { readonly unit?: Name };

/** A byte offset in the logical log: 0 is the first byte of the first record. Always a multiple of 8, below 2^53. */
export type Position = Flavoured<'position'>;
/** The number of an event in its stream: 0, 1, 2, … */
export type Revision = Flavoured<'revision'>;
/** A leader's reign (Raft's term, Paxos' ballot): 1, 2, 3, … below 2^32. */
export type Epoch = Flavoured<'epoch'>;
/** Microseconds since the Unix epoch. Never decides anything about safety. */
export type TimestampUs = Flavoured<'timestampUs'>;
