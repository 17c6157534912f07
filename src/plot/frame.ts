/**
 * What every plot with two axes shares: its size, title, gridlines, ticks and axis labels, and the box that is left for the data. Pure.
 */
import type { AxisScale } from './axis.js';
import { element, escapeText } from './markup.js';

/** In pixels of the SVG's own measure; on a page it is scaled to the room there is. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The edges of the box that the data is drawn in. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A line across the whole plot with a label, such as a floor, a limit or a probe. */
export interface Rule {
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly label: string;
}

export const SIZE: Size = { width: 720, height: 400 };
/** The average width of a letter of the labels' size; there is no font here to measure with. */
const LETTER_WIDTH = 7.1;

/** How wide a label is, about. */
export function textWidth(text: string): number {
  return text.length * LETTER_WIDTH;
}

/** The box for the data: room for title and labels, and `right` pixels for what stands beside the lines. */
export function boxOf({ width, height }: Size, right: number): Box {
  return { left: 66, right: width - Math.max(right, 16), top: 58, bottom: height - 50 };
}

/** The whole SVG around `content`. `title` is seen and read aloud; `description` is only read aloud. */
export function figure(size: Size, title: string, content: readonly string[], description = title): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'plot',
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
    'aria-label': description,
  };
  const heading = element('text', { class: 'heading', x: 8, y: 20 }, escapeText(title));
  return element('svg', attributes, [element('title', {}, escapeText(title)), heading, ...content]);
}

/** Gridlines and ticks of both axes, and their labels. */
export function axes(box: Box, x: AxisScale, y: AxisScale): string {
  return [...horizontalAxis(box, x), ...verticalAxis(box, y)].join('');
}

/** The horizontal axis alone, for plots whose vertical one is a list. */
export function horizontalAxis(box: Box, x: AxisScale): string[] {
  const { left, right, top, bottom } = box;
  return [
    ...x.ticks.map(({ at }) => path('grid', `M${round(x.pixel(at))} ${top}V${bottom}`)),
    path('axis', `M${left} ${bottom}H${right}`),
    ...readable(x).map(({ at, text }) =>
      element(
        'text',
        { class: 'tick', x: x.pixel(at), y: bottom + 16, 'text-anchor': 'middle' },
        escapeText(text),
      ),
    ),
    element(
      'text',
      { class: 'axis-label', x: (left + right) / 2, y: bottom + 38, 'text-anchor': 'middle' },
      escapeText(x.axis.label),
    ),
  ];
}

/** The vertical axis; its label lies above it, so that nobody must turn their head. */
function verticalAxis(box: Box, y: AxisScale): string[] {
  const { left, right, top } = box;
  return [
    ...y.ticks.map(({ at }) => path('grid', `M${left} ${round(y.pixel(at))}H${right}`)),
    ...y.ticks.map(({ at, text }) =>
      element(
        'text',
        { class: 'tick', x: left - 8, y: y.pixel(at) + 4, 'text-anchor': 'end' },
        escapeText(text),
      ),
    ),
    element('text', { class: 'axis-label', x: 8, y: top - 18 }, escapeText(y.axis.label)),
  ];
}

/** Lines across the plot, each with its label. */
export function rules(box: Box, x: AxisScale, y: AxisScale, all: readonly Rule[]): string {
  return all
    .map(({ axis, at, label }) => {
      const text = escapeText(label);
      if (axis === 'y') {
        const pixel = y.pixel(at);
        return (
          path('rule', `M${box.left} ${round(pixel)}H${box.right}`) +
          element('text', { class: 'note', x: box.left + 6, y: pixel - 4 }, text)
        );
      }
      const pixel = x.pixel(at);
      return (
        path('rule', `M${round(pixel)} ${box.top}V${box.bottom}`) +
        element('text', { class: 'note', x: pixel, y: box.top - 4, 'text-anchor': 'middle' }, text)
      );
    })
    .join('');
}

export function path(className: string, d: string): string {
  return element('path', { class: className, d });
}

/** The ticks whose texts don't run into each other. */
function readable(x: AxisScale): AxisScale['ticks'] {
  let end = Number.NEGATIVE_INFINITY;
  return x.ticks.filter(({ at, text }) => {
    const half = textWidth(text) / 2;
    const start = x.pixel(at) - half;
    if (start < end + 4) return false;
    end = start + 2 * half;
    return true;
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
