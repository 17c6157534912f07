/**
 * The memory of the range that is being sent over a connection, used again for the next one: at some hundred megabytes a second, making it
 * and having V8 collect it would cost more than filling it. Main thread.
 */

/** A full range and its head. What is larger holds a single large record, and is rare. */
const KEPT_BYTES_MAX = 1024 * 1024 + 4096;
/** So that ranges that grow little by little don't each need more. */
const KEPT_BYTES_MIN = 64 * 1024;

export class RangeMemory {
  /** One range is under way at a time; another subscription's may still be. */
  #spare: Uint8Array | undefined;

  /** At least `bytes`, holding anything. */
  take(bytes: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined && spare.length >= bytes) return spare;
    return Buffer.allocUnsafeSlow(bytes > KEPT_BYTES_MAX ? bytes : keptBytesFor(bytes));
  }

  /** What it was taken for has left. */
  give(memory: Uint8Array): void {
    if (memory.length <= KEPT_BYTES_MAX) this.#spare = memory;
  }
}

/** The next power of two, within the limits. */
function keptBytesFor(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(bytes));
  return Math.min(Math.max(power, KEPT_BYTES_MIN), KEPT_BYTES_MAX);
}
