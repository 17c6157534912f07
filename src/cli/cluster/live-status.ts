/**
 * A cluster's state as it changes: on a terminal a table that is drawn again in its place, elsewhere a line whenever something happened.
 * Main thread. It only looks; nothing waits for it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '../../base/errors.js';
import type { ClusterTarget } from './cluster-target.js';
import type { ClusterView } from './cluster-view.js';
import type { LocalCluster } from './local-cluster.js';
import { eventLine, type LocalFactsByName, statusLines } from './status-text.js';

/** Where the state is shown; `process.stdout` is one. */
export interface StatusOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Smooth enough to see an election, and costs the nodes nothing. */
const POLL_MS = 500;
/** A log file is not flooded, and one can see that it lives. */
const LINE_PERIOD_MS = 10_000;

/** What of the nodes' processes is known on this machine. */
export function localFacts(cluster: LocalCluster | undefined): LocalFactsByName {
  if (cluster === undefined) return new Map();
  return new Map(
    cluster.nodes.map((node) => {
      const state = cluster.stateOf(node);
      const pid = state === 'down' ? null : (node.process?.pid ?? null);
      return [node.name, { number: node.number, process: state, pid }];
    }),
  );
}

/** Draws the state, over the last one on a terminal. */
export class LiveStatus {
  #linesDrawn = 0;
  #lastEvent = '';
  #lastLineMs = performance.now();

  constructor(private readonly output: StatusOutput) {}

  /** Shows a state; `extra` are lines below it. */
  show(view: ClusterView, local: LocalFactsByName, extra: readonly string[] = []): void {
    if (this.output.isTTY === true) this.#draw([...statusLines(view, local), ...extra]);
    else this.#tell(eventLine(view, local), extra);
  }

  /** What is written next stands below the last table. */
  release(): void {
    this.#linesDrawn = 0;
  }

  #draw(lines: readonly string[]): void {
    const width = (this.output.columns ?? 120) - 1;
    const up = this.#linesDrawn === 0 ? '' : `\u001b[${this.#linesDrawn}A`;
    // One write, so that nothing flickers. A line that wrapped would be two to go up over.
    this.output.write(`${up}\u001b[J${lines.map((line) => `${line.slice(0, width)}\n`).join('')}`);
    this.#linesDrawn = lines.length;
  }

  #tell(event: string, extra: readonly string[]): void {
    if (event !== this.#lastEvent) this.output.write(`${event}\n`);
    this.#lastEvent = event;
    const nowMs = performance.now();
    if (nowMs - this.#lastLineMs < LINE_PERIOD_MS) return;
    this.#lastLineMs = nowMs;
    for (const line of extra.filter((text) => text !== '')) this.output.write(`${line}\n`);
  }
}

/** Calls `each` with every state until it returns true or `signal` is aborted. Returns whether it returned true. */
export async function watchCluster(
  target: ClusterTarget,
  signal: AbortSignal,
  each: (view: ClusterView) => boolean | Promise<boolean>,
): Promise<boolean> {
  while (!signal.aborted) {
    if (await each(await target.poll())) return true;
    await pause(signal);
  }
  return false;
}

/** Resolves to the first healthy state, or undefined if aborted first. Throws `timeout` with what is wrong. */
export async function untilHealthy(
  target: ClusterTarget,
  deadlineMs: number,
  signal: AbortSignal,
  each: (view: ClusterView) => void = () => undefined,
): Promise<ClusterView | undefined> {
  const endMs = performance.now() + deadlineMs;
  let healthy: ClusterView | undefined;
  await watchCluster(target, signal, (view) => {
    each(view);
    if (view.isHealthy) healthy = view;
    else if (performance.now() > endMs) throw notHealthy(view, deadlineMs);
    return view.isHealthy;
  });
  return healthy;
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await delay(POLL_MS, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function notHealthy({ problems }: ClusterView, deadlineMs: number): CairnError {
  const seconds = Math.round(deadlineMs / 1000);
  return new CairnError('timeout', `the cluster is not healthy after ${seconds} s: ${problems.join('; ')}`);
}
