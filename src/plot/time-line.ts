/**
 * What happened when and where: a lane for each place, bars for what lasted there, arrows for what went from one lane to another. Pure: a description in, SVG
 * text out.
 */
import { type Axis, type AxisScale, scaleOf } from './axis.js';
import { type Box, boxOf, figure, horizontalAxis, path, SIZE, textWidth } from './frame.js';
import { element, escapeText } from './markup.js';
import { formatQuantity } from './quantity.js';
import { COLOURS, HALO } from './theme.js';

/** Something that lasted in a lane. */
export interface Span {
  readonly lane: string;
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly colour?: number;
}

/** Something that went from one lane to another. */
export interface Arrow {
  readonly fromLane: string;
  readonly toLane: string;
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly colour?: number;
}

export interface TimeLine {
  readonly title: string;
  readonly description?: string;
  readonly x: Axis;
  /** From above to below. */
  readonly lanes: readonly string[];
  readonly spans: readonly Span[];
  readonly arrows: readonly Arrow[];
}

const LANE_HEIGHT = 58;
const BAR_HEIGHT = 20;
/** What a bar is and how long it lasted stands below it, on one of so many lines. */
const NOTE_LINES = 2;
const NOTE_GAP = 8;
const AROUND = 108;
const HEAD = 6;

export function timeLine(line: TimeLine): string {
  const size = { width: SIZE.width, height: AROUND + line.lanes.length * LANE_HEIGHT };
  const left = Math.min(Math.max(...line.lanes.map(textWidth), 0) + 18, size.width * 0.35);
  const box: Box = { ...boxOf(size, 24), left };
  const times = [...line.spans, ...line.arrows].flatMap(({ from, to }) => [from, to]);
  const x = scaleOf(line.x, times, [box.left, box.right]);
  const middleOf = (lane: string) => box.top + (line.lanes.indexOf(lane) + 0.5) * LANE_HEIGHT;
  const content = [
    ...horizontalAxis(box, x),
    ...line.lanes.map((lane) => laneOf(lane, box, middleOf(lane))),
    ...line.arrows.map((arrow) => arrowOf(arrow, x, [middleOf(arrow.fromLane), middleOf(arrow.toLane)])),
    ...line.lanes.flatMap((lane) => spansOf(line.spans, lane, x, middleOf(lane))),
  ];
  return figure(size, line.title, content, line.description);
}

function laneOf(lane: string, { left, right }: Box, y: number): string {
  const name = element('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, escapeText(lane));
  return path('grid', `M${rounded(left)} ${rounded(y)}H${right}`) + name;
}

/** What a lane holds. Notes that would run into each other stand on another line, if there is one. */
function spansOf(spans: readonly Span[], lane: string, x: AxisScale, y: number): string[] {
  const lineEnds = new Array<number>(NOTE_LINES).fill(Number.NEGATIVE_INFINITY);
  const own = spans.filter((span) => span.lane === lane).sort((a, b) => a.from - b.from);
  return own.map((span) => {
    const said = `${span.label}: ${formatQuantity(span.to - span.from, x.axis.unit)}`;
    const start = x.pixel(span.from);
    const line = lineEnds.findIndex((end) => end <= start);
    if (line >= 0) lineEnds[line] = start + textWidth(said) + NOTE_GAP;
    return spanOf(span, said, x, { y, noteLine: line });
  });
}

function spanOf(
  { from, to, colour = 0 }: Span,
  said: string,
  x: AxisScale,
  { y, noteLine }: { readonly y: number; readonly noteLine: number },
): string {
  const [start, end] = [x.pixel(from), x.pixel(to)];
  const shape = {
    class: 'bar',
    x: start,
    y: y - BAR_HEIGHT / 2,
    width: Math.max(end - start, 1.5),
    height: BAR_HEIGHT,
    rx: 2,
  };
  const bar = element('rect', shape, element('title', {}, escapeText(said)));
  // Below the bar: in it, it might be cut.
  const noteY = y + BAR_HEIGHT / 2 + 12 * (noteLine + 1);
  const note = element('text', { class: 'note', x: start, y: noteY, style: HALO }, escapeText(said));
  return element('g', { class: `s${colour % COLOURS}` }, noteLine < 0 ? [bar] : [bar, note]);
}

function arrowOf(arrow: Arrow, x: AxisScale, [fromY, toY]: readonly [number, number]): string {
  const { from, to, label, fromLane, toLane, colour = 4 } = arrow;
  const way = Math.sign(toY - fromY);
  const [startX, startY] = [x.pixel(from), fromY + (way * BAR_HEIGHT) / 2];
  const [endX, endY] = [x.pixel(to), toY - (way * BAR_HEIGHT) / 2];
  const angle = Math.atan2(endY - startY, endX - startX);
  const barb = (turn: number) =>
    `L${rounded(endX - HEAD * Math.cos(angle + turn))} ${rounded(endY - HEAD * Math.sin(angle + turn))}`;
  const end = `${rounded(endX)} ${rounded(endY)}`;
  const d = `M${rounded(startX)} ${rounded(startY)}L${end}${barb(0.45)}M${end}${barb(-0.45)}`;
  const said = `${label}, ${fromLane} to ${toLane}: ${formatQuantity(to - from, x.axis.unit)}`;
  const line = element('path', { class: 'curve', d }, element('title', {}, escapeText(said)));
  return element('g', { class: `s${colour % COLOURS}` }, line);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
