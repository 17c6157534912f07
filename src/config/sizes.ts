/** Sizes in bytes as people write them. Pure. */

/** Powers of 1024 only: `MB` means 10^6 to some and 2^20 to others, so it is refused. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1024],
  ['kib', 1024],
  ['m', 1024 ** 2],
  ['mib', 1024 ** 2],
  ['g', 1024 ** 3],
  ['gib', 1024 ** 3],
]);

const SIZE_PATTERN = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i;

/** Bytes; undefined if the text is no size. */
export function sizeOf(text: string): number | undefined {
  const match = SIZE_PATTERN.exec(text);
  const factor = SIZE_UNITS.get((match?.[2] ?? '').toLowerCase());
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}
