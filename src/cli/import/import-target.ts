/** What an import needs of a node: the client library has it, and a test's stand-in. Interface only. */

/** An event to write. */
export interface ImportEvent {
  /** A UUID in lower case. */
  readonly id: string;
  readonly type: string;
  readonly metadata: Uint8Array;
  readonly data: Uint8Array;
  readonly isJson: true;
}

/** An event that is there. */
export interface PastEvent {
  readonly revision: number;
  readonly metadata: Uint8Array;
}

export interface ImportTarget {
  /** Most bytes of type, metadata and data of an event. */
  readonly eventBytesMax: number;
  /** Most bytes of an append request. */
  readonly appendBytesMax: number;
  /** Most streams that can be written to, or read, at a time. */
  readonly streamsMax: number;
  /**
   * Appends all or nothing behind revision `expected` (−1 = the stream is empty). Resolves to the revision of the last event.
   * Rejects with `CairnError`: `wrong-expected-revision`, `event-id-conflict`, and what else can go wrong.
   */
  append(stream: string, events: readonly ImportEvent[], expected: number): Promise<number>;
  /** The stream's events, the last one first, in pieces; nothing if there is no such stream. */
  readBackwards(stream: string): AsyncIterable<readonly PastEvent[]>;
}
