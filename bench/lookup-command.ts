/** `cairn bench lookup`: its flags, and what is printed. Main thread. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatQuantity } from '../src/plot/quantity.js';
import { type FlagValues, numberOf, numbersOf } from './flags.js';
import { type LookupRow, runLookup } from './lookup.js';
import { lookupReport } from './lookup-report.js';
import { parseOutput } from './options.js';
import { withScratchFolder } from './scratch-folder.js';

/** Adds `lookup` to `cairn bench`. */
export function registerLookup(bench: Command): void {
  bench
    .command('lookup')
    .description('fill a log; how large its index is, how fast it answers, and how long a restart takes')
    .option('--events <n,…>', 'how many events the log has at each measurement, ascending (default: 1000000)')
    .option('--streams <n>', 'how many streams they are in, in turn (default: 200000)')
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .option('--seconds <n>', 'how long lookups are measured, hot and cold (default: 2)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('--report <file>', 'also write plots of how the figures change with the log, as one HTML file')
    .option('-o, --output <format>', 'table or json: one object a row on standard output (default: table)')
    .action(printLookups);
}

async function printLookups(flags: FlagValues): Promise<void> {
  const output = parseOutput(flags);
  const options = {
    events: numbersOf(flags, 'events', '1000000'),
    streams: numberOf(flags, 'streams', 200_000),
    eventBytes: numberOf(flags, 'eventBytes'),
    seconds: numberOf(flags, 'seconds', 2),
  };
  await withScratchFolder(flags['dir'] ?? '.', async (folder) => {
    const rows: LookupRow[] = [];
    for await (const row of runLookup(options, folder)) {
      rows.push(row);
      console.log(output === 'json' ? JSON.stringify(row) : lineOf(row));
      // After each row: what is there stays, whatever comes.
      if (flags['report'] !== undefined) writeFileSync(flags['report'], lookupReport(rows));
    }
  });
}

function lineOf(row: LookupRow): string {
  return [
    `${row.events} events in ${row.streams} streams:`,
    `index ${row.indexBytesPerEvent} bytes an event in ${row.segments} segments, event ids ${row.eventIdBytesPerEvent};`,
    `restart ${row.restartMs} ms, of a node ${row.nodeRestartMs} ms (${formatQuantity(row.nodeBytes, 'bytes')} of memory);`,
    `lookups a second: hot ${row.hotPerSecond} (p99 ${row.hotP99Us} µs), cold ${row.coldPerSecond} (p99 ${row.coldP99Us} µs)`,
  ].join(' ');
}
