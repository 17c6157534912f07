/** `cairn bench peers`: measures or renders, and prints. Results go to standard output, progress to standard error. Main thread. */
import type { Command } from 'commander';
import { openPlatform } from '../../src/native/platform.js';
import type { FlagValues } from '../flags.js';
import { endBySignal, withScratchFolder } from '../scratch-folder.js';
import { ProgressLine } from '../sweep/progress-line.js';
import { writeText } from '../sweep/results-file.js';
import { installMissing } from './install.js';
import { type PeerOptions, type PeerSwitches, parsePeerOptions } from './options.js';
import { pointLines, pointsOf } from './peer-points.js';
import { type PeerResult, peerTableHeader, peerTableLine } from './peer-row.js';
import { PEERS } from './peers.js';
import { peerReport } from './report.js';
import { describePeerRun, PeerFile, type PeerResults, readPeerFile } from './results-file.js';
import { missing, runPeers, turnsOf } from './run-peers.js';

const NAMES = PEERS.map(({ name }) => name).join(', ');

/** Adds `peers` to `bench`. */
export function registerPeers(bench: Command): void {
  bench
    .command('peers')
    .description('the same durable appends for other stores of three nodes, with ours in between')
    .option('--install', 'install what is missing with apt-get first (as root)')
    .option('--only <peers>', `some of ${NAMES}, with commas`)
    .option('--quick', 'shorter: two minutes or so')
    .option('--in-flight <numbers>', 'requests open at once, with commas (default: 1,64,256)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .option('--seconds <n>', 'how long each row is measured (default: 3; quick: 0.5)')
    .option('--warmup <n>', 'seconds to run before that (default: 2; quick: 0.3)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('--out <file>', 'write every row there, as JSON lines')
    .option('--report <file>', 'write a page with plots there, which opens without a network')
    .option('--from <file>', 'measure nothing: the table, or the page, of rows written before')
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)')
    .action(async ({ quick, install, ...flags }: FlagValues & PeerSwitches) => {
      const switches = { quick: quick === true, install: install === true };
      await runPeersCommand(parsePeerOptions(flags as FlagValues, switches));
    });
}

async function runPeersCommand({ task, output, report }: PeerOptions): Promise<void> {
  const print = (result: PeerResult) =>
    console.log(output === 'json' ? JSON.stringify(result) : peerTableLine(result));
  const printHeader = () => {
    if (output === 'table') console.log(peerTableHeader());
  };
  let results: PeerResults;
  if (task.kind === 'render') {
    results = readPeerFile(task.from);
    printHeader();
    results.results.forEach(print);
  } else {
    const machine = describePeerRun(task.plan);
    const file = new PeerFile(task.out, machine);
    printHeader();
    results = { machine, results: await measure(task, file, print) };
  }
  if (output === 'table')
    for (const line of ['', ...pointLines(pointsOf(results.results))]) console.log(line);
  if (report !== undefined) writeText(report, peerReport(results));
}

async function measure(
  { peers, plan, directory, install }: PeerOptions['task'] & { kind: 'measure' },
  file: PeerFile,
  print: (result: PeerResult) => void,
): Promise<PeerResult[]> {
  const progress = new ProgressLine();
  const failures = install
    ? await installMissing(peers, (line) => progress.note(line))
    : new Map<string, string>();
  const results: PeerResult[] = [];
  const interruption = new AbortController();
  const onSignal = (signal: Parameters<typeof endBySignal>[0]) => {
    if (interruption.signal.aborted || signal !== 'SIGINT') endBySignal(signal);
    interruption.abort();
    progress.note('stopping after this row; once more to end at once');
  };
  const result = (each: PeerResult) => {
    progress.end();
    results.push(each);
    file.add(each);
    print(each);
  };
  const absent = peers.map((peer) => missing(peer, failures)).filter((skipped) => skipped !== undefined);
  const present = peers.filter(({ name }) => !absent.some(({ peer }) => peer === name));
  absent.forEach(result);
  try {
    await withScratchFolder(
      directory,
      (folder) =>
        runPeers(plan, turnsOf(present), {
          disk: openPlatform().disk,
          folder,
          interruption: interruption.signal,
          result,
          progress: (line) => progress.show(line),
        }),
      onSignal,
    );
  } finally {
    progress.end();
  }
  return results;
}
