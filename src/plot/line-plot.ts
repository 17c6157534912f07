/**
 * A plot of lines: series of points over two axes, linear or logarithmic, with bands for what the points spread over, and each
 * series' name at the end of its line. Pure: a description in, SVG text out.
 */
import {
  area,
  line,
  symbol,
  symbolCircle,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
  symbolWye,
} from 'd3-shape';
import { type Axis, type AxisScale, scaleOf } from './axis.js';
import {
  axes,
  type Box,
  boxOf,
  figure,
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

/** `low` and `high`: what the value spreads over, drawn as a band, or as whiskers where there is no line. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** `line` (default): a line with marks; `curve`: a line alone, for many points or a fit; `dashed`: the same, dashed; `marks`: only marks. */
  readonly as?: 'line' | 'curve' | 'dashed' | 'marks';
  /** Which colour, from 0: series that belong together share one. By default each has its own. */
  readonly colour?: number;
}

export interface LinePlot {
  readonly title: string;
  /** What the plot shows, for those who can't see it; the title if there is nothing to add. */
  readonly description?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly rules?: readonly Rule[];
  readonly size?: Size;
}

/** Lines of labels lie at least so far apart. */
const LABEL_HEIGHT = 14;
const MARK_AREA = 46;
/** One for each colour: whoever sees no colours can still tell series apart. */
const MARKS = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolStar, symbolWye] as const;
const LABEL_GAP = 10;

/** The plot as one `<svg>` element. */
export function linePlot(plot: LinePlot): string {
  const size = plot.size ?? SIZE;
  const names = plot.series.map(({ name }) => textWidth(name));
  const box = boxOf(size, Math.min(Math.max(...names, 0) + LABEL_GAP + 8, size.width * 0.4));
  const all = plot.series.flatMap(({ points }) => points);
  const ruled = (axis: 'x' | 'y') =>
    (plot.rules ?? []).filter((rule) => rule.axis === axis).map(({ at }) => at);
  const x = scaleOf(plot.x, [...all.map((point) => point.x), ...ruled('x')], [box.left, box.right]);
  const heights = all.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const y = scaleOf(plot.y, [...heights, ...ruled('y')], [box.bottom, box.top]);
  const content = [
    axes(box, x, y),
    rules(box, x, y, plot.rules ?? []),
    ...plot.series.map((series, index) => drawn(series, series.colour ?? index, x, y)),
    labels(plot.series, box, x, y),
  ];
  return figure(size, plot.title, content, plot.description);
}

function drawn(series: Series, colour: number, x: AxisScale, y: AxisScale): string {
  const kind = series.as ?? 'line';
  const points = shown(series, x, y);
  const left = (point: Point) => x.pixel(point.x);
  const top = (point: Point) => y.pixel(point.y);
  const spread = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  const parts: string[] = [];
  if (kind === 'marks') parts.push(...spread.map((point) => whisker(point, x, y)));
  else if (spread.length > 1) parts.push(path('band', bandOf(spread, x, y)));
  if (kind !== 'marks') {
    const className = kind === 'dashed' ? 'curve dashed' : 'curve';
    parts.push(path(className, line<Point>(left, top)(points) ?? ''));
  }
  if (kind === 'line' || kind === 'marks') {
    const mark = symbol(MARKS[colour % COLOURS]!, MARK_AREA)() ?? '';
    for (const point of points) {
      const said = `${series.name}: ${formatQuantity(point.x, x.axis.unit)}, ${formatQuantity(point.y, y.axis.unit)}`;
      const place = `translate(${rounded(left(point))} ${rounded(top(point))})`;
      parts.push(
        element('path', { class: 'mark', transform: place, d: mark }, element('title', {}, escapeText(said))),
      );
    }
  }
  return element('g', { class: `s${colour % COLOURS}` }, parts);
}

function bandOf(points: readonly Point[], x: AxisScale, y: AxisScale): string {
  const shape = area<Point>(
    (point) => x.pixel(point.x),
    (point) => lowestOf(point.low!, y),
    (point) => y.pixel(point.high!),
  );
  return shape(points as Point[]) ?? '';
}

function whisker(point: Point, x: AxisScale, y: AxisScale): string {
  const at = rounded(x.pixel(point.x));
  return path('whisker', `M${at} ${rounded(lowestOf(point.low!, y))}V${rounded(y.pixel(point.high!))}`);
}

/** A logarithmic axis has no place for 0: what reaches down to it ends at the axis' own end. */
function lowestOf(value: number, y: AxisScale): number {
  return y.shows(value) ? y.pixel(value) : y.pixel(Number.MIN_VALUE);
}

/** The names beside the ends of their lines, moved apart where they would cover each other. */
function labels(all: readonly Series[], box: Box, x: AxisScale, y: AxisScale): string {
  const ends = all
    .map((series, index) => ({ series, index, last: shown(series, x, y).at(-1) }))
    .filter((end) => end.last !== undefined && end.series.name !== '')
    .map(({ series, index, last }) => ({
      name: series.name,
      colour: (series.colour ?? index) % COLOURS,
      y: y.pixel(last!.y),
    }))
    .sort((a, b) => a.y - b.y);
  const heights = apart(
    ends.map((end) => end.y),
    box.top + 4,
    box.bottom,
  );
  return ends
    .map(({ name, colour }, index) => {
      const attributes = { class: 'label', x: box.right + LABEL_GAP, y: heights[index]! + 4 };
      return element('g', { class: `s${colour}` }, element('text', attributes, escapeText(name)));
    })
    .join('');
}

/** Sorted heights, moved down and then up until neighbours are a line of text apart and all are between `top` and `bottom`. */
export function apart(heights: readonly number[], top: number, bottom: number): number[] {
  const moved = [...heights];
  for (let i = 0; i < moved.length; i++) {
    moved[i] = Math.max(moved[i]!, i === 0 ? top : moved[i - 1]! + LABEL_HEIGHT);
  }
  for (let i = moved.length - 1; i >= 0; i--) {
    moved[i] = Math.min(moved[i]!, i === moved.length - 1 ? bottom : moved[i + 1]! - LABEL_HEIGHT);
  }
  return moved;
}

function shown({ points }: Series, x: AxisScale, y: AxisScale): Point[] {
  return points.filter((point) => x.shows(point.x) && y.shows(point.y));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
