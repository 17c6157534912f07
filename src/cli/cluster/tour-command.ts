/**
 * `cairn cluster tour`, which is `npm start`: three nodes on this machine, real data streamed through them, and what to try next. It stays until
 * Ctrl-C, which stops all nodes. Main thread.
 */
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CairnError } from '../../base/errors.js';
import { type Client, connect } from '../../client/client.js';
import type { ImportState } from '../import/import-run.js';
import { grouped } from '../import/progress.js';
import { welcomeText } from '../welcome.js';
import {
  addDirectory,
  DEFAULT_DIRECTORY,
  leaderName,
  localTarget,
  type TargetFlags,
} from './cluster-target.js';
import { Foreground } from './foreground.js';
import { LocalCluster } from './local-cluster.js';
import { Pulse } from './pulse.js';
import { hasTourData, importFlights, readEarthquakes } from './tour-data.js';
import { wholeNumber } from './whole-number.js';

interface TourFlags extends TargetFlags {
  readonly basePort: number;
}

const NODES = 3;
/** Each node keeps the next chunk ready, filled with zeros: with the default of 256 MiB, that is a lot of disk for a first look. */
const NODE_ARGUMENTS = ['--chunk-size', '64MiB'];
const DEFAULT_BASE_PORT = 2113;
const STREAM = 'earthquakes';
const RECONNECTS = 3;

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
        ...{ voters: NODES, clones: 0, replicas: 0, basePort, zones: [], nodeArguments: NODE_ARGUMENTS },
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
  await showImport(foreground);
  foreground.print(welcomeText(cluster.directory, names));
  const target = localTarget(cluster);
  const pulse = new Pulse(async () => connectLeader(await leaderName(target)), STREAM, signal);
  const writing = pulse.run(readEarthquakes().map((data) => ({ type: 'Earthquake', data })));
  await Promise.all([writing, foreground.watch(() => ['', pulse.line()])]);
}

/** Streams the flights in, and shows the cluster meanwhile. */
async function showImport(foreground: Foreground): Promise<void> {
  const isOver = new AbortController();
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  let look: () => ImportState | undefined = () => undefined;
  const leader = await leaderName(localTarget(foreground.cluster));
  const importing = importFlights(leader, (state) => {
    look = state;
  });
  const interrupted = once(foreground.signal, 'abort');
  const until = AbortSignal.any([foreground.signal, isOver.signal]);
  const watching = foreground.watch(() => ['', importLine(look(), seconds())], until);
  let outcome: string;
  try {
    await Promise.race([importing, interrupted]);
    outcome = importLine(look(), seconds());
  } catch (error) {
    // Somebody may have killed a node already: the show goes on.
    if (!(error instanceof CairnError)) throw error;
    outcome = `The import of the flights has ended early: ${error.message} [${error.code}]`;
  } finally {
    isOver.abort();
  }
  await watching;
  foreground.print(`\n${outcome}`);
}

function importLine(state: ImportState | undefined, seconds: number): string {
  if (state === undefined) return 'Flights: connecting';
  const { rows, eventsAlreadyThere, streams } = state;
  const again = eventsAlreadyThere === 0 ? '' : ` (${grouped(eventsAlreadyThere)} there already)`;
  const rate = seconds === 0 ? '' : `, ${grouped(rows / seconds)} events/s`;
  return `Flights: ${grouped(rows)} events${again} in ${grouped(streams)} streams, one for each airport${rate}`;
}

/** It finds the next leader by itself; if it doesn't, it is soon made again. */
function connectLeader(address: string): Promise<Client> {
  return connect(address, { name: 'cairn cluster tour', reconnect: { attempts: RECONNECTS } });
}
