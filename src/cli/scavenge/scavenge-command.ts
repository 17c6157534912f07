/** `cairn scavenge start|status|stop`: has the nodes of a cluster give back the room of what is hidden, and shows how far they are. Main thread. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { CairnError } from '../../base/errors.js';
import { addTarget, type ClusterTarget, type TargetFlags, targetOf } from '../cluster/cluster-target.js';
import { Interruption } from '../cluster/interruption.js';
import { askLeader, askNode } from '../cluster/node-requests.js';
import { wholeNumber } from '../cluster/whole-number.js';
import { EXIT_CODES } from '../exit-codes.js';
import type { OutputFormat } from '../inspect/output.js';
import { isOver, type NodeScavenge, scavengeIn, scavengeJson, scavengeLines } from './scavenge-view.js';

interface WatchFlags extends TargetFlags {
  readonly watch?: true;
  readonly output: OutputFormat;
}

interface StartFlags extends WatchFlags {
  readonly throttle: number;
}

const THROTTLE_DEFAULT = 50;
/** On loopback or a network a living node answers in milliseconds. */
const STATUS_DEADLINE_MS = 2_000;
const POLL_MS = 1_000;

const HELP = `
What streams hide by $maxCount, $maxAge and $tb, and what was deleted, takes its room on the disk until a scavenge. It removes what is
hidden when it is started, on every node, chunk by chunk, and can not be undone. See docs/operating.md, "Scavenging".

  cairn scavenge start --throttle 30    work three tenths of the time
  cairn scavenge status --watch         until every node is through
  cairn scavenge stop                   the next start goes on
`;

/** Adds `scavenge` and its commands to the command line. */
export function registerScavenge(program: Command): void {
  const scavenge = program
    .command('scavenge')
    .description('give back the room of events that are hidden or deleted')
    .addHelpText('after', HELP);
  const start = scavenge
    .command('start')
    .description('remove on every node what is hidden now')
    .option(
      '--throttle <percent>',
      'how much of its time a node works at it',
      wholeNumber(1, 100),
      THROTTLE_DEFAULT,
    );
  addTarget(addWatch(start)).action(startScavenge);
  addTarget(addWatch(scavenge.command('status').description('show how far each node is'))).action(showStatus);
  addTarget(
    addOutput(scavenge.command('stop').description('stop on every node; the next start goes on')),
  ).action(stopScavenge);
}

function addWatch(command: Command): Command {
  return addOutput(command.option('--watch', 'go on showing it until every node is through'));
}

function addOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'for people, or JSON').choices(['table', 'json']).default('table'),
  );
}

async function startScavenge({ throttle, output, watch, ...flags }: StartFlags): Promise<void> {
  const target = targetOf(flags);
  const answer = await askLeader(target.addresses(), `/admin/scavenge/start?throttlePercent=${throttle}`);
  const position = positionIn(answer);
  if (output === 'json') console.log(JSON.stringify(answer));
  else {
    console.log(`the scavenge point is written, at ${position}: every node removes what was hidden then`);
    if (watch !== true) console.log('cairn scavenge status --watch shows how far they are');
  }
  if (watch === true) await watchUntilOver(target, output, position);
}

async function stopScavenge({ output, ...flags }: WatchFlags): Promise<void> {
  const answer = await askLeader(targetOf(flags).addresses(), '/admin/scavenge/stop');
  if (output === 'json') console.log(JSON.stringify(answer));
  else console.log('every node stops, and stays so until cairn scavenge start, which goes on');
}

async function showStatus({ watch, output, ...flags }: WatchFlags): Promise<void> {
  const target = targetOf(flags);
  if (watch === true) return await watchUntilOver(target, output, 0);
  const nodes = await ask(target);
  console.log(output === 'json' ? scavengeJson(nodes, new Date()) : scavengeLines(nodes).join('\n'));
}

async function watchUntilOver(target: ClusterTarget, output: OutputFormat, point: number): Promise<void> {
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  const { signal } = interruption;
  const painter = new Painter(process.stdout);
  try {
    while (!signal.aborted) {
      const nodes = await ask(target);
      if (output === 'json') console.log(scavengeJson(nodes, new Date()));
      else painter.show(scavengeLines(nodes));
      if (isOver(nodes, point)) return;
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    process.exitCode = EXIT_CODES.interrupted;
  } finally {
    interruption.release();
  }
}

/** Asks every node that there is. Throws if none answers. */
async function ask(target: ClusterTarget): Promise<NodeScavenge[]> {
  const { nodes } = await target.poll();
  const answers = await Promise.all(nodes.map(({ name, address }) => askOne(name, address)));
  if (answers.some(({ scavenge }) => scavenge !== null)) return answers;
  throw new CairnError('connection-refused', 'no node of the cluster answers');
}

async function askOne(name: string, address: string): Promise<NodeScavenge> {
  const asked = { method: 'GET', path: '/admin/scavenge', deadlineMs: STATUS_DEADLINE_MS } as const;
  try {
    return { name, scavenge: scavengeIn(await askNode(address, asked)) };
  } catch (error) {
    if (error instanceof CairnError) return { name, scavenge: null };
    throw error;
  }
}

function positionIn(answer: unknown): number {
  const { position } = (answer ?? {}) as { position?: unknown };
  return typeof position === 'number' ? position : 0;
}

/** Draws lines over the last ones on a terminal; elsewhere shows them when they have changed. */
class Painter {
  readonly #output: NodeJS.WriteStream;
  #shown: readonly string[] = [];

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(lines: readonly string[]): void {
    if (lines.join('\n') === this.#shown.join('\n')) return;
    const isDrawn = this.#output.isTTY && this.#shown.length > 0;
    const up = isDrawn ? `\u001b[${this.#shown.length}A\u001b[J` : '';
    this.#output.write(`${up}${lines.join('\n')}\n`);
    this.#shown = lines;
  }
}
