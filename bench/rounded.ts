/** Numbers for people: as many digits as mean something. Pure. */

/** 0 for what is no number: a row has no holes. */
export function rounded(value: number, digits: number): number {
  if (!Number.isFinite(value)) return 0;
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
