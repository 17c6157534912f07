/** How many subscriptions a node has, of all its connections. Main thread. */
export class SubscriptionSlots {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many there are. */
  get taken(): number {
    return this.#taken;
  }

  /** False if there are too many already. */
  take(): boolean {
    if (this.#taken >= this.limit) return false;
    this.#taken++;
    return true;
  }

  give(): void {
    this.#taken--;
  }
}
