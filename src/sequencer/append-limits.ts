/** How much one append may be. */

/** What an append may cost, below what ring and chunks can take (see `appendLimits`). */
export interface AppendLimits {
  /** Most bytes of an Append frame. */
  readonly appendBytesMax: number;
  /** Most bytes of type, metadata and data of one event. */
  readonly eventBytesMax: number;
  /** Most bytes that the records of one append may take: many tiny events need far more than their frame. */
  readonly transactionBytesMax: number;
}
