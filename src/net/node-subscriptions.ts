/**
 * The subscriptions of a node, of all its connections: how many there may be, how many there are, and what was done for them since the start.
 * Main thread.
 */

/** At an instant, for /info and /metrics. The last three are sums since the start. */
export interface SubscriptionCounts {
  readonly open: number;
  /** Of these: who has everything that is committed. The others are catching up. */
  readonly live: number;
  readonly events: number;
  /** Of the frames that were sent. */
  readonly bytes: number;
  /** How often one that was live did not keep up, and went back to reading older parts of the log. */
  readonly fallsBehind: number;
}

type Growing = { -readonly [name in keyof SubscriptionCounts]: number };

/** What a page tells about the subscription that it is sent to. */
interface SentPage {
  readonly bytes: Uint8Array;
  readonly eventCount: number;
  readonly isCaughtUp?: boolean;
  readonly isBehind?: boolean;
}

export const NO_SUBSCRIPTIONS: SubscriptionCounts = { open: 0, live: 0, events: 0, bytes: 0, fallsBehind: 0 };

export class NodeSubscriptions {
  readonly limit: number;
  readonly #counts: Growing = { ...NO_SUBSCRIPTIONS };

  constructor(limit: number) {
    this.limit = limit;
  }

  get counts(): SubscriptionCounts {
    return { ...this.#counts };
  }

  /** One subscription more, until it is told to {@link CountedSubscription.end}; undefined if there are too many already. */
  begin(): CountedSubscription | undefined {
    return this.#counts.open < this.limit ? new CountedSubscription(this.#counts) : undefined;
  }
}

export class CountedSubscription {
  readonly #counts: Growing;
  #isLive = false;
  #isOver = false;

  constructor(counts: Growing) {
    this.#counts = counts;
    counts.open++;
  }

  /** Its client is sent a page. */
  sent({ bytes, eventCount, isCaughtUp, isBehind }: SentPage): void {
    this.#counts.events += eventCount;
    this.#counts.bytes += bytes.length;
    if (isBehind === true) {
      this.#counts.fallsBehind++;
      this.#setLive(false);
    }
    if (isCaughtUp === true) this.#setLive(true);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#setLive(false);
    this.#counts.open--;
  }

  #setLive(isLive: boolean): void {
    if (isLive === this.#isLive || (isLive && this.#isOver)) return;
    this.#isLive = isLive;
    this.#counts.live += isLive ? 1 : -1;
  }
}
