/** The question who is in the cluster, one at a time. Node and browsers. */

import { decodeGossipReply } from '../wire/answer-frames.js';
import type { OpenFrame } from '../wire/frame-reader.js';

/** What a node says: JSON, yet to be made sense of. */
export type Gossip = Readonly<Record<string, unknown>>;

export class GossipQuestion {
  #requestId: number | undefined;
  #tell: ((gossip: Gossip | undefined) => void) | undefined;

  /** Whether one is open. */
  get isOpen(): boolean {
    return this.#requestId !== undefined;
  }

  /** It was asked with this id. Resolves to undefined if the connection is lost before the answer. */
  asked(requestId: number): Promise<Gossip | undefined> {
    this.#requestId = requestId;
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** Takes a GossipReply; returns what is wrong with it. */
  answer(frame: OpenFrame): string | undefined {
    const decoded = decodeGossipReply(frame);
    if (decoded.kind === 'invalid') return decoded.reason;
    if (frame.requestId !== this.#requestId) return 'gossip that nobody asked for';
    this.#over(decoded.frame.gossip);
    return undefined;
  }

  /** The connection is gone, or the node refuses to answer. */
  lost(): void {
    this.#over(undefined);
  }

  #over(gossip: Gossip | undefined): void {
    this.#requestId = undefined;
    this.#tell?.(gossip);
    this.#tell = undefined;
  }
}
