/**
 * A map of places and the links between them: places on a circle, what is in each below its name, each link's figure at its middle. Pure: a description
 * in, SVG text out. Where the places lie says nothing; the figures do.
 */
import { figure, path, type Size } from './frame.js';
import { element, escapeText } from './markup.js';
import { COLOURS, HALO } from './theme.js';

export interface Place {
  readonly name: string;
  /** What is there, a line each. */
  readonly notes: readonly string[];
  /** Which colour, from 0. */
  readonly colour?: number;
}

export interface MapLink {
  /** Names of places. */
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** One that matters: drawn in the colour of this number, the others faint. */
  readonly colour?: number;
}

export interface ZoneMap {
  readonly title: string;
  readonly description?: string;
  readonly places: readonly Place[];
  readonly links: readonly MapLink[];
  readonly size?: Size;
}

const SIZE: Size = { width: 720, height: 460 };
const MARK_RADIUS = 9;
const LINE_HEIGHT = 14;
/** Labels sit at different shares of their links, so that those of crossing links don't cover each other. */
const LABEL_SHARES = [0.5, 0.38, 0.62] as const;

interface Spot {
  readonly x: number;
  readonly y: number;
}

export function zoneMap(map: ZoneMap): string {
  const size = map.size ?? SIZE;
  const spots = new Map(map.places.map(({ name }, index) => [name, spotOf(index, map.places.length, size)]));
  const links = map.links.filter(({ from, to }) => from !== to && spots.has(from) && spots.has(to));
  const content = [
    ...links.map(({ from, to, colour }) => lineOf(spots.get(from)!, spots.get(to)!, colour)),
    ...links.map((link, index) => labelOf(link, spots.get(link.from)!, spots.get(link.to)!, index)),
    ...map.places.map((place) => placed(place, spots.get(place.name)!, size)),
  ];
  return figure(size, map.title, content, map.description);
}

function placed(place: Place, spot: Spot, { height }: Size): string {
  return placeOf(place, spot, spot.y < height / 2);
}

function spotOf(index: number, count: number, { width, height }: Size): Spot {
  const angle = (2 * Math.PI * index) / count - Math.PI / 2;
  return {
    x: width / 2 + (width / 2 - 120) * Math.cos(angle),
    y: height / 2 + 10 + (height / 2 - 85) * Math.sin(angle),
  };
}

function lineOf(from: Spot, to: Spot, colour: number | undefined): string {
  const d = `M${rounded(from.x)} ${rounded(from.y)}L${rounded(to.x)} ${rounded(to.y)}`;
  if (colour === undefined) return path('axis', d);
  return element('g', { class: `s${colour % COLOURS}` }, path('curve', d));
}

function labelOf({ from, to, label, colour }: MapLink, a: Spot, b: Spot, index: number): string {
  const share = LABEL_SHARES[index % LABEL_SHARES.length]!;
  const [x, y] = [a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share + 4];
  const title = element('title', {}, escapeText(`${from} – ${to}: ${label}`));
  const className = colour === undefined ? 'note' : 'label';
  const attributes = { class: className, x, y, 'text-anchor': 'middle', style: HALO };
  const text = element('text', attributes, escapeText(label) + title);
  return colour === undefined ? text : element('g', { class: `s${colour % COLOURS}` }, text);
}

/** Its texts stand on the side that has no links: above it in the upper half, below it in the lower one. */
function placeOf({ name, notes, colour = 4 }: Place, { x, y }: Spot, isAbove: boolean): string {
  const mark = element('circle', { class: 'mark', cx: x, cy: y, r: MARK_RADIUS });
  const texts = [name, ...notes];
  const firstY = isAbove ? y - MARK_RADIUS - 6 - LINE_HEIGHT * notes.length : y + MARK_RADIUS + LINE_HEIGHT;
  const lines = texts.map((text, index) => {
    const place = { x, y: firstY + LINE_HEIGHT * index, 'text-anchor': 'middle', style: HALO };
    return element('text', index === 0 ? place : { ...place, class: 'tick' }, escapeText(text));
  });
  return element('g', { class: `s${colour % COLOURS}` }, [mark, ...lines]);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
