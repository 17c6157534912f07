/** How the places of a stream's events are handed from one to another: in which order, and one by one. Pure. */
import type { Position } from '../base/units.js';

/** Which way a stream is read. */
export type ReadDirection = 'forwards' | 'backwards';

/** Takes the places of a stream's events one by one. */
export interface EventTaker {
  /** The record begins at `position` and occupies `bytes`. Answers whether it was taken; after a no comes nothing more. */
  add(position: Position, bytes: number): boolean;
}
