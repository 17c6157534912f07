/**
 * `cairn cluster tour`, which is `npm start`: three nodes on this machine, real data streamed through them, and what to try next. It stays until
 * Ctrl-C, which stops all nodes. Main thread.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Client, connect } from '../../client/client.js';
import type { ImportState } from '../import/import-run.js';
import { grouped } from '../import/progress.js';
import { welcomeText } from '../welcome.js';
import { addDirectory, DEFAULT_DIRECTORY, type TargetFlags } from './cluster-target.js';
import { Foreground } from './foreground.js';
import { LocalCluster } from './local-cluster.js';
import { Pulse } from './pulse.js';
import { hasTourData, importFlights, readEarthquakes } from './tour-data.js';
import { wholeNumber } from './whole-number.js';

interface TourFlags extends TargetFlags {
  readonly basePort: number;
}

const NODES = 3;
const DEFAULT_BASE_PORT = 2113;
const STREAM = 'earthquakes';

/** Adds `tour`. */
export function addTour(cluster: Command): void {
  const command = cluster
    .command('tour')
    .description('what npm start does: three nodes, real data, and what to try next')
    .option(
      '--base-port <port>',
      'the port of the first node',
      wholeNumber(1, 65_535 - NODES),
      DEFAULT_BASE_PORT,
    );
  addDirectory(command).action(startTour);
}

async function startTour({ dir, basePort }: TourFlags): Promise<void> {
  const directory = resolve(dir ?? DEFAULT_DIRECTORY);
  const cluster = LocalCluster.exists(directory)
    ? LocalCluster.open(directory)
    : await LocalCluster.create(directory, {
        ...{ voters: NODES, clones: 0, replicas: 0, basePort, zones: [], nodeArguments: [] },
      });
  const names = cluster.nodes.map(({ name }) => name);
  console.log(`Starting ${names.length} nodes (${names.join(', ')}) in ${directory}\n`);
  const foreground = new Foreground(cluster);
  try {
    if (await foreground.start()) await show(foreground, names);
  } finally {
    await foreground.end();
  }
}

async function show(foreground: Foreground, names: readonly string[]): Promise<void> {
  const { cluster, signal } = foreground;
  if (!hasTourData()) {
    foreground.print(welcomeText(cluster.directory, names));
    await foreground.watch();
    return;
  }
  await showImport(foreground, names[0]!);
  foreground.print(welcomeText(cluster.directory, names));
  const pulse = new Pulse(() => connectNodes(names), STREAM, signal);
  const writing = pulse.run(readEarthquakes().map((data) => ({ type: 'Earthquake', data })));
  await Promise.all([writing, foreground.watch(() => ['', pulse.line(), 'Ctrl-C stops all nodes.'])]);
}

/** Streams the flights in, and shows the cluster meanwhile. */
async function showImport(foreground: Foreground, address: string): Promise<void> {
  const isOver = new AbortController();
  let state: (() => ImportState) | undefined;
  const startedMs = performance.now();
  const importing = importFlights(address, (look) => {
    state = look;
  }).finally(() => isOver.abort());
  const until = AbortSignal.any([foreground.signal, isOver.signal]);
  const seconds = () => (performance.now() - startedMs) / 1000;
  const watching = foreground.watch(() => ['', importLine(state?.(), seconds())], until);
  const interrupted = new Promise<undefined>((end) => {
    foreground.signal.addEventListener('abort', () => end(undefined), { once: true });
  });
  const done = await Promise.race([importing, interrupted]);
  const tookSeconds = seconds();
  await watching;
  if (done !== undefined) foreground.print(`\n${importLine(done, tookSeconds)}\n`);
}

function importLine(state: ImportState | undefined, seconds: number): string {
  if (state === undefined) return 'Flights: connecting';
  const { rows, eventsAlreadyThere, streams } = state;
  const again = eventsAlreadyThere === 0 ? '' : ` (${grouped(eventsAlreadyThere)} there already)`;
  const rate = seconds === 0 ? '' : `, ${grouped(rows / seconds)} events/s`;
  return `Flights: ${grouped(rows)} events${again} in ${grouped(streams)} streams, one for each airport${rate}`;
}

function connectNodes(names: readonly string[]): Promise<Client> {
  return connect(names[0]!, { name: 'cairn cluster tour' });
}
