/**
 * Bars: for each of a list of names a bar to the right (several where a name has several values), and histograms, whose bars stand on
 * a number axis. Pure: a description in, SVG text out.
 */
import { scaleBand } from 'd3-scale';
import { type Axis, type AxisScale, scaleOf } from './axis.js';
import {
  axes,
  type Box,
  boxOf,
  figure,
  horizontalAxis,
  path,
  type Rule,
  rules,
  SIZE,
  type Size,
  textWidth,
} from './frame.js';
import { element, escapeText } from './markup.js';
import { formatQuantity } from './quantity.js';
import { COLOURS } from './theme.js';

/** One bar. `low` and `high`: what its value spreads over. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  /** Which colour, from 0. */
  readonly colour?: number;
  /** Instead of the value in the axis' unit, beside the bar. */
  readonly note?: string;
}

export interface BarPlot {
  readonly title: string;
  readonly description?: string;
  readonly x: Axis;
  readonly bars: readonly Bar[];
  readonly rules?: readonly Rule[];
  readonly width?: number;
}

/** What of a histogram lies from `from` to below `to`. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface Histogram {
  readonly title: string;
  readonly description?: string;
  readonly x: Axis;
  readonly y: Axis;
  /** One or more distributions over the same axis; several are drawn as outlines over each other. */
  readonly sets: readonly { readonly name: string; readonly bins: readonly Bin[] }[];
  readonly rules?: readonly Rule[];
  readonly size?: Size;
}

const ROW_HEIGHT = 26;
const AROUND = 108;

/** Horizontal bars, one below the other, each with its value beside it. */
export function barPlot(plot: BarPlot): string {
  const size = { width: plot.width ?? SIZE.width, height: AROUND + plot.bars.length * ROW_HEIGHT };
  const notes = plot.bars.map((bar) => bar.note ?? formatQuantity(bar.value, plot.x.unit));
  const left = Math.min(Math.max(...plot.bars.map(({ name }) => textWidth(name)), 0) + 18, size.width * 0.45);
  const box: Box = { ...boxOf(size, Math.max(...notes.map(textWidth), 0) + 20), left };
  const values = plot.bars.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const marked = (plot.rules ?? []).filter(({ axis }) => axis === 'x').map(({ at }) => at);
  const x = scaleOf(plot.x, [...values, ...marked], [box.left, box.right]);
  const rows = scaleBand<number>()
    .domain(plot.bars.map((_, index) => index))
    .range([box.top, box.bottom])
    .padding(0.28);
  const bars = plot.bars.map((bar, index) =>
    barOf(bar, notes[index]!, x, { top: rows(index)!, height: rows.bandwidth() }),
  );
  const content = [...horizontalAxis(box, x), ...bars, rules(box, x, x, plot.rules ?? [])];
  return figure(size, plot.title, content, plot.description);
}

function barOf(bar: Bar, note: string, x: AxisScale, row: { top: number; height: number }): string {
  const start = x.pixel(Math.min(0, bar.value));
  const base = x.axis.scale === 'log' ? x.pixel(Number.MIN_VALUE) : start;
  const end = x.shows(bar.value) ? x.pixel(bar.value) : base;
  const middle = row.top + row.height / 2;
  const far = bar.high !== undefined && x.shows(bar.high) ? Math.max(end, x.pixel(bar.high)) : end;
  const title = element('title', {}, escapeText(`${bar.name}: ${note}`));
  const shape = {
    class: 'bar',
    x: base,
    y: row.top,
    width: Math.max(end - base, 1),
    height: row.height,
    rx: 2,
  };
  const parts = [
    element(
      'text',
      { x: x.pixel(x.axis.from ?? 0) - 8, y: middle + 4, 'text-anchor': 'end' },
      escapeText(bar.name),
    ),
    element('rect', shape, title),
    element('text', { class: 'note', x: far + 6, y: middle + 4 }, escapeText(note)),
  ];
  if (bar.low !== undefined && bar.high !== undefined && x.shows(bar.low)) {
    parts.push(path('rule', `M${x.pixel(bar.low)} ${middle}H${x.pixel(bar.high)}`));
  }
  return element('g', { class: `s${(bar.colour ?? 0) % COLOURS}` }, parts);
}

/** Bars over a number axis. A single set is filled; of several each is an outline with its name at its peak. */
export function histogram(plot: Histogram): string {
  const size = plot.size ?? SIZE;
  const box = boxOf(size, 16);
  const bins = plot.sets.flatMap((set) => set.bins);
  const marked = (axis: 'x' | 'y') =>
    (plot.rules ?? []).filter((rule) => rule.axis === axis).map(({ at }) => at);
  const x = scaleOf(
    plot.x,
    [...bins.flatMap(({ from, to }) => [from, to]), ...marked('x')],
    [box.left, box.right],
  );
  // Room for the names.
  const headroom = plot.sets.length > 1 ? 1.08 : 1;
  const y = scaleOf(
    plot.y,
    [...bins.map(({ count }) => count * headroom), ...marked('y')],
    [box.bottom, box.top],
  );
  const drawn = plot.sets.map((set, index) => {
    const shapes = plot.sets.length === 1 ? filled(set.bins, box, x, y) : [outline(set.bins, box, x, y)];
    if (plot.sets.length > 1) shapes.push(nameAtPeak(set.name, set.bins, x, y));
    return element('g', { class: `s${index % COLOURS}` }, shapes);
  });
  return figure(
    size,
    plot.title,
    [axes(box, x, y), ...drawn, rules(box, x, y, plot.rules ?? [])],
    plot.description,
  );
}

function filled(bins: readonly Bin[], box: Box, x: AxisScale, y: AxisScale): string[] {
  return bins
    .filter(({ count }) => y.shows(count) && count > 0)
    .map(({ from, to, count }) => {
      const left = leftOf(from, box, x);
      const width = Math.max(x.pixel(to) - left - 1, 1);
      const top = y.pixel(count);
      const said = `${formatQuantity(from, x.axis.unit)} to ${formatQuantity(to, x.axis.unit)}: ${formatQuantity(count, y.axis.unit)}`;
      const shape = { class: 'bar', x: left, y: top, width, height: Math.max(box.bottom - top, 1) };
      return element('rect', shape, element('title', {}, escapeText(said)));
    });
}

function outline(bins: readonly Bin[], box: Box, x: AxisScale, y: AxisScale): string {
  const heightOf = (count: number) => (y.shows(count) ? y.pixel(count) : box.bottom);
  const steps = bins.map(
    ({ from, to, count }) => `H${leftOf(from, box, x)}V${heightOf(count)}H${x.pixel(to)}`,
  );
  const start = bins[0] === undefined ? box.left : leftOf(bins[0].from, box, x);
  return path('curve', `M${start} ${box.bottom}${steps.join('')}V${box.bottom}`);
}

function nameAtPeak(name: string, bins: readonly Bin[], x: AxisScale, y: AxisScale): string {
  const peak = bins.reduce<Bin | undefined>(
    (best, bin) => (best !== undefined && best.count >= bin.count ? best : bin),
    undefined,
  );
  if (peak === undefined || !y.shows(peak.count)) return '';
  const middle = (x.pixel(peak.from) + x.pixel(peak.to)) / 2;
  return element(
    'text',
    { class: 'label', x: middle, y: y.pixel(peak.count) - 5, 'text-anchor': 'middle' },
    escapeText(name),
  );
}

function leftOf(from: number, box: Box, x: AxisScale): number {
  return x.shows(from) ? x.pixel(from) : box.left;
}
