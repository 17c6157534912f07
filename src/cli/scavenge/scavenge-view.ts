/** How far the nodes of a cluster are with a scavenge, for people and for programs. Pure. */
import type { ScavengeStatus } from '../../net/node-port.js';
import { type Column, formatRow, type Row } from '../inspect/output.js';

/** A node, and what it says; null if it does not answer. */
export interface NodeScavenge {
  readonly name: string;
  readonly scavenge: ScavengeStatus | null;
}

const COLUMNS: readonly Column[] = [
  { field: 'name', title: 'NAME', width: 15 },
  { field: 'state', title: 'STATE', width: 9 },
  { field: 'point', title: 'POINT', width: 13, align: 'right' },
  { field: 'chunks', title: 'CHUNKS', width: 11, align: 'right' },
  { field: 'before', title: 'BEFORE', width: 9, align: 'right' },
  { field: 'after', title: 'AFTER', width: 9, align: 'right' },
  { field: 'rate', title: 'RATE', width: 10, align: 'right' },
  { field: 'left', title: 'LEFT', width: 8, align: 'right' },
];
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** What /admin/scavenge answered; null if it is no such answer. */
export function scavengeIn(value: unknown): ScavengeStatus | null {
  const isAnswer = typeof value === 'object' && value !== null && 'chunksTotal' in value && 'state' in value;
  return isAnswer ? (value as ScavengeStatus) : null;
}

/** Whether nobody who answers is at work, and all have heard of the point at this position, if one is given. */
export function isOver(nodes: readonly NodeScavenge[], point = 0): boolean {
  return nodes.every(({ scavenge }) => {
    if (scavenge === null) return true;
    const isAtRest = scavenge.state === 'idle' || scavenge.state === 'stopped';
    return isAtRest && (scavenge.point?.position ?? 0) >= point;
  });
}

/** The table, and below it why nodes wait. */
export function scavengeLines(nodes: readonly NodeScavenge[]): string[] {
  const width = Math.max(15, ...nodes.map(({ name }) => name.length));
  const columns = COLUMNS.map((column) => (column.field === 'name' ? { ...column, width } : column));
  const titles = Object.fromEntries(columns.map(({ field, title }) => [field, title]));
  const rows = nodes.map((node) => formatRow(columns, rowOf(node)));
  const reasons = nodes.flatMap(({ name, scavenge }) =>
    scavenge?.why ? [`${name} waits: ${scavenge.why}`] : [],
  );
  return [formatRow(columns, titles), ...rows, ...reasons];
}

/** One JSON object. */
export function scavengeJson(nodes: readonly NodeScavenge[], time: Date): string {
  return JSON.stringify({ time: time.toISOString(), isOver: isOver(nodes), nodes });
}

function rowOf({ name, scavenge }: NodeScavenge): Row {
  if (scavenge === null) return { name, state: 'no answer' };
  const { state, point, chunksDone, chunksTotal, bytesBefore, bytesAfter, bytesPerSecond, secondsLeft } =
    scavenge;
  return {
    ...{ name, state, point: point?.position ?? null, chunks: `${chunksDone}/${chunksTotal}` },
    ...{ before: size(bytesBefore), after: size(bytesAfter) },
    rate: bytesPerSecond === null ? null : `${size(bytesPerSecond)}/s`,
    left: secondsLeft === null ? null : duration(secondsLeft),
  };
}

/** `1536` → `1.5 KiB`. */
function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `3700` → `1h 1m`. */
function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}
