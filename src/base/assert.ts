/**
 * Assertions that are always on. A failed one is a bug of ours, never a user's mistake or a broken disk:
 * the process must die rather than go on with a state nobody has thought about.
 */

/** Thrown by a failed assertion. Nothing catches it except the last handler, which ends the process. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Ends the process (by throwing {@link AssertionFailure}) unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** Marks a branch that the types prove impossible, such as the default of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${String(value)}`);
}
