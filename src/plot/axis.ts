/**
 * One axis: from a description and the values that must fit to a scale (value → pixel) with its ticks. Pure.
 */
import { extent } from 'd3-array';
import { scaleLinear, scaleLog } from 'd3-scale';
import { formatQuantity, type Unit } from './quantity.js';

/** Where a tick stands, and what is written there: without `text`, the value in the axis' unit. */
export interface Tick {
  readonly at: number;
  readonly text?: string;
}

/** What an axis shows. A logarithmic one leaves out values of 0 and less. */
export interface Axis {
  /** What is measured, in words; the unit stands in the ticks. */
  readonly label: string;
  readonly unit: Unit;
  readonly scale: 'linear' | 'log';
  /** The least and the largest value shown; without them, what the values need (a linear axis then begins at 0). */
  readonly from?: number;
  readonly to?: number;
  /** Ticks of one's own choice, such as the sizes that were measured. */
  readonly ticks?: readonly Tick[];
}

/** An axis that is ready to draw on. */
export interface AxisScale {
  readonly axis: Axis;
  readonly ticks: readonly Required<Tick>[];
  /** Whether the axis can show the value at all. */
  shows(value: number): boolean;
  /** The pixel of a value, clamped to the axis. */
  pixel(value: number): number;
}

/** How many ticks a linear axis aims at. */
const TICK_COUNT = 6;
/** More powers in view than this, and only each second, fourth, … one gets a tick. */
const LOG_TICKS_MAX = 8;
/** A logarithmic axis that shows less than so many powers of ten gets ticks at 2 and 5 as well. */
const FEW_DECADES = 2.2;

/** Makes the scale of `axis` for `values` over `pixels` (start and end, which may run downwards). */
export function scaleOf(axis: Axis, values: readonly number[], pixels: readonly [number, number]): AxisScale {
  const isLog = axis.scale === 'log';
  const [from, to] = isLog ? logDomain(axis, values) : linearDomain(axis, values);
  const scale = (isLog ? scaleLog() : scaleLinear()).domain([from, to]).range(pixels).clamp(true);
  const chosen = axis.ticks ?? (isLog ? logTicks(axis.unit, from, to) : linearTicks(axis.unit, from, to));
  const ticks = chosen
    .filter(({ at }) => at >= from && at <= to)
    .map(({ at, text }) => ({ at, text: text ?? formatQuantity(at, axis.unit) }));
  return {
    axis,
    ticks,
    shows: (value) => Number.isFinite(value) && (!isLog || value > 0),
    pixel: (value) => scale(value),
  };
}

function linearDomain({ from, to }: Axis, values: readonly number[]): [number, number] {
  const [least = 0, most = 0] = extent(values.filter(Number.isFinite));
  const low = from ?? Math.min(0, least);
  const high = to ?? most;
  if (!(high > low)) return [low, low + 1];
  const [nicerLow, nicerHigh] = scaleLinear().domain([low, high]).nice(TICK_COUNT).domain() as [
    number,
    number,
  ];
  return [from ?? nicerLow, to ?? nicerHigh];
}

function logDomain({ from, to }: Axis, values: readonly number[]): [number, number] {
  const [least = 1, most = 10] = extent(values.filter((value) => Number.isFinite(value) && value > 0));
  const low = from ?? least;
  const high = to ?? most;
  if (high > low) return [from ?? low * 0.9, to ?? high * 1.1];
  return [low / 2, low * 2];
}

function linearTicks(unit: Unit, from: number, to: number): Tick[] {
  if (unit !== 'bytes')
    return scaleLinear()
      .domain([from, to])
      .ticks(TICK_COUNT)
      .map((at) => ({ at }));
  const step = 2 ** Math.ceil(Math.log2((to - from) / TICK_COUNT));
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, index) => ({
    at: (first + index) * step,
  }));
}

/** Powers of two for bytes, of ten for everything else. */
function logTicks(unit: Unit, from: number, to: number): Tick[] {
  if (unit === 'bytes') return powers(2, from, to);
  const decades = Math.log10(to / from);
  if (decades > FEW_DECADES) return powers(10, from, to);
  const least = Math.floor(Math.log10(from));
  const exponents = Array.from({ length: Math.ceil(decades) + 2 }, (_, index) => least + index);
  const multiples = decades < 0.6 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : [1, 2, 5];
  return exponents.flatMap((exponent) => multiples.map((digit) => ({ at: digit * 10 ** exponent })));
}

function powers(base: number, from: number, to: number): Tick[] {
  const exponentOf = (value: number) => Math.log(value) / Math.log(base);
  const first = Math.ceil(exponentOf(from) - 1e-9);
  const count = Math.floor(exponentOf(to) + 1e-9) - first + 1;
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(count / LOG_TICKS_MAX)));
  return Array.from({ length: Math.max(0, Math.ceil(count / stride)) }, (_, index) => ({
    at: base ** (first + index * stride),
  }));
}
