/** `cairn cluster status`: who is in a cluster and how it is, once or as it changes. Main thread. Exit statuses: docs/operating.md. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_CODES } from '../exit-codes.js';
import { addTarget, type ClusterTarget, type TargetFlags, targetOf } from './cluster-target.js';
import type { ClusterView } from './cluster-view.js';
import { Interruption } from './interruption.js';
import { LiveStatus, localFacts, untilHealthy, watchCluster } from './live-status.js';
import { statusJson, statusLines } from './status-text.js';

interface StatusFlags extends TargetFlags {
  readonly watch?: true;
  readonly exitWhenHealthy?: true;
  readonly timeout: number;
  readonly output: 'table' | 'json';
}

const DEFAULT_TIMEOUT_S = 60;

/** Adds `status`. */
export function addStatus(cluster: Command): void {
  const command = cluster
    .command('status')
    .description('show who is in the cluster, who leads, and how far each node is')
    .option('--watch', 'go on showing it until Ctrl-C')
    .option('--exit-when-healthy', 'wait until every member is there and follows the leader')
    .option('--timeout <seconds>', 'how long to wait for that', seconds, DEFAULT_TIMEOUT_S)
    .addOption(
      new Option('-o, --output <format>', 'a table, or one JSON object for each look at the cluster')
        .choices(['table', 'json'])
        .default('table'),
    );
  addTarget(command).action(status);
}

async function status(flags: StatusFlags): Promise<void> {
  const target = targetOf(flags);
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    if (flags.exitWhenHealthy === true) await waitForHealth(target, flags, interruption.signal);
    else if (flags.watch === true)
      await watchCluster(target, interruption.signal, painter(target, flags.output));
    else showOnce(await target.poll(), target, flags.output);
  } finally {
    interruption.release();
  }
}

async function waitForHealth(
  target: ClusterTarget,
  { watch, output, timeout }: StatusFlags,
  signal: AbortSignal,
): Promise<void> {
  const paint = painter(target, output);
  const view = await untilHealthy(target, 1000 * timeout, signal, watch === true ? paint : undefined);
  if (view === undefined) process.exitCode = EXIT_CODES.interrupted;
  else if (watch !== true) showOnce(view, target, output);
}

/** Shows every state; never says that it is enough. */
function painter(target: ClusterTarget, output: 'table' | 'json'): (view: ClusterView) => false {
  const live = new LiveStatus(process.stdout);
  return (view) => {
    if (output === 'json') console.log(statusJson(view, localFacts(target.local), new Date()));
    else live.show(view, localFacts(target.local));
    return false;
  };
}

/** Status 7 if nobody leads: then nothing can be written. */
function showOnce(view: ClusterView, target: ClusterTarget, output: 'table' | 'json'): void {
  const local = localFacts(target.local);
  if (output === 'json') console.log(statusJson(view, local, new Date()));
  else console.log(statusLines(view, local).join('\n'));
  if (view.leader === null) process.exitCode = EXIT_CODES.noAnswer;
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('It must be a number of seconds, up to a day.');
}
