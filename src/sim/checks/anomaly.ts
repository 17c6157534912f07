/**
 * What can be wrong with a run, as seen from outside: the closed list of findings of the history checkers and of
 * {@link CommittedLog}. Pure.
 */

export type AnomalyKind =
  // What nodes call committed.
  | 'committed-bytes-differ'
  | 'malformed-record'
  | 'split-transaction'
  // The log alone.
  | 'unknown-event'
  | 'doubled-event'
  | 'wrong-stream'
  | 'revision-gap'
  | 'expected-revision-violated'
  | 'split-append'
  | 'partial-append'
  // The log against what appends were told.
  | 'lost-append'
  | 'wrong-revision'
  | 'wrong-position'
  | 'rejected-but-present'
  | 'refused-but-present'
  | 'acked-uncommitted'
  | 'id-conflict'
  // Time.
  | 'real-time-order'
  | 'unjustified-rejection'
  // Reads.
  | 'stale-read'
  | 'read-uncommitted'
  | 'read-differs'
  | 'read-not-at-position'
  | 'session-backwards'
  // Subscriptions.
  | 'delivered-uncommitted'
  | 'delivered-twice'
  | 'delivery-gap'
  | 'delivery-disorder'
  | 'delivery-unwanted'
  | 'delivery-missing'
  | 'split-delivery'
  | 'false-caught-up'
  | 'subscription-lost';

export interface Anomaly {
  readonly kind: AnomalyKind;
  readonly message: string;
  /** Numbers of the operations concerned, in the history. */
  readonly operations: readonly number[];
}

/** Collects anomalies up to a limit: one bug easily makes thousands, and the first ones tell. */
export class Findings {
  readonly anomalies: Anomaly[] = [];
  readonly #anomaliesMax: number;

  constructor(anomaliesMax: number) {
    this.#anomaliesMax = anomaliesMax;
  }

  add(kind: AnomalyKind, message: string, operations: readonly number[]): void {
    if (this.anomalies.length < this.#anomaliesMax) this.anomalies.push({ kind, message, operations });
  }
}
