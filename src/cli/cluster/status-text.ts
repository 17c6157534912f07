/** A cluster's state for people and for programs: a table, one line, or a JSON object. Pure. */
import { type Column, formatRow, type Row } from '../inspect/output.js';
import type { ClusterView, NodeView } from './cluster-view.js';

/** What is known of a node's process, on this machine. */
export interface LocalFacts {
  readonly number: number;
  readonly process: 'up' | 'paused' | 'down';
  readonly pid: number | null;
}

/** By a node's name; empty for a cluster elsewhere. */
export type LocalFactsByName = ReadonlyMap<string, LocalFacts>;

const COLUMNS: readonly Column[] = [
  { field: 'name', title: 'NAME', width: 15 },
  { field: 'zone', title: 'ZONE', width: 6 },
  { field: 'member', title: 'MEMBER', width: 7 },
  { field: 'state', title: 'STATE', width: 10 },
  { field: 'alive', title: 'ALIVE', width: 5 },
  { field: 'epoch', title: 'EPOCH', width: 5, align: 'right' },
  { field: 'committed', title: 'COMMITTED', width: 13, align: 'right' },
  { field: 'lag', title: 'LAG', width: 10, align: 'right' },
  { field: 'priority', title: 'PRIO', width: 4, align: 'right' },
];
const NUMBER_COLUMN: Column = { field: 'number', title: 'NODE', width: 4, align: 'right' };
const PROCESS_COLUMN: Column = { field: 'process', title: 'PROCESS', width: 7 };

/** The table, and below it what is wrong, or that nothing is. */
export function statusLines(view: ClusterView, local: LocalFactsByName): string[] {
  const columns = local.size === 0 ? COLUMNS : [NUMBER_COLUMN, ...COLUMNS, PROCESS_COLUMN];
  const width = Math.max(15, ...view.nodes.map(({ name }) => name.length));
  const fitted = columns.map((column) => (column.field === 'name' ? { ...column, width } : column));
  const titles = Object.fromEntries(columns.map(({ field, title }) => [field, title]));
  const rows = view.nodes.map((node) => formatRow(fitted, rowOf(node, local.get(node.name))));
  return [formatRow(fitted, titles), ...rows, '', ...healthLines(view)];
}

/** What changes when something happens, in one line: positions are left out. */
export function eventLine(view: ClusterView, local: LocalFactsByName): string {
  const nodes = view.nodes.map((node) => {
    const { process } = local.get(node.name) ?? {};
    const what =
      process === 'paused' || process === 'down' ? process : node.isAlive ? node.state : 'no answer';
    return `${node.name} ${what ?? '?'}`;
  });
  const leader = view.leader === null ? 'no leader' : `leader ${view.leader}, epoch ${view.epoch}`;
  return `${leader}: ${nodes.join(', ')}`;
}

/** One JSON object: the whole view at this time. */
export function statusJson(view: ClusterView, local: LocalFactsByName, time: Date): string {
  const nodes = view.nodes.map((node) => ({ ...node, ...local.get(node.name) }));
  return JSON.stringify({ time: time.toISOString(), ...view, nodes });
}

function healthLines({ leader, epoch, isHealthy, problems, warnings }: ClusterView): string[] {
  const warned = warnings.map((warning) => `Warning: ${warning}.`);
  if (isHealthy) return [`Healthy: ${leader} leads, in epoch ${epoch}.`, ...warned];
  return ['Not healthy:', ...problems.map((problem) => `  ${problem}`), ...warned];
}

function rowOf(node: NodeView, facts: LocalFacts | undefined): Row {
  return {
    ...node,
    member: node.member ?? '-',
    state: node.state ?? '-',
    alive: node.isAlive ? 'yes' : 'no',
    number: facts?.number ?? null,
    process: facts?.process ?? null,
  };
}
