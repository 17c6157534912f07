/** A row of the check table: something about the machine that a node's disk path depends on. Pure. */

/** `error` keeps the tuner from going on, `warning` costs speed or certainty, `info` is good to know. */
export type Severity = 'error' | 'warning' | 'info';

export interface CheckRow {
  readonly condition: string;
  readonly required: string;
  readonly current: string;
  readonly severity: Severity;
  /** Undefined: it can't be found out here, as in a container without that part of /sys. Never counts as a failure. */
  readonly passed: boolean | undefined;
}

/** What keeps the tuner from going on. */
export function failedErrors(rows: readonly CheckRow[]): readonly CheckRow[] {
  return rows.filter(({ severity, passed }) => severity === 'error' && passed === false);
}

/** A row whose `current` is undefined if it can't be found out. */
export function checkRow(
  [condition, required, severity]: readonly [condition: string, required: string, severity: Severity],
  current: string | undefined,
  passed: boolean | undefined,
): CheckRow {
  const isKnown = current !== undefined;
  return {
    condition,
    required,
    severity,
    current: current ?? 'unknown',
    passed: isKnown ? passed : undefined,
  };
}
