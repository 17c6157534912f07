/**
 * `cairn zones`: latency across zones, predicted, simulated with real nodes, measured and drawn. The flags are here; what is printed goes to standard output, one
 * JSON object a row with `-o json`, everything else to standard error. Main thread.
 */
import type { Command } from 'commander';
import { addUrlOption } from '../../src/cli/node-urls.js';
import type { FlagValues } from '../flags.js';
import { runCompare } from './compare-command.js';
import { runMeasure } from './measure-command.js';
import { runPlot } from './plot-command.js';
import { runPredict } from './predict-command.js';
import { PRESET_NAMES, presetTopology } from './presets.js';
import { runSimulate } from './simulate-command.js';
import { topologyAsYaml } from './topology-file.js';

const TOPOLOGY = `a file, or ${PRESET_NAMES.join(', ')}`;

/** Adds `zones` and its subcommands to the command line. */
export function registerZones(program: Command): void {
  const zones = program
    .command('zones')
    .description('what replication across zones costs: predict, simulate, measure, draw');
  zones
    .command('presets')
    .description('the topologies that are built in; with a name, one as a file to start from')
    .argument('[name]', PRESET_NAMES.join(', '))
    .action(printPresets);
  addPlace(
    zones
      .command('predict')
      .description('what a write takes in a topology, and where the leader and the nodes had better be'),
  )
    .option(
      '--costs <file>',
      "a machine's own share, from simulate --save, instead of the topology's disk and processing times",
    )
    .option('--voters <n>', 'how many voters to place (default: 3)')
    .option('--draws <n>', 'writes that are drawn (default: 20000)')
    .option('--seed <n>', 'of the draws (default: 1)')
    .action(runPredict);
  addRun(
    addPlace(
      zones
        .command('simulate')
        .description("real nodes on this machine behind a topology's links, beside the prediction"),
    ),
  )
    .option('--writers <n>', 'writes at the same time (default: 1)')
    .option('--seed <n>', 'of the delays (default: 1)')
    .option('--save <file>', 'keep it for plot, and for predict --costs')
    .action(runSimulate);
  zones
    .command('plot')
    .description(
      'a page of what simulate --save has kept: a map, the distributions by ack policy, a commit in time',
    )
    .argument('<file>', 'from simulate --save')
    .option('--out <file>', 'the page (default: zones.html)')
    .action(runPlot);
  addUrlOption(
    zones
      .command('measure')
      .description('what the commits of a live cluster wait for; its nodes run with --profile-writes'),
  )
    .option('--seconds <n>', 'for how long (default: 10)')
    .option(
      '--write <n>',
      'write so many events a second meanwhile, to streams called bench-…, which stay (default: 0)',
    )
    .option('--event-bytes <n>', 'bytes of data in each of them (default: 256)')
    .option('--save-topology <file>', 'as a topology, for predict')
    .option('-o, --output <format>', 'table or json (default: table)')
    .action(runMeasure);
  addCompare(zones);
}

function addCompare(zones: Command): void {
  const command = zones
    .command('compare')
    .description("ways to replicate, side by side, and what each loses when the leader's zone burns down");
  addRun(addTopology(command))
    .option('--burns <n>', 'how often the zone burns, each time on a new cluster (default: 3)')
    .option('--writers <n>', 'writes at the same time when it burns (default: 16)')
    .option('--seed <n>', 'of the delays and the instants (default: 1)')
    .action(runCompare);
}

function addPlace(command: Command): Command {
  return addTopology(command).option(
    '--policy <names>',
    'leader, quorum, quorum-and-zone, all; several with commas (default: all of them)',
  );
}

/** What all commands with a topology have. */
function addTopology(command: Command): Command {
  return command
    .argument('<topology>', TOPOLOGY)
    .option('--leader <node>', "who leads (default: the topology's)")
    .option(
      '--client <zone>',
      "where the client is (default: the topology's, or with --leader the leader's zone)",
    )
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)');
}

function addRun(command: Command): Command {
  return command
    .option('--seconds <n>', 'how long to write with each policy (default: 5)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .option('--sync-mode <mode>', 'how writes become durable: fdatasync or dsync (default: fdatasync)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)");
}

function printPresets(name: string | undefined, _flags: FlagValues): void {
  if (name !== undefined) process.stdout.write(topologyAsYaml(presetTopology(name)));
  else for (const preset of PRESET_NAMES) console.log(`${preset}\n  ${presetTopology(preset).source}`);
}
