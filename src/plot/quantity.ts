/**
 * Numbers as people read them: a unit says how a value is written beside an axis, in a label, in a table. Pure.
 */

/**
 * `count`: 1.2 k, 3 M. `microseconds`: a time given in µs, written in µs, ms or s. `milliseconds`: one given in ms. `bytes`: B, KiB, MiB.
 * `ratio`: 1.8 ×. `percent`: a share given in per cent. `plain`: just the number.
 */
export type Unit = 'count' | 'microseconds' | 'milliseconds' | 'bytes' | 'ratio' | 'percent' | 'plain';

interface Step {
  readonly from: number;
  readonly suffix: string;
}

const COUNTS: readonly Step[] = [
  { from: 1e9, suffix: ' G' },
  { from: 1e6, suffix: ' M' },
  { from: 1e3, suffix: ' k' },
  { from: 1, suffix: '' },
];
const MICROSECONDS: readonly Step[] = [
  { from: 1e6, suffix: ' s' },
  { from: 1e3, suffix: ' ms' },
  { from: 1, suffix: ' µs' },
];
const BYTES: readonly Step[] = [
  { from: 1024 ** 3, suffix: ' GiB' },
  { from: 1024 ** 2, suffix: ' MiB' },
  { from: 1024, suffix: ' KiB' },
  { from: 1, suffix: ' B' },
];

/** `value` in its unit, with three significant digits. */
export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–';
  switch (unit) {
    case 'count':
      return stepped(value, COUNTS);
    case 'microseconds':
      return stepped(value, MICROSECONDS);
    case 'milliseconds':
      return stepped(value * 1000, MICROSECONDS);
    case 'bytes':
      return stepped(value, BYTES);
    case 'ratio':
      return `${digits(value)} ×`;
    case 'percent':
      return `${digits(value)} %`;
    case 'plain':
      return digits(value);
  }
}

function stepped(value: number, steps: readonly Step[]): string {
  const size = Math.abs(value);
  const last = steps[steps.length - 1]!;
  if (size === 0) return `0${last.suffix}`;
  const step = steps.find(({ from }) => size >= from) ?? last;
  return digits(value / step.from) + step.suffix;
}

/** Three significant digits, none of them an idle zero; whole numbers keep all of theirs. */
function digits(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
